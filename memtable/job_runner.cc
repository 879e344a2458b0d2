#include "memtable/job_runner.h"

#include <algorithm>
#include <utility>

namespace timber::memtable {

struct JobRunner::Running {
    Running(JobRunner& owner, const char* job_name, Kind job_kind, SteppedJob& stepped, Ended told)
        : runner(owner), name(job_name), kind(job_kind), job(stepped), ended(std::move(told)) {}

    JobRunner& runner;
    const char* const name;
    const Kind kind;
    SteppedJob& job;
    Ended ended;
    Timer limited{[this] { runner.next_step(*this); }};
    // Of the last step.
    Result<SteppedJob::Progress> result = SteppedJob::Progress::kMore;
    Duration busy{};
    // Told to the rate limiter and the pacer so far.
    uint64_t bytes_read = 0;
    uint64_t bytes_written = 0;
};

JobRunner::JobRunner(Executor& executor, EventLoop& loop, uint64_t bytes_per_second, Pacer& pacer)
    : executor_(executor),
      loop_(loop),
      limiter_(bytes_per_second, loop.clock().now()),
      pacer_(pacer) {}

JobRunner::~JobRunner() { TIMBER_ASSERT(idle()); }

void JobRunner::run(const char* name, Kind kind, SteppedJob& job, Ended ended) {
    if (kind == Kind::kFlush && ++flushes_running_ == 1) limiter_.set_flush_running(true);
    next_step(running_.emplace_back(*this, name, kind, job, std::move(ended)));
}

void JobRunner::next_step(Running& running) {
    if (stopping_) return abandon(running, make_error(ErrorCode::kClosed, "the store is closed"));
    if (running.kind != Kind::kUrgent) {
        const auto kind = running.kind == Kind::kFlush ? RateLimiter::Kind::kFlush
                                                       : RateLimiter::Kind::kCompaction;
        const Duration delay = limiter_.delay(kind, loop_.clock().now());
        if (delay > Duration{}) return loop_.start_timer(running.limited, delay);
    }
    executor_.run(running.name, [this, &running] {
        const Instant begin = loop_.clock().now();
        running.result = running.job.step();
        running.busy = loop_.clock().now() - begin;
        loop_.post([this, &running] { step_ended(running); });
    });
}

void JobRunner::step_ended(Running& running) {
    const JobCounts& counts = running.job.counts();
    const uint64_t bytes_read =
        counts.bytes_read - std::exchange(running.bytes_read, counts.bytes_read);
    const uint64_t bytes_written =
        counts.bytes_written - std::exchange(running.bytes_written, counts.bytes_written);
    if (running.kind != Kind::kUrgent) {
        limiter_.charge(bytes_read + bytes_written, loop_.clock().now());
        pacer_.worked(bytes_written, running.busy);
    }
    if (!running.result.ok()) return abandon(running, std::move(running.result).error());
    switch (*running.result) {
        case SteppedJob::Progress::kMore: return next_step(running);
        case SteppedJob::Progress::kDone: return end(running, {});
    }
}

void JobRunner::abandon(Running& running, Error error) {
    executor_.run(running.name, [this, &running, error = std::move(error)]() mutable {
        running.job.abandon();
        loop_.post([this, &running, error = std::move(error)]() mutable {
            end(running, std::move(error));
        });
    });
}

void JobRunner::end(Running& running, Status status) {
    if (running.kind == Kind::kFlush && --flushes_running_ == 0) limiter_.set_flush_running(false);
    Ended ended = std::move(running.ended);
    const auto place =
        std::ranges::find_if(running_, [&](const Running& each) { return &each == &running; });
    TIMBER_ASSERT(place != running_.end());
    running_.erase(place);
    ended(std::move(status));
    check_stopped();
}

void JobRunner::run_plain(const char* name, std::move_only_function<void()> work,
                          std::move_only_function<void()> ended) {
    ++plain_running_;
    executor_.run(name, [this, work = std::move(work), ended = std::move(ended)]() mutable {
        work();
        // What it held is let go of here, not on the loop: there may be files to close.
        work = nullptr;
        loop_.post([this, ended = std::move(ended)]() mutable {
            --plain_running_;
            if (ended) ended();
            check_stopped();
        });
    });
}

void JobRunner::post(std::move_only_function<void()> task) {
    ++plain_running_;
    loop_.post([this, task = std::move(task)]() mutable {
        --plain_running_;
        task();
        check_stopped();
    });
}

void JobRunner::stop(std::move_only_function<void()> stopped) {
    TIMBER_ASSERT(!stopping_);
    stopping_ = true;
    stopped_ = std::move(stopped);
    for (Running& running : running_) {
        if (!running.limited.armed()) continue;
        loop_.cancel_timer(running.limited);
        next_step(running);
    }
    if (idle()) post([] {});
}

void JobRunner::check_stopped() {
    if (stopping_ && idle()) stopped_();
}

}  // namespace timber::memtable
