#include "memtable/manifest_files.h"

#include <algorithm>

#include "memtable/manifest_reader.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"

namespace timber::memtable {

namespace {

// A record with room for its header, then these edits.
std::vector<std::byte> record_of(const VersionEdit& edit) {
    std::vector<std::byte> record(kManifestRecordHeaderBytes);
    append_manifest_edit(edit, record);
    return record;
}

// Copies a record into `buffer`, `before` bytes from its beginning, with zeros up to a block's end;
// gives how many bytes that makes.
size_t lay_out(ByteView record, AlignedBuffer& buffer, size_t before) {
    const size_t padded = before + round_up(record.size(), kManifestBlockBytes);
    buffer.reserve(padded);
    std::ranges::fill(buffer.first(padded), std::byte{0});
    copy_bytes(record, buffer.data() + before);
    return padded;
}

}  // namespace

ManifestFiles::ManifestFiles(Disk& disk, DirectorySync& names, const Config& config)
    : disk_(disk),
      names_(names),
      config_(config),
      random_(config.seed),
      files_{ManifestFile(join_path(config.directory, kManifestFileNames[0])),
             ManifestFile(join_path(config.directory, kManifestFileNames[1]))} {}

ManifestFiles::~ManifestFiles() { TIMBER_ASSERT(!current_); }

void ManifestFiles::close() {
    for (ManifestFile& file : files_) file.close(disk_);
    if (current_) current_->close(disk_);
    current_.reset();
}

Status ManifestFiles::create(Disk& disk, DirectorySync& names, const Config& config,
                             uint64_t store_id) {
    ManifestFiles made(disk, names, config);
    const auto fill = [&]() -> Status {
        for (ManifestFile& file : made.files_) {
            TIMBER_CHECK(file.create(disk, names));
            TIMBER_CHECK(file.grow(disk, made.bytes_wanted(0)));
            TIMBER_CHECK(file.make_blank(disk, store_id));
        }
        std::vector<std::byte> record = record_of(Version().snapshot_edit());
        const ManifestId id{.store = store_id, .number = 1, .draw = made.random_.next()};
        TIMBER_TRY(const CurrentSlot slot, made.write_first_record(0, id, std::move(record)));
        return CurrentFile::create(disk, config.directory, slot);
    };
    const Status filled = fill();
    made.close();
    return filled;
}

Result<std::unique_ptr<ManifestFiles>> ManifestFiles::open(Disk& disk, DirectorySync& names,
                                                           const Config& config) {
    std::unique_ptr<ManifestFiles> files(new ManifestFiles(disk, names, config));
    const Status read = files->read();
    if (read) return files;
    files->close();
    return read.error();
}

Status ManifestFiles::read() {
    TIMBER_TRY(current_, CurrentFile::open(disk_, config_.directory));
    const CurrentSlot& slot = current_->newest();
    live_ = slot.file;
    const Status opened = live().open(disk_);
    if (!opened) {
        Error error = opened.error();
        if (error.code != ErrorCode::kNotFound) return error;
        error.code = ErrorCode::kMissing;
        error.detail =
            "the manifest that CURRENT names is gone; put it back, or restore this "
            "replica from its peers";
        return error;
    }
    TIMBER_TRY(ManifestContents contents,
               read_manifest(disk_, live().handle(), live().path(), slot, current_->whole()));
    live().set_bytes(std::max(contents.file_bytes, contents.end));
    state_ = std::move(contents.state);
    end_ = contents.end;
    records_ = contents.records;
    checksum_ = contents.checksum;
    report_ = {.records = contents.records,
               .edits = contents.edits,
               .cut = contents.cut,
               .cut_file = contents.cut ? live().path() : std::string(),
               .cut_offset = contents.cut ? contents.end : 0};
    return open_other();
}

Status ManifestFiles::open_other() {
    const Status opened = other().open(disk_);
    if (opened) return other().look_if_blank(disk_, store_id());
    // It is made anew.
    if (opened.error().code == ErrorCode::kNotFound) return {};
    return opened;
}

Status ManifestFiles::renew(const VersionEdit& edit) {
    TIMBER_ASSERT(!renewed_);
    TIMBER_TRY(VersionRef next, state_->apply(edit, unopened_file));
    if (report_.cut) TIMBER_CHECK(erase_torn_tail());
    TIMBER_CHECK(keep_what_was_read());
    TIMBER_CHECK(write_anew(std::move(next)));
    renewed_ = true;
    return {};
}

// M6. A process died in the middle of a write of CURRENT: slot 0 can be read, names manifest-1, and
// is in a volatile cache. If manifest-0 were made blank now and power failed, slot 1 would be the
// newest and would name a blank file. So the newest slot is written once more, into the other
// place; a sync would not do where the write has failed. The name CURRENT may be as young.
Status ManifestFiles::keep_what_was_read() {
    TIMBER_CHECK(names_.sync(names_.failures()));
    return current_->write(disk_, current_->newest());
}

// Where a torn record stood there are zeros before any slot of CURRENT is written: a torn tail next
// to a torn slot looks like damage (row C of the table), and two crashes in a row could make both.
Status ManifestFiles::erase_torn_tail() {
    AlignedBuffer block(kManifestBlockBytes);
    std::ranges::fill(block.first(kManifestBlockBytes), std::byte{0});
    return await_write(disk_, live().handle(), live().path(), end_,
                       ByteView(block.first(kManifestBlockBytes)), true);
}

Status ManifestFiles::append(std::span<const VersionEdit> edits,
                             std::vector<std::optional<Error>>& misfits) {
    TIMBER_ASSERT(renewed_);
    if (poisoned_) return make_error(ErrorCode::kPoisoned, "the manifest could not be written");
    misfits.assign(edits.size(), std::nullopt);
    std::vector<std::byte> record(kManifestRecordHeaderBytes);
    VersionRef next = state_;
    uint32_t count = 0;
    for (size_t index = 0; index < edits.size(); ++index) {
        auto applied = next->apply(edits[index], unopened_file);
        if (!applied) {
            // Recovery would refuse it: better that it was never written.
            misfits[index] = std::move(applied).error();
            misfits[index]->code = ErrorCode::kInvalidArgument;
            continue;
        }
        next = std::move(*applied);
        append_manifest_edit(edits[index], record);
        ++count;
    }
    if (count == 0) return {};
    if (record.size() > kManifestRecordBytesMax)
        return make_error(ErrorCode::kTooLarge, "the edits are too large for one record");
    // What the edits add to the state takes no more there than in the record.
    uint64_t state_bytes = state_bytes_ + record.size();
    if (bytes_needed(state_bytes) > std::min(live().bytes(), other().bytes()))
        state_bytes = record_of(next->snapshot_edit()).size();
    TIMBER_CHECK(make_room(bytes_needed(state_bytes), record.size()));
    // A manifest without room is written anew with the edits in it: so an edit that adds nothing to
    // the state is never refused for want of space.
    if (!fits(record.size())) return write_anew(std::move(next));
    TIMBER_CHECK(append_record(std::move(record), count, std::move(next)));
    state_bytes_ = state_bytes;
    return {};
}

// Space.

uint64_t ManifestFiles::bytes_needed(uint64_t state_bytes) const {
    return std::max<uint64_t>(
        kManifestBlockBytes +
            round_up(kManifestRecordHeaderBytes + state_bytes, kManifestBlockBytes),
        kManifestFileBytesMin);
}

// Room for the state, and for many edits before it is written anew.
uint64_t ManifestFiles::bytes_wanted(uint64_t needed) const {
    constexpr uint64_t kTimesNeeded = 4;
    const uint64_t wanted = std::max<uint64_t>(
        config_.bytes_max, std::min<uint64_t>(needed * kTimesNeeded, kManifestFileBytesMax));
    return std::clamp<uint64_t>(round_up(wanted, kManifestBlockBytes), kManifestFileBytesMin,
                                kManifestFileBytesMax);
}

bool ManifestFiles::fits(size_t record_bytes) const {
    return end_ + round_up(record_bytes, kManifestBlockBytes) <= live().bytes();
}

// M4, for a state that needs so much, before it is written.
Status ManifestFiles::make_room(uint64_t needed, size_t record_bytes) {
    if (needed > kManifestFileBytesMax)
        return make_error(ErrorCode::kTooLarge, "the manifest's state is too large for a file");
    if (!other().usable() || other().bytes() < needed) {
        Status ready = ready_other(needed);
        // With trouble other than want of space the live manifest serves as long as it can.
        if (!ready && (ready.error().code == ErrorCode::kNoSpace || !fits(record_bytes)))
            return ready;
    }
    return live().bytes() < needed ? grow_live(needed) : Status();
}

Status ManifestFiles::grow_live(uint64_t needed) {
    bool in_doubt = false;
    Status grown = live().grow_in_use(disk_, bytes_wanted(needed), in_doubt);
    if (!grown && !in_doubt) grown = live().grow_in_use(disk_, needed, in_doubt);
    if (!grown && in_doubt) return poison(std::move(grown).error());
    return grown;
}

// Allocates as much as is wanted, or at least what is needed.
Status ManifestFiles::grow_other(uint64_t needed) {
    Status grown = other().grow(disk_, bytes_wanted(needed));
    if (!grown && grown.error().code == ErrorCode::kNoSpace) grown = other().grow(disk_, needed);
    return grown;
}

Status ManifestFiles::ready_other(uint64_t needed) {
    if (!other().usable()) TIMBER_CHECK(other().create(disk_, names_));
    if (other().blank() && other().bytes() >= needed) return {};
    TIMBER_CHECK(grow_other(needed));
    return other().make_blank(disk_, store_id());
}

// Writing.

Error ManifestFiles::poison(Error error) {
    poisoned_ = true;
    return error;
}

Status ManifestFiles::append_record(std::vector<std::byte> record, uint32_t edits,
                                    VersionRef next) {
    TIMBER_ASSERT_OP(record.size(), <=, kManifestRecordBytesMax);
    const ManifestRecord header{.total_bytes = static_cast<uint32_t>(record.size()),
                                .edits = edits,
                                .ordinal = records_,
                                .block = static_cast<uint32_t>(end_ / kManifestBlockBytes),
                                .previous = checksum_};
    CurrentSlot slot = current_->newest();
    slot.checksum = seal_manifest_record(header, slot.manifest, record);
    ++slot.records;
    TIMBER_ASSERT_OP(slot.records, ==, records_ + 1);
    AlignedBuffer buffer;
    const size_t padded = lay_out(record, buffer, 0);
    Status written = await_write(disk_, live().handle(), live().path(), end_,
                                 ByteView(buffer.first(padded)), true);
    // Only now: what CURRENT says is durable is so, or an opening would take a crash for damage.
    if (written) written = current_->write(disk_, slot);
    if (!written) return poison(std::move(written).error());
    end_ += padded;
    records_ = slot.records;
    checksum_ = slot.checksum;
    state_ = std::move(next);
    counters_.bytes_written += padded + kManifestBlockBytes;
    ++counters_.records;
    counters_.edits += edits;
    return {};
}

// Fills a blank file with a manifest of one record; durable.
Result<CurrentSlot> ManifestFiles::write_first_record(size_t file, const ManifestId& id,
                                                      std::vector<std::byte> record) {
    ManifestFile& target = files_[file];
    TIMBER_ASSERT(target.blank());
    TIMBER_ASSERT_OP(record.size(), <=, kManifestRecordBytesMax);
    const ManifestRecord header{
        .total_bytes = static_cast<uint32_t>(record.size()), .edits = 1, .block = 1};
    const uint64_t checksum = seal_manifest_record(header, id, record);
    AlignedBuffer buffer;
    const MutableBytes bytes = buffer.first(lay_out(record, buffer, kManifestBlockBytes));
    encode_manifest_header({.id = id, .file_bytes = target.bytes()},
                           bytes.first(kManifestBlockBytes));
    TIMBER_ASSERT_OP(bytes.size(), <=, target.bytes());
    target.use();
    Status written = await_write(disk_, target.handle(), target.path(), 0, ByteView(bytes));
    if (written) written = await_sync(disk_, target.handle(), target.path());
    if (!written) {
        target.give_up(disk_);
        return std::move(written).error();
    }
    counters_.bytes_written += bytes.size();
    return CurrentSlot{
        .manifest = id, .file = static_cast<uint32_t>(file), .records = 1, .checksum = checksum};
}

Status ManifestFiles::write_anew(VersionRef next) {
    std::vector<std::byte> record = record_of(next->snapshot_edit());
    const size_t record_bytes = record.size();
    if (record_bytes > kManifestRecordBytesMax)
        return make_error(ErrorCode::kTooLarge, "the state is too large for one record");
    TIMBER_CHECK(ready_other(bytes_needed(record_bytes)));
    ManifestId id = current_->newest().manifest;
    ++id.number;
    id.draw = random_.next();
    TIMBER_TRY(const CurrentSlot slot, write_first_record(1 - live_, id, std::move(record)));
    // Both, before anything follows: damage to one slot must not bring the old manifest back.
    for (size_t index = 0; index < kCurrentSlots; ++index) {
        Status written = current_->write(disk_, slot);
        if (!written) return poison(std::move(written).error());
    }
    live().use();
    live_ = slot.file;
    end_ = kManifestBlockBytes + round_up(record_bytes, kManifestBlockBytes);
    records_ = slot.records;
    checksum_ = slot.checksum;
    state_ = std::move(next);
    state_bytes_ = record_bytes;
    counters_.bytes_written += kCurrentFileBytes;
    ++counters_.rewritten;
    return {};
}

bool ManifestFiles::has_become_long() const {
    constexpr uint64_t kTimesNeeded = 2;
    return end_ > live().bytes() - live().bytes() / 4 &&
           end_ > bytes_needed(state_bytes_) * kTimesNeeded;
}

bool ManifestFiles::due() const {
    if (poisoned_) return false;
    return !other().usable() || !other().blank() ||
           other().bytes() < bytes_wanted(bytes_needed(state_bytes_)) || has_become_long();
}

Status ManifestFiles::tend() {
    TIMBER_ASSERT(renewed_ && !poisoned_);
    const uint64_t needed = bytes_needed(state_bytes_);
    if (!other().usable()) return other().create(disk_, names_);
    if (!other().blank()) {
        TIMBER_CHECK(grow_other(needed));
        TIMBER_CHECK(other().blank_step(disk_, store_id()));
        return {};
    }
    if (other().bytes() < bytes_wanted(needed)) return other().grow(disk_, bytes_wanted(needed));
    return has_become_long() ? write_anew(state_) : Status();
}

void ManifestFiles::check_invariants() const {
    if (poisoned_ || !renewed_) return;
    TIMBER_ASSERT_OP(end_, <=, live().bytes());
    TIMBER_ASSERT_OP(current_->newest().file, ==, live_);
    TIMBER_ASSERT_OP(current_->newest().records, ==, records_);
    TIMBER_ASSERT_OP(record_of(state_->snapshot_edit()).size(), <=, state_bytes_);
}

}  // namespace timber::memtable
