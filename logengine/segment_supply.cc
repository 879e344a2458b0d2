#include "logengine/segment_supply.h"

#include "src/base/io/log.h"

namespace timber::logengine {

// What a preparation brought.
struct SegmentSupply::Outcome {
    std::unique_ptr<Segment> segment;  // null if it failed
    std::optional<Error> error;
    bool created = false;
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

void SegmentSupply::add_spare(std::unique_ptr<Segment> segment) {
    TIMBER_ASSERT(segment->id != SegmentId());
    if (!spares_.empty()) TIMBER_ASSERT_OP(spares_.back()->id, <, segment->id);
    spares_.push_back(std::move(segment));
}

std::unique_ptr<Segment> SegmentSupply::take() {
    if (spares_.empty()) return nullptr;
    std::unique_ptr<Segment> taken = std::move(spares_.front());
    spares_.pop_front();
    work();
    return taken;
}

void SegmentSupply::recycle(std::unique_ptr<Segment> segment) {
    free_.push_back(std::move(segment));
    work();
}

void SegmentSupply::work() {
    if (job_running_ || stopping_) return;
    if (spares_.empty()) {
        prepare();
    } else if (free_.size() > config_.free_segments_max) {
        remove_surplus();
    }
}

void SegmentSupply::prepare() {
    job_running_ = true;
    if (retry_timer_.armed()) loop_.cancel_timer(retry_timer_);
    std::unique_ptr<Segment> reused;
    uint32_t file_number = 0;
    if (free_.empty()) {
        file_number = config_.next_file_number++;
    } else {
        // The oldest, so that those that keep their identity still form a chain to the live ones:
        // recovery begins at the oldest it finds, and a gap behind that would look like damage.
        reused = std::move(free_.front());
        free_.pop_front();
    }
    const SegmentId id = config_.next_id;
    ++config_.next_id;
    executor_.run(
        "prepare log segment", [this, reused = std::move(reused), file_number, id]() mutable {
            Outcome outcome;
            outcome.created = reused == nullptr;
            Result<std::unique_ptr<Segment>> made =
                reused != nullptr
                    ? std::move(reused)
                    : create_segment_file(disk_, config_.geometry, file_number, outcome.cost);
            if (!made) {
                outcome.error = std::move(made).error();
            } else {
                outcome.segment = std::move(*made);
                Status prepared = prepare_segment(disk_, config_.geometry, *outcome.segment, id,
                                                  config_.epoch, outcome.cost);
                if (!prepared) {
                    outcome.error = std::move(prepared).error();
                    remove_segment_file(disk_, std::move(outcome.segment));
                }
            }
            loop_.post(
                [this, outcome = std::move(outcome)]() mutable { finished(std::move(outcome)); });
        });
}

void SegmentSupply::finished(Outcome outcome) {
    counters_.device.bytes += outcome.cost.bytes;
    counters_.device.writes += outcome.cost.writes;
    if (outcome.segment != nullptr) {
        ++(outcome.created ? counters_.created : counters_.recycled);
        add_spare(std::move(outcome.segment));
        exhausted_.reset();
    } else {
        if (!exhausted_ && outcome.error->code != ErrorCode::kCrashed)
            log_warning(
                "the log has no segment in reserve and refuses batches until it has one: {}",
                outcome.error->to_string());
        exhausted_ = std::move(outcome.error);
        if (exhausted_->code != ErrorCode::kNoSpace) {
            exhausted_->detail = "no segment in reserve, and none could be made: " +
                                 std::string(to_string(exhausted_->code)) + " " +
                                 exhausted_->detail;
            exhausted_->code = ErrorCode::kNoSpace;
        }
        if (!stopping_ && free_.empty()) loop_.start_timer(retry_timer_, config_.retry_delay);
    }
    changed_();
    job_running_ = false;
    job_ended();
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
    for (auto* list : {&free_, &spares_}) {
        for (std::unique_ptr<Segment>& segment : *list) all.push_back(std::move(segment));
        list->clear();
    }
    return all;
}

}  // namespace timber::logengine
