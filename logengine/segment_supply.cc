#include "logengine/segment_supply.h"

#include "src/base/io/log.h"

namespace timber::logengine {

// What a job brought.
struct SegmentSupply::Outcome {
    std::unique_ptr<Segment> segment;  // null if it failed: its file is removed
    std::optional<Error> error;
    uint64_t created = 0;
    uint64_t recycled = 0;
    DeviceCost cost;
};

SegmentSupply::SegmentSupply(Disk& disk, Executor& executor, EventLoop& loop, Config config,
                             std::move_only_function<void()> changed)
    : disk_(disk),
      executor_(executor),
      loop_(loop),
      config_(std::move(config)),
      changed_(std::move(changed)),
      retry_timer_([this] { work(); }) {}

SegmentSupply::~SegmentSupply() { TIMBER_ASSERT(idle()); }

void SegmentSupply::add_spare(std::unique_ptr<Segment> file) {
    TIMBER_ASSERT(file->id == SegmentId());
    reserve_.push_back(std::move(file));
}

void SegmentSupply::announce() {
    if (wanted_) return;
    wanted_ = true;
    work();
}

std::unique_ptr<Segment> SegmentSupply::take() {
    if (prepared_ == nullptr) {
        announce();
        return nullptr;
    }
    wanted_ = false;
    std::unique_ptr<Segment> taken = std::move(prepared_);
    work();
    return taken;
}

void SegmentSupply::recycle(std::unique_ptr<Segment> segment) {
    free_.push_back(std::move(segment));
    work();
}

void SegmentSupply::work() {
    if (job_running_ || stopping_) return;
    if (wanted_ && prepared_ == nullptr && !reserve_.empty()) {
        prepare();
    } else if (!free_.empty() && spares() > config_.free_segments_max) {
        remove_surplus();
    } else if (!free_.empty()) {
        retire();
    } else if (spares() == 0) {
        create();
    }
}

void SegmentSupply::prepare() {
    std::unique_ptr<Segment> file = std::move(reserve_.front());
    reserve_.pop_front();
    const SegmentId id = config_.next_id;
    ++config_.next_id;
    run_job("prepare log segment", [this, file = std::move(file), id](Outcome& outcome) mutable {
        outcome.segment = std::move(file);
        Status prepared = prepare_segment(disk_, config_.geometry, *outcome.segment, id,
                                          config_.epoch, outcome.cost);
        if (!prepared) outcome.error = std::move(prepared).error();
    });
}

// The oldest, so that those that keep their identity still form a chain to the live ones: recovery
// begins at the oldest it finds, and a gap behind that would look like damage.
void SegmentSupply::retire() {
    std::unique_ptr<Segment> oldest = std::move(free_.front());  // Y3
    free_.pop_front();
    run_job("retire log segment", [this, oldest = std::move(oldest)](Outcome& outcome) mutable {
        outcome.segment = std::move(oldest);
        outcome.recycled = 1;
        Status retired = retire_segment(disk_, config_.geometry, *outcome.segment, outcome.cost);
        if (!retired) outcome.error = std::move(retired).error();
    });
}

void SegmentSupply::create() {
    const uint32_t file_number = config_.next_file_number++;
    run_job("create log segment", [this, file_number](Outcome& outcome) {
        outcome.created = 1;
        auto created = create_segment_file(disk_, config_.geometry, file_number, outcome.cost);
        if (created) {
            outcome.segment = std::move(*created);
        } else {
            outcome.error = std::move(created).error();
        }
    });
}

void SegmentSupply::run_job(const char* name, FileWork work) {
    job_running_ = true;
    if (retry_timer_.armed()) loop_.cancel_timer(retry_timer_);
    executor_.run(name, [this, work = std::move(work)]() mutable {
        Outcome outcome;
        work(outcome);
        if (outcome.error && outcome.segment != nullptr)
            remove_segment_file(disk_, std::move(outcome.segment));
        loop_.post(
            [this, outcome = std::move(outcome)]() mutable { finished(std::move(outcome)); });
    });
}

void SegmentSupply::finished(Outcome outcome) {
    counters_.device.bytes += outcome.cost.bytes;
    counters_.device.writes += outcome.cost.writes;
    if (outcome.error) {
        failed(*std::move(outcome.error));
    } else {
        counters_.created += outcome.created;
        counters_.recycled += outcome.recycled;
        const bool prepared = outcome.segment->id != SegmentId();
        if (prepared) {
            prepared_ = std::move(outcome.segment);
        } else {
            reserve_.push_back(std::move(outcome.segment));
        }
        exhausted_.reset();
    }
    changed_();
    job_running_ = false;
    job_ended();
}

void SegmentSupply::failed(Error error) {
    const bool crashed = error.code == ErrorCode::kCrashed;
    if (spares() > 0) {
        if (!crashed)
            log_warning("a log segment's file could not be used and was removed: {}",
                        error.to_string());
        return;
    }
    if (!exhausted_ && !crashed)
        log_warning("the log has no segment in reserve and refuses batches until it has one: {}",
                    error.to_string());
    exhausted_ = std::move(error);
    if (exhausted_->code != ErrorCode::kNoSpace) {
        exhausted_->detail = "no segment in reserve, and none could be made: " +
                             std::string(to_string(exhausted_->code)) + " " + exhausted_->detail;
        exhausted_->code = ErrorCode::kNoSpace;
    }
    if (!stopping_ && free_.empty()) loop_.start_timer(retry_timer_, config_.retry_delay);
}

void SegmentSupply::remove_surplus() {
    job_running_ = true;
    std::unique_ptr<Segment> surplus = std::move(free_.front());  // Y3
    free_.pop_front();
    executor_.run("remove log segment", [this, surplus = std::move(surplus)]() mutable {
        remove_segment_file(disk_, std::move(surplus));
        loop_.post([this] {
            ++counters_.removed;
            job_running_ = false;
            job_ended();
        });
    });
}

void SegmentSupply::job_ended() {
    if (stopping_) {
        if (stopped_) std::exchange(stopped_, nullptr)();
        return;
    }
    // After a failure the retry timer, or a recycled file, starts the next try.
    if (!retry_timer_.armed()) work();
}

void SegmentSupply::stop(std::move_only_function<void()> stopped) {
    TIMBER_ASSERT(!stopping_);
    stopping_ = true;
    if (retry_timer_.armed()) loop_.cancel_timer(retry_timer_);
    if (idle()) {
        stopped();
    } else {
        stopped_ = std::move(stopped);
    }
}

std::vector<std::unique_ptr<Segment>> SegmentSupply::take_all() {
    TIMBER_ASSERT(idle());
    std::vector<std::unique_ptr<Segment>> all;
    for (auto* list : {&free_, &reserve_}) {
        for (std::unique_ptr<Segment>& segment : *list) all.push_back(std::move(segment));
        list->clear();
    }
    if (prepared_ != nullptr) all.push_back(std::move(prepared_));
    return all;
}

}  // namespace timber::logengine
