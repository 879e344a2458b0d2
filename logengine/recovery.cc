#include "logengine/recovery.h"

#include <algorithm>
#include <optional>

#include "logengine/chain_scan.h"
#include "logengine/creation.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::logengine {

namespace {

// One opening, from the lock to the fresh epoch. Whatever it opened is closed by its destructor
// unless finish() handed it over.
class Recovery {
  public:
    Recovery(Disk& disk, const Options& options) : disk_(disk), options_(options) {}
    ~Recovery() {
        // Its reads end before their files are closed.
        scan_.reset();
        for (FoundSegment& found : segments_) close(found.segment);
        for (std::unique_ptr<Segment>& segment : blanks_) close(segment);
        for (std::unique_ptr<Segment>& segment : doubtful_) close(segment);
        close_files(disk_, log_);
        if (control_open_) disk_.close(log_.control.file());
        if (locked_) disk_.close(log_.lock);
    }

    Result<OpenedLog> run(BatchVisitor& visitor);

  private:
    void close(std::unique_ptr<Segment>& segment) {
        if (segment != nullptr) disk_.close(segment->file);
    }

    Status take_lock();
    Status open_control_file();
    Status find_segments();
    Status find_segment(uint32_t file_number, const std::string& name);
    enum class Retired : uint8_t { kNo, kDoubtful, kYes };
    Result<Retired> is_retired(Segment& file, ByteView begin);
    std::vector<const Segment*> unnamed_files() const;
    Status find_released();
    Status walk(BatchVisitor& visitor);
    Status walk_from(size_t start, BatchVisitor& visitor);
    Result<size_t> choose_start() const;
    Result<bool> begins_whole(const FoundSegment& found) const;
    Status judge();
    bool checkpoint_is_gone() const;
    bool closed_cleanly() const;
    Error damage(const RecoveryRow& row) const;
    Status make_durable();
    Status sort_out_files();
    OpenedLog finish();

    Disk& disk_;
    const Options& options_;
    OpenedLog log_;
    bool locked_ = false;
    bool control_open_ = false;
    std::vector<FoundSegment> segments_;              // prepared, in the order of their ids
    std::vector<std::unique_ptr<Segment>> blanks_;    // files without a valid header
    std::vector<std::unique_ptr<Segment>> doubtful_;  // retired, but perhaps not in truth
    std::vector<std::string> unfinished_;             // paths of files that were being made
    size_t start_ = 0;
    Lsn released_;
    AtBegin at_begin_ = AtBegin::kComplete;
    std::optional<ChainScan> scan_;
};

Status Recovery::take_lock() {
    const std::string path = join_path(options_.directory, kLockFileName);
    TIMBER_TRY(log_.lock, disk_.open(path, {.create = true}));
    locked_ = true;
    Status locked = disk_.lock(log_.lock);
    if (locked) return {};
    Error error = std::move(locked).error();
    error.file = path;
    if (error.code == ErrorCode::kLocked)
        error.detail = "another process has this log open; stop it first";
    return error;
}

Status Recovery::open_control_file() {
    TIMBER_TRY(log_.control, ControlFile::open(disk_, options_.directory));
    control_open_ = true;
    const Superblock& superblock = log_.control.superblock();
    log_.geometry = {options_.directory, superblock.log_id, superblock.segment_bytes};
    return {};
}

Status Recovery::find_segments() {
    TIMBER_TRY(const std::vector<std::string> names, disk_.list(options_.directory));
    for (const std::string& name : names) {
        const auto file_number = parse_segment_file_name(name);
        if (file_number) TIMBER_CHECK(find_segment(*file_number, name));
        if (const auto unfinished = parse_unfinished_file_name(name)) {
            log_.next_file_number = std::max(log_.next_file_number, *unfinished + 1);
            unfinished_.push_back(join_path(options_.directory, name));
        }
    }
    std::ranges::sort(segments_, {}, [](const FoundSegment& f) { return f.segment->id; });
    const auto twin = std::ranges::adjacent_find(
        segments_, {}, [](const FoundSegment& f) { return f.segment->id; });
    if (twin != segments_.end())
        return file_error(ErrorCode::kCorrupted, (twin + 1)->segment->path, 0,
                          "two files claim to be the same segment; one is a copy, remove it");
    return {};
}

Error foreign(const Segment& file) {
    return file_error(ErrorCode::kForeign, file.path, 0,
                      "the segment belongs to another log; move it out of this directory");
}

Status Recovery::find_segment(uint32_t file_number, const std::string& name) {
    log_.next_file_number = std::max(log_.next_file_number, file_number + 1);
    auto segment = std::make_unique<Segment>();
    segment->file_number = file_number;
    segment->path = join_path(options_.directory, name);
    TIMBER_TRY(segment->file, open_segment_file(disk_, segment->path, {.direct = true}));
    // From here on the destructor closes it.
    Segment& found = *blanks_.emplace_back(std::move(segment));

    constexpr size_t kLookBytes = 2 * kBlockBytes;
    AlignedBuffer buffer(kLookBytes);
    TIMBER_TRY(const size_t read,
               await_read(disk_, found.file, found.path, 0, buffer.first(kLookBytes)));
    if (read < kBlockBytes) return {};
    const ByteView bytes = buffer.first(read);
    const auto header = decode_segment_header(bytes.first(kBlockBytes), found.path);
    if (!header) {
        // No identity: not yet prepared, or cut short while it was. If it was needed, the chain
        // and the claims of other groups tell.
        if (header.error().code == ErrorCode::kNewerFormat) return header.error();
        TIMBER_TRY(const Retired retired, is_retired(found, bytes));
        if (retired == Retired::kNo) return {};
        auto& files = retired == Retired::kYes ? log_.spares : doubtful_;
        files.push_back(std::move(blanks_.back()));
        blanks_.pop_back();
        return {};
    }
    if (header->log_id != log_.geometry.log_id || header->block_bytes != kBlockBytes ||
        header->segment_bytes != log_.geometry.segment_bytes)
        return foreign(found);
    TIMBER_TRY(const uint64_t size, disk_.size(found.file));
    if (size < log_.geometry.segment_bytes)
        return file_error(ErrorCode::kCorrupted, found.path, size,
                          "the segment is cut short; restore this replica from its peers");
    found.id = header->segment;
    found.end = log_.geometry.groups_begin();
    log_.next_segment_id = std::max(log_.next_segment_id, found.id + 1);
    auto first =
        decode_group_header(bytes.subspan(log_.geometry.groups_begin()), log_.geometry.log_id);
    if (first && (first->segment != found.id || first->block != 1)) first.reset();
    segments_.push_back({std::move(blanks_.back()), first});
    blanks_.pop_back();
    return {};
}

// Whether `file`, whose first two blocks are `begin`, says that it is no segment, and can be left
// unread. Doubtful: segment 7 lies in a file whose header went back to "last segment 5"; then the
// first group is of a later segment than 5, or it is damaged, too. Such a file is read.
Result<Recovery::Retired> Recovery::is_retired(Segment& file, ByteView begin) {
    const auto header = decode_retired_header(begin.first(kBlockBytes), file.path);
    if (!header) {
        if (header.error().code == ErrorCode::kNewerFormat) return header.error();
        return Retired::kNo;
    }
    if (header->log_id != log_.geometry.log_id) return foreign(file);
    log_.next_segment_id = std::max(log_.next_segment_id, header->segment + 1);
    TIMBER_TRY(const uint64_t size, disk_.size(file.file));
    if (header->file_number != file.file_number || size < log_.geometry.segment_bytes)
        return Retired::kNo;
    const ByteView block = begin.subspan(log_.geometry.groups_begin());
    const auto first = decode_group_header(block, log_.geometry.log_id);
    const bool old = first && first->block == 1 && first->segment <= header->segment;
    file.last_id = header->segment;
    return old || is_zero(block) ? Retired::kYes : Retired::kDoubtful;
}

// Whether the segment's first group, which holds its checkpoint, is all there.
Result<bool> Recovery::begins_whole(const FoundSegment& found) const {
    const GroupHeader& header = *found.first_group;
    const uint64_t offset = log_.geometry.groups_begin();
    if (header.total_bytes > log_.geometry.segment_bytes - offset) return false;
    AlignedBuffer buffer(round_up(header.total_bytes, kBlockBytes));
    const MutableBytes blocks = buffer.first(buffer.capacity());
    TIMBER_TRY(const size_t read,
               await_read(disk_, found.segment->file, found.segment->path, offset, blocks));
    return read >= header.total_bytes &&
           group_is_whole(header, blocks.first(header.total_bytes), log_.geometry.log_id);
}

// The newest segment that begins at or before the first batch that is still needed. Batches up to
// 20 are released, and the segment that begins with 21 was torn: then its checkpoint is not there
// either, and the records carried forward are in the segment before it.
Result<size_t> Recovery::choose_start() const {
    for (size_t index = segments_.size(); index-- > 0;) {
        const FoundSegment& found = segments_[index];
        if (!found.first_group || found.first_group->first_lsn > released_ + 1) continue;
        TIMBER_TRY(const bool whole, begins_whole(found));
        if (whole) return index;
    }
    // No such segment: the log was never written, or the word of a release stands further behind
    // than in a first group. Segments are used and given up in the order of their ids, so what is
    // left of the log begins with the first.
    return size_t{0};
}

Status Recovery::walk_from(size_t start, BatchVisitor& visitor) {
    start_ = start;
    log_.retained = {};
    return scan_->walk(segments_, start, visitor, log_.retained);
}

// How far the log was released decides where its chain begins. Every group states it as of its own
// time, so the newest segment's groups state it best. Its first group alone would not do: segments
// 9, 10 and 11 were released by a group in the middle of 12; 10 and 11 were reused, 9 not yet; then
// the chain must not begin with 9. Each statement was true when it was written and stays true, also
// where its group is no part of the chain.
Status Recovery::find_released() {
    released_ = log_.control.superblock().released_lsn;
    const auto newest = std::ranges::find_if(
        segments_.rbegin(), segments_.rend(),
        [](const FoundSegment& found) { return found.first_group.has_value(); });
    if (newest == segments_.rend()) return {};
    TIMBER_TRY(const Lsn stated, scan_->newest_release(*newest->segment));
    released_ = std::max(released_, stated);
    return {};
}

Status Recovery::walk(BatchVisitor& visitor) {
    if (segments_.empty())
        return file_error(ErrorCode::kMissing, options_.directory,
                          "the log has no segments left; restore this replica from its peers");
    scan_.emplace(disk_, log_.geometry, log_.control.superblock(), options_.recovery_read_bytes);
    TIMBER_CHECK(find_released());
    TIMBER_TRY(const size_t start, choose_start());
    TIMBER_CHECK(walk_from(start, visitor));
    released_ = std::max(released_, scan_->released_lsn());
    if (scan_->first_lsn() > released_ + 1 || checkpoint_is_gone()) at_begin_ = AtBegin::kMissing;
    return {};
}

// Segments are given up only when a later one's checkpoint is durable. So a log that begins with
// another than its very first segment begins with a whole group: where there is none, not only
// batches that no one witnessed are gone, but the records that were carried forward for long.
bool Recovery::checkpoint_is_gone() const {
    const bool nothing_found = scan_->bytes() == 0;
    return nothing_found && segments_[start_].segment->id != SegmentId(1);
}

bool Recovery::closed_cleanly() const {
    const auto& witness = log_.control.witness();
    return witness && witness->closed && witness->epoch == log_.control.superblock().epoch &&
           witness->durable_lsn + 1 == scan_->next_lsn();
}

std::vector<const Segment*> Recovery::unnamed_files() const {
    std::vector<const Segment*> files;
    for (const auto* list : {&blanks_, &doubtful_}) {
        for (const std::unique_ptr<Segment>& file : *list) files.push_back(file.get());
    }
    return files;
}

Status Recovery::judge() {
    ChainScan::Behind behind{.claimed_lsn = scan_->claimed_lsn()};
    // After a clean close nothing can lie behind the end, so nothing is read to look for it.
    if (!closed_cleanly()) {
        TIMBER_TRY(behind, scan_->look_behind(segments_, unnamed_files()));
    }
    if (log_.control.witness())
        behind.claimed_lsn = std::max(behind.claimed_lsn, log_.control.witness()->durable_lsn);
    // Only what is durable is ever released.
    behind.claimed_lsn = std::max(behind.claimed_lsn, released_);
    const Observation observation{.at_begin = at_begin_,
                                  .at_end = scan_->at_end(),
                                  .elsewhere = behind.claimed_lsn >= scan_->next_lsn()
                                                   ? Elsewhere::kProof
                                               : behind.survivors > 0 ? Elsewhere::kSurvivors
                                                                      : Elsewhere::kNothing};
    const RecoveryRow& row = decide(observation);
    TailReport& tail = log_.report.tail;
    tail.decision = row.letter;
    tail.cut = row.decision == Decision::kCut;
    tail.file = segments_[scan_->end_segment()].segment->path;
    tail.offset = scan_->end_offset();
    tail.groups_discarded = behind.survivors;
    switch (row.decision) {
        case Decision::kClean: return {};
        case Decision::kCut:
            log_info(
                "the log's tail was cut at {} offset {}, behind batch {}: {}; nothing of it "
                "was acknowledged",
                tail.file, tail.offset, (scan_->next_lsn() - 1).value(), row.reason);
            return {};
        case Decision::kDamaged: return damage(row);
    }
    TIMBER_UNREACHABLE();
}

Error Recovery::damage(const RecoveryRow& row) const {
    const bool begin = at_begin_ == AtBegin::kMissing;
    std::string detail = "acknowledged batches ";
    detail += begin ? "before " + std::to_string(scan_->first_lsn().value())
                    : "from " + std::to_string(scan_->next_lsn().value()) + " on";
    detail += " are missing or damaged (row ";
    detail += row.letter;
    detail += ": " + std::string(row.reason) + "); restore this replica from its peers";
    return file_error(begin ? ErrorCode::kMissing : ErrorCode::kCorrupted, log_.report.tail.file,
                      log_.report.tail.offset, std::move(detail));
}

Status Recovery::make_durable() {
    if (TIMBER_MISTAKE(log_recovery_not_synced)) return {};
    // The last process may have died with its writes in a volatile cache: what was read may not be
    // durable. Acted upon now and lost by a power cut later, it would be a promise broken. And what
    // a failed write or sync left readable, no later sync need make durable: it is written again.
    TIMBER_CHECK(scan_->rewrite_unproven(segments_));
    for (size_t index = start_; index <= scan_->last_segment(); ++index) {
        const Segment& segment = *segments_[index].segment;
        TIMBER_CHECK(await_sync(disk_, segment.file, segment.path));
    }
    return disk_.sync_directory(options_.directory);
}

// Keeps the chain; retires every other segment, durably, so that nothing that lies in it can ever
// be taken for a part of the log again; removes what is more than needed.
Status Recovery::sort_out_files() {
    std::vector<std::unique_ptr<Segment>> rest;
    for (size_t index = 0; index < segments_.size(); ++index) {
        std::unique_ptr<Segment>& segment = segments_[index].segment;
        const bool live = segment->durable_groups > 0 || index == scan_->last_segment();
        (live ? log_.live : rest).push_back(std::move(segment));
    }
    segments_.clear();
    const size_t keep = 1 + options_.free_segments_max;
    // A file without a valid header may have been any segment; one whose header went back, too.
    log_.next_segment_id += blanks_.size() + doubtful_.size();
    for (std::unique_ptr<Segment>& file : doubtful_) log_.spares.push_back(std::move(file));
    doubtful_.clear();
    for (std::unique_ptr<Segment>& segment : rest) {
        Status retired = retire_segment(disk_, log_.geometry, *segment, log_.cost);
        log_.spares.push_back(std::move(segment));
        if (!retired) {
            // The destructor closes those that are not sorted out yet.
            for (auto& other : rest) {
                if (other != nullptr) blanks_.push_back(std::move(other));
            }
            return std::move(retired).error();
        }
    }
    while (log_.spares.size() > keep) {
        remove_segment_file(disk_, std::move(log_.spares.back()));
        log_.spares.pop_back();
    }
    for (std::unique_ptr<Segment>& blank : blanks_) remove_segment_file(disk_, std::move(blank));
    blanks_.clear();
    for (const std::string& path : unfinished_) {
        // What stays does no harm, and the next opening tries again.
        const Status removed = disk_.remove(path);
        if (!removed && removed.error().code != ErrorCode::kCrashed)
            log_warning("an unfinished log segment stays behind: {}", removed.error().to_string());
    }
    return {};
}

OpenedLog Recovery::finish() {
    log_.next_lsn = scan_->next_lsn();
    log_.released_lsn = released_;
    log_.chain_checksum = scan_->checksum();
    log_.last_directory = std::move(scan_->last_directory());
    OpenReport& report = log_.report;
    report.epoch = log_.control.superblock().epoch;
    report.first_lsn = scan_->first_lsn();
    report.durable_lsn = scan_->next_lsn() - 1;
    report.batches = scan_->batches();
    report.bytes = scan_->bytes();
    report.segments = log_.live.size();
    locked_ = false;
    control_open_ = false;
    return std::move(log_);
}

Result<OpenedLog> Recovery::run(BatchVisitor& visitor) {
    TIMBER_CHECK(take_lock());
    TIMBER_TRY(const bool exists, holds_log(disk_, options_));
    log_.report.created = !exists;
    if (!exists) TIMBER_CHECK(create_log(disk_, options_, log_.cost));
    TIMBER_CHECK(open_control_file());
    TIMBER_CHECK(find_segments());
    TIMBER_CHECK(walk(visitor));
    TIMBER_CHECK(judge());
    TIMBER_CHECK(make_durable());
    TIMBER_CHECK(log_.control.begin_epoch(disk_, scan_->next_lsn(), scan_->checksum(), released_));
    TIMBER_CHECK(sort_out_files());
    return finish();
}

}  // namespace

void close_files(Disk& disk, OpenedLog& log) {
    for (auto* list : {&log.live, &log.spares}) {
        for (const std::unique_ptr<Segment>& segment : *list) {
            if (segment != nullptr) disk.close(segment->file);
        }
        list->clear();
    }
}

Result<OpenedLog> open_log(Disk& disk, const Options& options, BatchVisitor& visitor) {
    TIMBER_CHECK(check_options(options));
    TIMBER_TRY(const bool exists, holds_log(disk, options));
    // Only where a log is or may be made does the lock file belong.
    if (!exists) TIMBER_CHECK(disk.make_directory(options.directory));
    return Recovery(disk, options).run(visitor);
}

}  // namespace timber::logengine
