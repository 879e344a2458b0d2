#include "benches/frame/prober.h"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>

#include "src/base/bytes.h"

namespace timber::bench {

namespace {

int64_t thread_cpu_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * kNsPerSecond + used.tv_nsec;
}

}  // namespace

bool is_ours(const Interval& stall, const std::vector<Interval>& probed) {
    for (const Interval& probe : probed)
        if (overlap_ns(stall, probe) * 2 >= stall.length_ns()) return false;
    return true;
}

Result<std::unique_ptr<Prober>> Prober::start(const std::string& directory) {
    TIMBER_TRY(auto file, BlockFile::create(directory + "/prober", 1_MiB));
    std::unique_ptr<Prober> prober(new Prober(std::move(file)));
    prober->thread_ =
        std::jthread([owner = prober.get()](const std::stop_token& stop) { owner->run(stop); });
    return prober;
}

std::vector<Interval> Prober::slow_writes() const {
    const MutexLock lock(mutex_);
    return slow_writes_;
}

Status Prober::status() const {
    const MutexLock lock(mutex_);
    return status_;
}

bool Prober::probe(int64_t due_ns) {
    const Status written = file_->overwrite_next();
    const Interval took{due_ns, now_ns()};
    writes_.fetch_add(1, std::memory_order_relaxed);
    cpu_ns_.store(thread_cpu_ns(), std::memory_order_relaxed);
    const MutexLock lock(mutex_);
    if (took.length_ns() >= kSlowNs) slow_writes_.push_back(took);
    status_ = written;
    return written.ok();
}

void Prober::run(const std::stop_token& stop) {
    // Threads have priorities of their own on Linux. Refused to an ordinary user, who goes without.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), -20);
    int64_t due = now_ns();
    while (!stop.stop_requested() && probe(due)) {
        // What was missed during a slow write is not made up for.
        do due += kPeriodNs;
        while (due < now_ns());
        std::this_thread::sleep_for(std::chrono::nanoseconds(due - now_ns()));
    }
}

}  // namespace timber::bench
