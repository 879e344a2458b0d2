#include "benches/log/caller_threads.h"

#include <sys/prctl.h>

#include <cerrno>
#include <ctime>

namespace timber::bench {

namespace {

Status run_closed_loop(SliceRecorder& recorder, uint32_t caller,
                       const std::function<Status(uint32_t)>& operation) {
    Lane& lane = recorder.lane(caller);
    int64_t start = now_ns();
    while (start < recorder.slice().end_ns) {
        TIMBER_CHECK(operation(caller));
        const int64_t end = now_ns();
        lane.done(start, end);
        start = end;
    }
    return {};
}

Status run_open_loop(SliceRecorder& recorder, uint32_t caller, std::atomic<uint64_t>& next,
                     const std::function<Status(uint32_t)>& operation) {
    Lane& lane = recorder.lane(caller);
    while (true) {
        const int64_t due = recorder.due_ns(next.fetch_add(1, std::memory_order_relaxed));
        if (due >= recorder.slice().end_ns || recorder.over()) return {};
        sleep_until_ns(due);
        TIMBER_CHECK(operation(caller));
        lane.done(due, now_ns());
    }
}

}  // namespace

void sleep_exactly() { ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

void sleep_until_ns(int64_t due_ns) {
    if (now_ns() >= due_ns) return;
    const timespec due = {.tv_sec = due_ns / kNsPerSecond, .tv_nsec = due_ns % kNsPerSecond};
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) == EINTR) {
    }
}

CallerThreads::CallerThreads(uint32_t count) {
    for (uint32_t caller = 0; caller < count; ++caller)
        threads_.emplace_back([this, caller] { live(caller); });
}

CallerThreads::~CallerThreads() {
    {
        const MutexLock lock(mutex_);
        TIMBER_ASSERT_OP(busy_, ==, 0u);
        ending_ = true;
    }
    changed_.notify_all();
}

void CallerThreads::live(uint32_t caller) {
    sleep_exactly();
    uint64_t done_round = 0;
    while (true) {
        const std::function<Status(uint32_t)>* work = nullptr;
        {
            const MutexLock lock(mutex_);
            while (round_ == done_round && !ending_) changed_.wait(mutex_);
            if (ending_) return;
            done_round = round_;
            work = work_;
        }
        Status result = (*work)(caller);
        const MutexLock lock(mutex_);
        if (!result && result_.ok()) result_ = std::move(result);
        if (--busy_ == 0) changed_.notify_all();
    }
}

Status CallerThreads::run(const std::function<Status(uint32_t)>& work) {
    const MutexLock lock(mutex_);
    work_ = &work;
    busy_ = threads_.size();
    result_ = {};
    ++round_;
    changed_.notify_all();
    while (busy_ > 0) changed_.wait(mutex_);
    return std::move(result_);
}

Status CallerThreads::run_slice(const Case& wanted, SliceRecorder& recorder,
                                const std::function<Status(uint32_t)>& operation) {
    std::atomic<uint64_t> next = 0;
    return run([&](uint32_t caller) {
        return wanted.rate_per_s > 0 ? run_open_loop(recorder, caller, next, operation)
                                     : run_closed_loop(recorder, caller, operation);
    });
}

}  // namespace timber::bench
