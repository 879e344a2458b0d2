#include "tests/support/power_cut_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "tests/support/power_cut_files.h"

namespace timber {

namespace {

// One spelling for each name, so that names can be compared.
std::string plain(std::string_view path) {
    std::string text = std::filesystem::path(path).lexically_normal().string();
    if (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

struct Identity {
    uint64_t inode = 0;  // 0: nothing there
    bool is_directory = false;
    uint64_t links = 0;
};

Identity identity_of(const std::string& path) {
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) return {};
    return {
        .inode = status.st_ino, .is_directory = S_ISDIR(status.st_mode), .links = status.st_nlink};
}

// [begin, end) of the file, cut where only zeroes follow.
std::vector<std::byte> read_image(int fd, uint64_t begin, uint64_t end) {
    std::vector<std::byte> image(end > begin ? end - begin : 0);
    size_t done = 0;
    while (done < image.size()) {
        const ssize_t answer =
            ::pread(fd, image.data() + done, image.size() - done, static_cast<off_t>(begin + done));
        if (answer < 0 && errno == EINTR) continue;
        if (answer < 0) give_up("read", "what a change replaces");
        if (answer == 0) break;
        done += static_cast<size_t>(answer);
    }
    image.resize(done);
    while (!image.empty() && image.back() == std::byte{0}) image.pop_back();
    return image;
}

}  // namespace

// An operation of ours for one of the caller's.
struct PowerCutDisk::Wrapped {
    Wrapped(PowerCutDisk& its_disk, IoOp& its_outer) : disk(its_disk), outer(its_outer) {
        if (outer.home() == nullptr) {
            inner = std::make_unique<IoOp>();
        } else {
            inner = std::make_unique<IoOp>(*outer.home(), &done, this);
        }
        switch (outer.kind()) {
            case IoKind::kRead:
                inner->prepare_read(outer.file(), outer.offset(), {outer.data(), outer.bytes()});
                return;
            case IoKind::kWrite:
                inner->prepare_write(outer.file(), outer.offset(), {outer.data(), outer.bytes()},
                                     outer.durable());
                return;
            case IoKind::kSync: inner->prepare_sync(outer.file()); return;
            case IoKind::kAllocate:
                inner->prepare_allocate(outer.file(), outer.offset(), outer.bytes());
                return;
        }
        TIMBER_UNREACHABLE();
    }

    static void done(void* context, IoOp&) {
        const std::unique_ptr<Wrapped> self(static_cast<Wrapped*>(context));
        Result<size_t> result = self->inner->result();
        self->disk.end(*self, result.ok());
        self->outer.finish_on_loop(std::move(result));
    }

    PowerCutDisk& disk;
    IoOp& outer;
    std::unique_ptr<IoOp> inner;
    uint64_t sequence = 0;          // of what it changes, if anything
    std::vector<uint64_t> covered;  // what a sync will have made durable
};

PowerCutDisk::PowerCutDisk(Disk& inner, PowerCut& power_cut)
    : ForwardingDisk(inner), power_cut_(power_cut) {
    const MutexLock lock(mutex_);
    PowerCutLog& log = power_cut_.log();
    log.attach();
    // An earlier process died; what it had not synced may still be lost.
    log.visit([this](uint64_t sequence, const PowerCutRecord& record) TIMBER_REQUIRES(mutex_) {
        Change change = change_of(record);
        change.completed = true;
        know_locked(sequence, std::move(change));
    });
    const std::string keep_directory = parent_path(power_cut_.kept_path(0));
    for (const auto& entry : std::filesystem::directory_iterator(keep_directory)) {
        const std::string name = entry.path().filename();
        uint64_t inode = 0;
        std::from_chars(name.data(), name.data() + name.size(), inode);
        if (inode != 0) kept_.insert(inode);
    }
}

PowerCutDisk::~PowerCutDisk() {
    const MutexLock lock(mutex_);
    for (const auto& [handle, file] : files_) ::close(file.fd);
}

// --- Records ---

PowerCutDisk::Change PowerCutDisk::change_of(const PowerCutRecord& record) {
    Change change = {.kind = record.kind};
    if (record.path.empty()) {
        change.inode = record.file;
        change.offset = record.offset;
        change.end = record.offset + record.length;
        change.old_size = record.old_size;
    } else {
        change.directories.insert(parent_path(record.path));
        if (!record.path_to.empty()) change.directories.insert(parent_path(record.path_to));
    }
    return change;
}

void PowerCutDisk::know_locked(uint64_t sequence, Change change) {
    if (change.inode != 0) changes_of_[change.inode].insert(sequence);
    changes_[sequence] = std::move(change);
}

uint64_t PowerCutDisk::note_locked(const PowerCutRecord& record) {
    const uint64_t sequence = power_cut_.log().append(record);
    know_locked(sequence, change_of(record));
    return sequence;
}

uint64_t PowerCutDisk::note_write_locked(const IoOp& op) {
    const OpenFile& file = files_.at(op.file());
    const uint64_t old_size = size_of(file.fd);
    const uint64_t end = std::min(op.offset() + op.bytes(), old_size);
    const std::vector<std::byte> image = read_image(file.fd, op.offset(), end);
    return note_locked({.kind = PowerCutKind::kWrite,
                        .file = file.inode,
                        .offset = op.offset(),
                        .length = op.bytes(),
                        .old_size = old_size,
                        .image = image});
}

uint64_t PowerCutDisk::note_resize_locked(const OpenFile& file, uint64_t new_size) {
    const uint64_t old_size = size_of(file.fd);
    const std::vector<std::byte> image = read_image(file.fd, new_size, old_size);
    return note_locked({.kind = PowerCutKind::kResize,
                        .file = file.inode,
                        .offset = std::min(new_size, old_size),
                        .length = old_size - std::min(new_size, old_size),
                        .old_size = old_size,
                        .image = image});
}

// Older records must not take back what is durable now: neither a write to the same place, nor a
// size that does not reach it. Where there are none, which is the rule for a log's segments,
// nothing needs to be said.
void PowerCutDisk::note_durable_locked(const IoOp& op, uint64_t sequence) {
    const uint64_t inode = files_.at(op.file()).inode;
    const uint64_t end = op.offset() + op.bytes();
    const auto endangers = [&](uint64_t other) TIMBER_REQUIRES(mutex_) {
        const Change& change = changes_.at(other);
        if (other == sequence || change.kind == PowerCutKind::kDurable) return false;
        const bool overlaps = change.offset < round_up(end, kSectorBytes) &&
                              round_up(change.end, kSectorBytes) > op.offset();
        return overlaps || change.old_size < end;
    };
    const auto& others = changes_of_.at(inode);
    if (std::any_of(others.begin(), others.end(), endangers)) {
        const uint64_t noted = note_locked({.kind = PowerCutKind::kDurable,
                                            .file = inode,
                                            .offset = op.offset(),
                                            .length = op.bytes()});
        changes_.at(noted).completed = true;
    }
    forget_locked(sequence);
}

void PowerCutDisk::forget_locked(uint64_t sequence) {
    const auto found = changes_.find(sequence);
    if (found == changes_.end()) return;
    const uint64_t inode = found->second.inode;
    power_cut_.log().drop(sequence);
    changes_.erase(found);
    if (inode == 0) return;
    changes_of_.at(inode).erase(sequence);
    forget_needless_locked(inode);
}

// What says that data is durable protects it from older records alone.
void PowerCutDisk::forget_needless_locked(uint64_t inode) {
    std::set<uint64_t>& sequences = changes_of_.at(inode);
    while (!sequences.empty() && changes_.at(*sequences.begin()).kind == PowerCutKind::kDurable) {
        const uint64_t oldest = *sequences.begin();
        power_cut_.log().drop(oldest);
        changes_.erase(oldest);
        sequences.erase(oldest);
    }
    if (sequences.empty()) changes_of_.erase(inode);
}

// The oldest first: were the process killed between two, nothing that is forgotten would be undone
// through an older one that is not.
void PowerCutDisk::forget_locked(const std::vector<uint64_t>& sequences) {
    for (const uint64_t sequence : sequences) forget_locked(sequence);
}

std::vector<uint64_t> PowerCutDisk::completed_of_locked(uint64_t inode) {
    std::vector<uint64_t> sequences;
    const auto found = changes_of_.find(inode);
    if (found == changes_of_.end()) return sequences;
    for (const uint64_t sequence : found->second) {
        if (changes_.at(sequence).completed) sequences.push_back(sequence);
    }
    return sequences;
}

std::vector<uint64_t> PowerCutDisk::completed_in_locked(const std::string& directory) {
    std::vector<uint64_t> sequences;
    for (const auto& [sequence, change] : changes_) {
        if (change.completed && change.directories.contains(directory)) {
            sequences.push_back(sequence);
        }
    }
    return sequences;
}

// --- Data operations ---

void PowerCutDisk::begin(Wrapped& wrapped) {
    const IoOp& op = wrapped.outer;
    const MutexLock lock(mutex_);
    const OpenFile& file = files_.at(op.file());
    switch (op.kind()) {
        case IoKind::kRead: return;
        case IoKind::kWrite: wrapped.sequence = note_write_locked(op); return;
        case IoKind::kSync: wrapped.covered = completed_of_locked(file.inode); return;
        case IoKind::kAllocate: {
            const uint64_t end = op.offset() + op.bytes();
            if (end > size_of(file.fd)) wrapped.sequence = note_resize_locked(file, end);
            return;
        }
    }
    TIMBER_UNREACHABLE();
}

// A failed change may have happened in part: it stays undoable until a sync.
void PowerCutDisk::end(Wrapped& wrapped, bool ok) {
    const IoOp& op = wrapped.outer;
    const MutexLock lock(mutex_);
    if (op.kind() == IoKind::kWrite && op.durable() && ok) {
        note_durable_locked(op, wrapped.sequence);
    } else if (const auto found = changes_.find(wrapped.sequence); found != changes_.end()) {
        found->second.completed = true;
    }
    if (ok) forget_locked(wrapped.covered);
}

void PowerCutDisk::submit(IoOp& op) {
    op.start();
    auto wrapped = std::make_unique<Wrapped>(*this, op);
    begin(*wrapped);
    op.scratch.pointer = wrapped.get();
    inner_.submit(*wrapped.release()->inner);
}

void PowerCutDisk::wait(IoOp& op) {
    if (!op.in_flight()) return;
    const std::unique_ptr<Wrapped> wrapped(static_cast<Wrapped*>(op.scratch.pointer));
    inner_.wait(*wrapped->inner);
    Result<size_t> result = wrapped->inner->result();
    end(*wrapped, result.ok());
    op.finish(std::move(result));
}

// --- Files ---

// The link that holds on to the inode, whatever becomes of its names.
void PowerCutDisk::keep_locked(uint64_t inode, const std::string& path) {
    if (!kept_.insert(inode).second) return;
    const std::string kept = power_cut_.kept_path(inode);
    if (::link(path.c_str(), kept.c_str()) != 0) give_up("keep a link to", path);
}

Result<FileHandle> PowerCutDisk::open(std::string_view path, OpenOptions options) {
    const std::string name = plain(path);
    const MutexLock lock(mutex_);
    const bool may_create = options.create && identity_of(name).inode == 0;
    uint64_t created = 0;
    if (may_create) created = note_locked({.kind = PowerCutKind::kCreate, .path = name});
    Result<FileHandle> opened = inner_.open(path, options);
    if (!opened) {
        if (may_create) forget_locked(created);
        return opened;
    }
    if (may_create) changes_.at(created).completed = true;
    const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) give_up("open", name);
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    const uint64_t inode = identity_of(name).inode;
    keep_locked(inode, name);
    files_[*opened] = {.inode = inode, .fd = fd};
    return opened;
}

void PowerCutDisk::close(FileHandle file) {
    {
        const MutexLock lock(mutex_);
        const auto found = files_.find(file);
        TIMBER_ASSERT(found != files_.end());
        ::close(found->second.fd);
        files_.erase(found);
    }
    inner_.close(file);
}

Status PowerCutDisk::truncate(FileHandle file, uint64_t bytes) {
    const MutexLock lock(mutex_);
    const uint64_t sequence = note_resize_locked(files_.at(file), bytes);
    Status status = inner_.truncate(file, bytes);
    changes_.at(sequence).completed = true;
    return status;
}

// --- Names ---

Status PowerCutDisk::end_name_locked(uint64_t sequence, Status status) {
    if (status.ok()) {
        changes_.at(sequence).completed = true;
    } else {
        forget_locked(sequence);
    }
    return status;
}

Status PowerCutDisk::rename(std::string_view from, std::string_view to) {
    const std::string name = plain(from);
    const std::string name_to = plain(to);
    const MutexLock lock(mutex_);
    const Identity moved = identity_of(name);
    if (moved.inode == 0 || name == name_to) return inner_.rename(from, to);
    const Identity replaced = identity_of(name_to);
    const bool keeps_replaced = replaced.inode != 0 && !replaced.is_directory;
    if (keeps_replaced) keep_locked(replaced.inode, name_to);
    const uint64_t sequence = note_locked({.kind = PowerCutKind::kRename,
                                           .file = moved.inode,
                                           .replaced = keeps_replaced ? replaced.inode : 0,
                                           .path = name,
                                           .path_to = name_to});
    return end_name_locked(sequence, inner_.rename(from, to));
}

Status PowerCutDisk::remove(std::string_view path) {
    const std::string name = plain(path);
    const MutexLock lock(mutex_);
    const Identity removed = identity_of(name);
    if (removed.inode == 0) return inner_.remove(path);
    if (!removed.is_directory) keep_locked(removed.inode, name);
    const uint64_t sequence = note_locked(
        {.kind = removed.is_directory ? PowerCutKind::kRemoveDirectory : PowerCutKind::kRemove,
         .file = removed.is_directory ? 0 : removed.inode,
         .path = name});
    return end_name_locked(sequence, inner_.remove(path));
}

Status PowerCutDisk::make_directory(std::string_view path) {
    const std::string name = plain(path);
    const MutexLock lock(mutex_);
    if (identity_of(name).inode != 0) return inner_.make_directory(path);
    const uint64_t sequence = note_locked({.kind = PowerCutKind::kMakeDirectory, .path = name});
    return end_name_locked(sequence, inner_.make_directory(path));
}

Status PowerCutDisk::sync_directory(std::string_view directory) {
    std::vector<uint64_t> covered;
    {
        const MutexLock lock(mutex_);
        covered = completed_in_locked(plain(directory));
    }
    Status status = inner_.sync_directory(directory);
    if (!status.ok()) return status;
    const MutexLock lock(mutex_);
    forget_locked(covered);
    release_nameless_locked();
    return status;
}

// A file that has no name but ours, and that no change could bring back, may go, so that its space
// is free again. One that is still open stays: its number could otherwise come to mean another.
void PowerCutDisk::release_nameless_locked() {
    std::set<uint64_t> needed;
    for (const auto& [handle, file] : files_) needed.insert(file.inode);
    power_cut_.log().visit([&](uint64_t, const PowerCutRecord& record) {
        if (record.path.empty()) return;
        needed.insert(record.file);
        needed.insert(record.replaced);
    });
    for (auto i = kept_.begin(); i != kept_.end();) {
        const std::string kept = power_cut_.kept_path(*i);
        if (needed.contains(*i) || identity_of(kept).links != 1) {
            ++i;
            continue;
        }
        forget_locked(completed_of_locked(*i));
        if (::unlink(kept.c_str()) != 0) give_up("release", kept);
        i = kept_.erase(i);
    }
}

}  // namespace timber
