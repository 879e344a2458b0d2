// What the owner of a log does in its life.
#include <algorithm>

#include "src/base/io/log.h"
#include "tests/crash/log/log_world.h"

namespace timber::logengine {

// Virtual time after which an answer is overdue: longer than any stall and any retry.
static constexpr Duration kPatience = std::chrono::seconds(20);
static constexpr uint64_t kCarriedTags = 6;

ContentId Life::next_content() {
    Random random(seed_ + ++contents_made_ * 0x9e3779b97f4a7c15);
    return ContentId(random.next());
}

void Life::do_deeds() {
    if (!model_.lost().empty() && random_.percent(scenario_.resend_percent)) resend_lost();
    for (size_t deed = 0; deed < deeds_ && !failure_; ++deed) {
        do_deed(scenario_.draw(random_));
        if (!failure_) check_after_deed();
    }
    if (failure_) return;
    if (!faulted_ && !short_of_space_ && random_.one_in(3)) {
        quiet_end();
    } else {
        watcher_.at(*this, {Moment::Kind::kEnd, disk_->steps()});
    }
}

void Life::quiet_end() {
    wait_for_answers();
    witnessed_ = random_.percent(70);
    if (witnessed_) let_time_pass(4 * scenario_.log.witness_delay);
    if (!failure_) watcher_.at(*this, {Moment::Kind::kQuiet, disk_->steps()});
}

void Life::do_deed(Deed deed) {
    log_info("life: step {} deed {}", disk_->steps(), static_cast<int>(deed));
    switch (deed) {
        case Deed::kSmall: return append_one(300, 1, Urgency::kNormal);
        case Deed::kLarge: return append_one(scenario_.large_bytes_max, 1, Urgency::kNormal);
        case Deed::kSeveral: return append_one(900, random_.between(2, 9), Urgency::kNormal);
        case Deed::kCarried: return append_carried();
        case Deed::kRewritten: return append_rewritten();
        case Deed::kBulk: return append_bulk();
        case Deed::kBurst: return append_burst();
        case Deed::kWait: return wait_for_answers();
        case Deed::kStep: return step_world(random_.between(1, 40));
        case Deed::kIdle: return idle();
        case Deed::kRelease: return release_some();
        case Deed::kRead: return read_some();
        case Deed::kDirectories: return read_directories();
        case Deed::kReopen: return reopen();
        case Deed::kUrgent: return append_one(200, 1, Urgency::kUrgent);
        case Deed::kFault: return plan_fault();
        case Deed::kSpace: return change_space();
        case Deed::kCount: break;
    }
    TIMBER_UNREACHABLE();
}

void Life::check_after_deed() {
    if (log_ == nullptr) return;
    if (log_->poisoned()) {
        if (!faulted_) fail("the log is poisoned although nothing failed");
        if (random_.one_in(2)) disk_->clear_faults();
        reopen();
        if (failure_) return;
    }
    log_->check_invariants();
    const Stats stats = log_->stats();
    if (stats.pending_bytes > scenario_.log.pending_bytes_max + log_->batch_bytes_max())
        fail("more bytes wait than the limit allows");
    if (stats.writes_in_flight > scenario_.log.writes_in_flight_max)
        fail("more writes are in flight than the limit allows");
    if (random_.one_in(40)) earlier_image_ = disk_->image();
}

void Life::append(BatchContent content, ContentId id, uint64_t unit, Urgency urgency) {
    contents_.add(id, std::move(content));
    append_content(id, unit, urgency);
}

void Life::append_content(ContentId id, uint64_t unit, Urgency urgency) {
    model_.append(id, unit);
    ++unanswered_;
    bool answered_before = false;
    const Status accepted = log_->append(
        contents_.at(id).build(),
        [this, id, answered_before](const Result<Appended>& result) mutable {
            if (std::exchange(answered_before, true)) fail("a batch was answered twice");
            answered(id, result);
        },
        urgency);
    if (accepted) return;
    --unanswered_;
    model_.refused(id);
    if (!may_be_refused(accepted.error()) && accepted.error().code != ErrorCode::kBusy)
        fail("an append was refused: " + accepted.error().to_string());
}

bool Life::may_be_refused(const Error& error) const {
    switch (error.code) {
        case ErrorCode::kNoSpace: return short_of_space_ || faulted_;
        case ErrorCode::kTooLarge: return true;
        case ErrorCode::kPoisoned: return faulted_;
        default: return false;
    }
}

void Life::answered(ContentId id, const Result<Appended>& result) {
    --unanswered_;
    if (dead_) return;
    log_info(
        "life: step {} {}", disk_->steps(),
        result ? "durable " + std::to_string(result->lsn().value()) : result.error().to_string());
    if (result) {
        if (poison_seen_) fail("a batch was acknowledged by a poisoned log");
        fail(model_.acknowledged(id, *result));
        if (result->lsn() > log_->durable_lsn()) fail("a batch was acknowledged, but not durable");
        return;
    }
    if (!may_be_refused(result.error()))
        fail("a batch was answered with " + result.error().to_string());
    if (result.error().code == ErrorCode::kPoisoned) {
        poison_seen_ = true;
    } else {
        model_.refused(id);
    }
}

void Life::append_one(size_t bytes_max, size_t records, Urgency urgency) {
    const ContentId id = next_content();
    BatchContent content;
    for (size_t record = 0; record < records; ++record)
        Contents::add_record(content, id, Retention::kUntilReleased, {1, random_.below(100)},
                             random_.below(bytes_max + 1));
    append(std::move(content), id, ++units_, urgency);
}

void Life::append_carried() {
    const ContentId id = next_content();
    BatchContent content;
    const uint64_t records = random_.between(1, 3);
    for (uint64_t record = 0; record < records; ++record) {
        const Retention retention =
            random_.one_in(4) ? Retention::kForget : Retention::kCarriedForward;
        Contents::add_record(content, id, retention, {2, random_.below(kCarriedTags)},
                             random_.one_in(20) ? random_.below(4_KiB) : random_.below(100));
    }
    append(std::move(content), id, ++units_, Urgency::kNormal);
}

void Life::append_rewritten() {
    if (model_.owed().empty()) return append_one(300, 1, Urgency::kNormal);
    const ContentId id = next_content();
    BatchContent content;
    Contents::add_record(content, id, Retention::kUntilReleased, {1, random_.below(100)},
                         random_.below(2000));
    content.records.front().origin_lsn = model_.owed()[random_.below(model_.owed().size())].lsn;
    append(std::move(content), id, ++units_, Urgency::kNormal);
}

void Life::append_bulk() {
    const uint64_t batches = random_.between(2, 12);
    const uint64_t unit = ++units_;
    for (uint64_t batch = 0; batch < batches; ++batch) {
        append_one(400, 1, Urgency::kNormal);
        units_ = unit;
    }
}

// Each batch in a group of its own, the next submitted while the one before is in flight.
void Life::append_burst() {
    if (random_.one_in(2)) wait_for_answers();
    const uint64_t batches = random_.between(2, 6);
    for (uint64_t batch = 0; batch < batches && !failure_; ++batch) {
        const Lsn before = log_->next_lsn();
        append_one(random_.one_in(4) ? 9000 : 500, 1, Urgency::kNormal);
        wait_until_submitted(before);
    }
}

void Life::wait_until_submitted(Lsn before) {
    world_->run_until([&] {
        return log_->next_lsn() > before || unanswered_ == 0 || log_->poisoned() ||
               log_->stats().writes_in_flight >= scenario_.log.writes_in_flight_max;
    });
}

// The lost batches again, with the same bytes and in the same groups, but maybe not all of them.
void Life::resend_lost() {
    const std::vector<PendingAppend> lost = model_.lost();
    model_.forget_lost();
    const size_t count = random_.between(1, lost.size());
    for (size_t index = 0; index < count && !failure_; ++index) {
        const Lsn before = log_->next_lsn();
        append_content(lost[index].content, lost[index].unit, Urgency::kNormal);
        const bool unit_ends = index + 1 == lost.size() || lost[index + 1].unit != lost[index].unit;
        if (unit_ends) wait_until_submitted(before);
    }
    if (random_.one_in(2)) wait_for_answers();
}

void Life::step_world(uint64_t count) {
    for (uint64_t step = 0; step < count; ++step) world_->step();
}

void Life::wait_for_answers() {
    const Instant deadline = world_->now() + kPatience;
    const bool over =
        world_->run_until([&] { return unanswered_ == 0 || failure_ || world_->now() > deadline; });
    if (!over || (!failure_ && unanswered_ != 0)) fail("batches are never answered");
}

void Life::idle() {
    wait_for_answers();
    if (random_.one_in(3)) return world_->run_for(std::chrono::milliseconds(1));
    let_time_pass(4 * scenario_.log.witness_delay);
    if (!log_->poisoned() && !short_of_space_ && !faulted_) check_files();
}

// In pieces, because a slow processor may let a whole wait pass before a timer is served.
void Life::let_time_pass(Duration duration) {
    constexpr int kPieces = 8;
    for (int piece = 0; piece < kPieces; ++piece) world_->run_for(duration);
}

// Live segments, prepared ones, free ones, and one that is being worked on.
void Life::check_files() {
    size_t files = 0;
    for (const std::string& path : disk_->image().paths())
        files += path.find("segment-") != std::string::npos ? 1 : 0;
    const Stats stats = log_->stats();
    if (stats.segments_spare > 1 + scenario_.log.free_segments_max)
        fail(std::to_string(stats.segments_spare) + " segments in reserve");
    if (files > stats.segments_live + stats.segments_spare + scenario_.log.free_segments_max + 1)
        fail(std::to_string(files) + " segment files for " + std::to_string(stats.segments_live) +
             " live segments and " + std::to_string(stats.segments_spare) + " in reserve");
}

void Life::release_some() {
    const Lsn durable = log_->durable_lsn();
    if (durable <= model_.released_lsn()) return;
    const uint64_t all = durable - model_.released_lsn();
    const Lsn lsn =
        random_.one_in(3) ? durable : model_.released_lsn() + random_.between(all / 2, all);
    model_.release(lsn);
    log_->release(lsn);
}

void Life::read_back(const OwedBatch& batch) {
    const bool last = random_.one_in(2);
    const RecordLocation& location = last ? batch.last_location : batch.first_location;
    in_job([&] {
        const auto stored = log_->read(location);
        if (stored) {
            const RecordContent& content = contents_.at(batch.content).records[location.ordinal];
            if (!same_record(content, stored->record))
                fail("the location of a record of batch " + std::to_string(batch.lsn.value()) +
                     " leads to another record");
            return;
        }
        const ErrorCode code = stored.error().code;
        const bool gone = code == ErrorCode::kNotFound && batch.lsn <= model_.released_lsn();
        const bool broken = code == ErrorCode::kIoError && faulted_;
        const bool noticed = damaged_ && code == ErrorCode::kCorrupted;
        if (!gone && !broken && !noticed)
            fail("reading a record of batch " + std::to_string(batch.lsn.value()) + " gave " +
                 stored.error().to_string());
    });
}

void Life::read_some() {
    if (!old_batches_.empty() && random_.one_in(3)) {
        read_back(OwedBatch(old_batches_[random_.below(old_batches_.size())]));
    } else if (!model_.owed().empty()) {
        read_back(OwedBatch(model_.owed()[random_.below(model_.owed().size())]));
    }
}

void Life::read_everything() {
    const std::vector<OwedBatch> owed = model_.owed();
    for (const OwedBatch& batch : owed) {
        if (failure_) return;
        read_back(batch);
    }
}

void Life::read_directories() {
    if (model_.owed().empty()) return;
    const OwedBatch batch = model_.owed()[random_.below(model_.owed().size())];
    in_job([&] {
        const auto directories = log_->read_directories(batch.first_location.segment);
        if (directories) return;
        const ErrorCode code = directories.error().code;
        if (code == ErrorCode::kNotFound && batch.lsn <= model_.released_lsn()) return;
        if (code == ErrorCode::kIoError && faulted_) return;
        fail("reading directories gave " + directories.error().to_string());
    });
}

void Life::plan_fault() {
    faulted_ = true;
    struct Choice {
        DiskOperation operation;
        const char* path;
    };
    constexpr std::array<Choice, 7> kChoices = {{{DiskOperation::kWrite, "segment-"},
                                                 {DiskOperation::kWrite, "segment-"},
                                                 {DiskOperation::kWrite, ""},
                                                 {DiskOperation::kSync, "segment-"},
                                                 {DiskOperation::kRead, ""},
                                                 {DiskOperation::kAllocate, ""},
                                                 {DiskOperation::kOpen, "segment-"}}};
    const Choice& choice = kChoices[random_.below(kChoices.size())];
    Fault fault{.operation = choice.operation, .path_contains = choice.path};
    fault.nth = random_.between(1, 4);
    if (random_.one_in(5)) fault.kind = FaultKind::kStall;
    disk_->inject(fault);
}

void Life::change_space() {
    std::optional<uint64_t>& capacity = disk_->options().capacity_bytes;
    if (!capacity) {
        capacity = 0;
        short_of_space_ = true;
        return;
    }
    capacity.reset();
    wait_for_answers();
    let_time_pass(scenario_.log.space_retry_delay);
    if (failure_ || log_->poisoned() || faulted_) return;
    if (log_->stats().no_space) fail("the log finds no space although there is some again");
    short_of_space_ = false;
    append_one(300, 1, Urgency::kNormal);
}

}  // namespace timber::logengine
