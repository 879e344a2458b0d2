#include "tests/support/power_cut.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <unordered_set>
#include <vector>

#include "src/base/assert.h"
#include "src/base/io/disk.h"
#include "src/base/random.h"
#include "tests/support/power_cut_files.h"

namespace timber {

namespace {

// How this power cut treats what it may undo.
enum class Mood { kLoseAll, kKeepAll, kMixed };

// One file's state while records are undone, latest first.
struct UndoneFile {
    int fd = -1;  // -1: gone for good, nothing to undo
    std::unordered_set<uint64_t> kept_sectors;
    bool size_kept = false;
    uint64_t size_floor = 0;  // durable data reaches here
};

class RollBack {
  public:
    RollBack(PowerCut& power_cut, std::string keep_directory, uint64_t seed)
        : power_cut_(power_cut), keep_directory_(std::move(keep_directory)), random_(seed) {
        const uint64_t drawn = random_.below(8);
        mood_ = drawn < 2 ? Mood::kLoseAll : drawn < 3 ? Mood::kKeepAll : Mood::kMixed;
    }
    ~RollBack() {
        for (auto& [inode, file] : files_) {
            if (file.fd >= 0) ::close(file.fd);
        }
    }

    // In the order of their changes; undoes them in the other.
    void undo_all(const std::vector<PowerCutRecord>& records);

    const PowerCutOutcome& outcome() const { return outcome_; }

  private:
    void undo(const PowerCutRecord& record);
    void undo_write(const PowerCutRecord& record);
    void undo_resize(const PowerCutRecord& record);
    void note_durable(const PowerCutRecord& record);
    void undo_name(const PowerCutRecord& record);
    void put_name_back(const PowerCutRecord& record);
    // Whether the record's size is undone; if so the file has it again.
    bool undo_size(UndoneFile& file, uint64_t old_size);
    void restore(const UndoneFile& file, const PowerCutRecord& record, uint64_t begin,
                 uint64_t end);

    bool coin() {
        if (mood_ == Mood::kMixed) return random_.one_in(2);
        return mood_ == Mood::kLoseAll;
    }
    UndoneFile& file(uint64_t inode);

    PowerCut& power_cut_;
    std::string keep_directory_;
    Random random_;
    Mood mood_;
    std::map<uint64_t, UndoneFile> files_;
    std::set<std::string, std::less<>> kept_names_;
    size_t lost_directories_ = 0;
    PowerCutOutcome outcome_;
};

// The kernel may still be at work on what the dead process had in flight, and would write over what
// is undone. A read lease is granted once nobody has the file open for writing.
void wait_until_no_writer(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return;
        give_up("open", path);
    }
    constexpr int kTriesMax = 10'000;  // a millisecond each
    for (int tries = 0; ::fcntl(fd, F_SETLEASE, F_RDLCK) != 0; ++tries) {
        if (errno != EAGAIN || tries == kTriesMax) give_up("wait for the last write of", path);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    ::close(fd);
}

// 0 if there is nothing of that name.
uint64_t inode_of(const std::string& path) {
    struct stat status;
    return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

UndoneFile& RollBack::file(uint64_t inode) {
    const auto [place, is_new] = files_.try_emplace(inode);
    if (is_new) {
        const std::string path = power_cut_.kept_path(inode);
        wait_until_no_writer(path);
        place->second.fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (place->second.fd < 0 && errno != ENOENT) give_up("open", path);
    }
    return place->second;
}

void RollBack::undo_all(const std::vector<PowerCutRecord>& records) {
    for (const PowerCutRecord& record : records) {
        if (record.file != 0) (void)file(record.file);
    }
    for (size_t i = records.size(); i-- > 0;) undo(records[i]);
}

void RollBack::undo(const PowerCutRecord& record) {
    switch (record.kind) {
        case PowerCutKind::kWrite: return undo_write(record);
        case PowerCutKind::kResize: return undo_resize(record);
        case PowerCutKind::kDurable: return note_durable(record);
        case PowerCutKind::kCreate:
        case PowerCutKind::kRename:
        case PowerCutKind::kRemove:
        case PowerCutKind::kMakeDirectory:
        case PowerCutKind::kRemoveDirectory: return undo_name(record);
    }
    TIMBER_UNREACHABLE();
}

bool RollBack::undo_size(UndoneFile& file, uint64_t old_size) {
    if (file.size_kept || !coin()) {
        file.size_kept = true;
        ++outcome_.sizes_kept;
        return false;
    }
    if (::ftruncate(file.fd, static_cast<off_t>(std::max(old_size, file.size_floor))) != 0) {
        give_up("truncate", {});
    }
    ++outcome_.sizes_undone;
    return true;
}

// Puts [begin, end) of the file back to what the record saw, as far as the file reaches.
void RollBack::restore(const UndoneFile& file, const PowerCutRecord& record, uint64_t begin,
                       uint64_t end) {
    end = std::min(end, size_of(file.fd));
    if (begin >= end) return;
    std::vector<std::byte> bytes(end - begin);
    const uint64_t image_end = record.offset + record.image.size();
    if (begin < image_end) {
        const auto part =
            record.image.subspan(begin - record.offset, std::min(end, image_end) - begin);
        std::copy(part.begin(), part.end(), bytes.begin());
    }
    if (::pwrite(file.fd, bytes.data(), bytes.size(), static_cast<off_t>(begin)) !=
        static_cast<ssize_t>(bytes.size())) {
        give_up("write", {});
    }
}

void RollBack::undo_write(const PowerCutRecord& record) {
    UndoneFile& file = this->file(record.file);
    if (file.fd < 0 || record.length == 0) return;
    const uint64_t end = record.offset + record.length;
    if (end > record.old_size) undo_size(file, record.old_size);
    const bool torn = mood_ == Mood::kMixed && random_.one_in(3);
    const bool lost = coin();
    size_t kept_count = 0;
    size_t undone_count = 0;
    for (uint64_t sector = record.offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
        const bool undone = torn ? random_.one_in(2) : lost;
        if (!undone || file.kept_sectors.contains(sector)) {
            file.kept_sectors.insert(sector);
            ++kept_count;
            continue;
        }
        restore(file, record, std::max(record.offset, sector * kSectorBytes),
                std::min(end, (sector + 1) * kSectorBytes));
        ++undone_count;
    }
    if (undone_count == 0) {
        ++outcome_.writes_kept;
    } else if (kept_count == 0) {
        ++outcome_.writes_undone;
    } else {
        ++outcome_.writes_torn;
    }
}

void RollBack::undo_resize(const PowerCutRecord& record) {
    UndoneFile& file = this->file(record.file);
    if (file.fd < 0 || !undo_size(file, record.old_size)) return;
    // What a truncation cut off comes back with the size.
    const uint64_t end = record.offset + record.length;
    for (uint64_t begin = record.offset; begin < end;) {
        const uint64_t sector = begin / kSectorBytes;
        const uint64_t sector_end = std::min(end, (sector + 1) * kSectorBytes);
        if (!file.kept_sectors.contains(sector)) restore(file, record, begin, sector_end);
        begin = sector_end;
    }
}

void RollBack::note_durable(const PowerCutRecord& record) {
    UndoneFile& file = this->file(record.file);
    const uint64_t end = record.offset + record.length;
    file.size_floor = std::max(file.size_floor, end);
    for (uint64_t sector = record.offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
        file.kept_sectors.insert(sector);
    }
}

void RollBack::undo_name(const PowerCutRecord& record) {
    const bool built_upon =
        kept_names_.contains(record.path) || kept_names_.contains(record.path_to);
    if (built_upon || !coin()) {
        kept_names_.emplace(record.path);
        if (!record.path_to.empty()) kept_names_.emplace(record.path_to);
        ++outcome_.names_kept;
        return;
    }
    put_name_back(record);
    ++outcome_.names_undone;
}

// The process may have died between the record and the change: then there is nothing to undo.
void RollBack::put_name_back(const PowerCutRecord& record) {
    const std::string path(record.path);
    const std::string path_to(record.path_to);
    switch (record.kind) {
        case PowerCutKind::kCreate:
            if (::unlink(path.c_str()) != 0 && errno != ENOENT) give_up("remove", path);
            return;
        case PowerCutKind::kRename:
            if (inode_of(path_to) != record.file) return;
            if (::rename(path_to.c_str(), path.c_str()) != 0) give_up("rename back", path);
            if (record.replaced == 0) return;
            if (::link(power_cut_.kept_path(record.replaced).c_str(), path_to.c_str()) != 0) {
                give_up("bring back", path_to);
            }
            return;
        case PowerCutKind::kRemove:
            if (::link(power_cut_.kept_path(record.file).c_str(), path.c_str()) != 0 &&
                errno != EEXIST) {
                give_up("bring back", path);
            }
            return;
        case PowerCutKind::kMakeDirectory: {
            const std::string lost =
                keep_directory_ + "/directory-" + std::to_string(lost_directories_++);
            if (::rename(path.c_str(), lost.c_str()) != 0 && errno != ENOENT) {
                give_up("lose directory", path);
            }
            return;
        }
        case PowerCutKind::kRemoveDirectory:
            if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) give_up("bring back", path);
            return;
        case PowerCutKind::kWrite:
        case PowerCutKind::kResize:
        case PowerCutKind::kDurable: break;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace

PowerCut::PowerCut(PowerCutOptions options)
    : options_(std::move(options)), log_(options_.log_bytes, options_.memory) {
    std::filesystem::create_directories(options_.keep_directory);
}

std::string PowerCut::kept_path(uint64_t inode) const {
    return options_.keep_directory + "/" + std::to_string(inode);
}

PowerCutOutcome PowerCut::roll_back(uint64_t seed) {
    log_.attach();
    std::vector<PowerCutRecord> records;
    log_.visit([&](uint64_t, const PowerCutRecord& record) { records.push_back(record); });
    RollBack roll_back(*this, options_.keep_directory, seed);
    roll_back.undo_all(records);
    log_.clear();
    for (const auto& kept : std::filesystem::directory_iterator(options_.keep_directory)) {
        std::filesystem::remove_all(kept);
    }
    return roll_back.outcome();
}

}  // namespace timber
