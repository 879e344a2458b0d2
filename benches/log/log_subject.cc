#include "benches/log/log_subject.h"

#include <deque>
#include <future>

namespace timber::bench {

namespace {

// Smaller ones are recycled sooner: with full ones all of the quick time would be warming up.
double segment_mib(const Options& options) {
    if (options.tiny) return 1;
    return options.quick ? 16 : static_cast<double>(logengine::Options{}.segment_bytes / 1_MiB);
}

bool blocks(const Case& wanted) { return wanted.name == "threads"; }

// Callers that each append again from the completion of their last append, until the slice is over.
// All on the loop.
class CallbackCallers {
  public:
    CallbackCallers(LogOwner& owner, SliceRecorder& recorder)
        : owner_(owner), lane_(recorder.lane(0)), end_ns_(recorder.slice().end_ns) {}

    Status run(uint32_t callers) {
        owner_.on_loop([&] {
            active_ = callers;
            callers_ = std::vector<Caller>(callers);
            for (Caller& caller : callers_) {
                caller.call.done = [this, &caller](const Status& done) { answered(caller, done); };
                append(caller, now_ns());
            }
        });
        over_.get_future().wait();
        return std::move(result_);
    }

  private:
    struct Caller {
        LogOwner::Call call;
        int64_t start_ns = 0;
    };

    void append(Caller& caller, int64_t start_ns) {
        caller.start_ns = start_ns;
        Status appended = owner_.append(caller.call);
        if (!appended) end(std::move(appended));
    }
    void answered(Caller& caller, const Status& done) {
        const int64_t now = now_ns();
        if (!done) return end(done);
        lane_.done(caller.start_ns, now);
        if (now >= end_ns_) return end({});
        append(caller, now);
    }
    void end(Status status) {
        if (!status && result_.ok()) result_ = std::move(status);
        if (--active_ == 0) over_.set_value();
    }

    LogOwner& owner_;
    Lane& lane_;
    const int64_t end_ns_;
    std::vector<Caller> callers_;
    uint32_t active_ = 0;
    Status result_;
    std::promise<void> over_;
};

}  // namespace

LogSubject::LogSubject(Options& options)
    : directory_(options.directory + "/log"),
      segment_bytes_(static_cast<uint64_t>(options.parameter("segment_mib", segment_mib(options)) *
                                           double{1_MiB})) {}

uint32_t LogSubject::lanes(const Case& wanted) const {
    return blocks(wanted) ? wanted.parallel : 1;
}

Status LogSubject::prepare(const Case& wanted) {
    TIMBER_TRY(owner_, LogOwner::create({.directory = directory_,
                                         .segment_bytes = segment_bytes_,
                                         .kept_segments = 2,
                                         .payload_bytes = wanted.value_bytes}));
    if (blocks(wanted)) {
        threads_ = std::make_unique<CallerThreads>(wanted.parallel);
        waiters_ = std::vector<Waiter>(wanted.parallel);
        calls_ = std::vector<LogOwner::Call>(wanted.parallel);
        for (uint32_t i = 0; i < wanted.parallel; ++i)
            calls_[i].done = [&waiter = waiters_[i]](const Status& done) {
                waiter.complete(done.ok());
            };
    }
    return owner_->warm_up(5);
}

Status LogSubject::run_slice(const Case& wanted, SliceRecorder& recorder) {
    before_ = owner_->stats();
    read_ = owner_->device_count().bytes_read;
    if (blocks(wanted))
        TIMBER_CHECK(run_threads(wanted, recorder));
    else if (wanted.rate_per_s > 0)
        TIMBER_CHECK(run_arrivals(recorder));
    else
        TIMBER_CHECK(CallbackCallers(*owner_, recorder).run(wanted.parallel));
    note_log(recorder);
    return {};
}

Status LogSubject::run_threads(const Case& wanted, SliceRecorder& recorder) {
    return threads_->run_slice(wanted, recorder, [this](uint32_t caller) -> Status {
        Waiter& waiter = waiters_[caller];
        waiter.prepare();
        TIMBER_CHECK(owner_->append(calls_[caller]));
        if (waiter.wait()) return {};
        return make_error(ErrorCode::kIoError, "the log refused a batch");
    });
}

// One thread appends when it is time to, whatever became of the earlier ones.
Status LogSubject::run_arrivals(SliceRecorder& recorder) {
    sleep_exactly();
    Lane& lane = recorder.lane(0);
    std::atomic<uint64_t> answered = 0;
    std::atomic<bool> failed = false;
    std::deque<LogOwner::Call> calls;
    uint64_t sent = 0;
    for (int64_t due = recorder.due_ns(0); due < recorder.slice().end_ns && !recorder.over();
         due = recorder.due_ns(++sent)) {
        sleep_until_ns(due);
        calls.push_back({.done = [&, due](const Status& done) {
            if (!done) failed = true;
            lane.done(due, now_ns());
            answered.fetch_add(1, std::memory_order_release);
        }});
        TIMBER_CHECK(owner_->append(calls.back()));
    }
    while (answered.load(std::memory_order_acquire) < sent)
        sleep_until_ns(now_ns() + kNsPerMs / 10);
    if (failed) return make_error(ErrorCode::kIoError, "the log refused a batch");
    return {};
}

void LogSubject::note_log(SliceRecorder& recorder) {
    const logengine::Stats after = owner_->stats();
    const auto groups = static_cast<double>(after.groups - before_.groups);
    if (groups == 0) return;
    recorder.note("batches in a group",
                  static_cast<double>(after.batches - before_.batches) / groups);
    recorder.note("segments recycled",
                  static_cast<double>(after.segments_recycled - before_.segments_recycled));
    recorder.note("segments created",
                  static_cast<double>(after.segments_created - before_.segments_created));
    recorder.note("bytes read", static_cast<double>(owner_->device_count().bytes_read - read_));
}

Status LogSubject::finish(const Case&) {
    threads_.reset();
    closed_count_ = owner_->device_count();
    owner_->close();
    Status checked = owner_->reopen();
    owner_.reset();
    return checked;
}

std::optional<DeviceCount> LogSubject::device_count() const {
    return owner_ == nullptr ? closed_count_ : owner_->device_count();
}

}  // namespace timber::bench
