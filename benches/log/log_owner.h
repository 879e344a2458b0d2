#pragma once
// A log engine on the production platform, with an owner as a server would be one: it numbers what
// it appends, releases behind itself so that segments are recycled, and checks when it is over that
// the log holds what was acknowledged.
//
// Thread:   append() from any; on_loop() and what it runs on the log's loop; the rest from the
//           thread that made it, which is no loop.
// Lifetime: the destructor closes the log, if it is open, and removes it.
#include <array>
#include <deque>
#include <memory>
#include <string>

#include "benches/frame/interval.h"
#include "benches/log/counting_disk.h"
#include "logengine/log_engine.h"
#include "src/platform/platform.h"

namespace timber::bench {

class LogOwner {
  public:
    struct Setup {
        std::string directory;  // the log's own; removed at the end
        uint64_t segment_bytes = logengine::Options{}.segment_bytes;
        // How many segments stay live. 0: all.
        size_t kept_segments = 0;
        size_t payload_bytes = 0;
    };
    // Called on the loop when the batch is durable, or why it is not.
    using Done = std::move_only_function<void(const Status&)>;

    static Result<std::unique_ptr<LogOwner>> create(Setup setup);
    ~LogOwner();

    // One batch of one record. The call is the caller's until it is done.
    struct Call {
        Done done;
        uint64_t number = 0;  // of the record
    };
    Status append(Call& call);
    // Appends `batches`, `together` at a time, and waits for them.
    Status append_many(uint64_t batches, uint64_t together);
    // Appends and waits until at least `segments` were recycled: what was written from then on cost
    // what it costs for ever.
    Status warm_up(uint64_t segments);

    // Nothing, if it is closed already.
    void close();
    // Opens the closed log and compares what it holds with what was acknowledged.
    Status reopen();

    Loop& loop() { return thread_->loop(); }
    void on_loop(std::move_only_function<void()> function) { thread_->call(std::move(function)); }
    DeviceCount device_count() const { return disk_->count(); }
    logengine::Stats stats();

  private:
    // What was acknowledged, up to some batch: a sum that does not depend on the order.
    struct Acknowledged {
        logengine::Lsn lsn;  // of the newest
        uint64_t batches = 0;
        uint64_t sum = 0;  // of their numbers, scrambled
    };

    explicit LogOwner(Setup setup);
    Status open(logengine::BatchVisitor visitor);
    void acknowledged(const logengine::Appended& appended, uint64_t number);
    void release_older_segments(logengine::SegmentId newest);
    Status check_batch(const logengine::BatchCursor& batch, Acknowledged& found) const;

    const Setup setup_;
    const std::vector<std::byte> payload_;
    std::unique_ptr<Platform> platform_;
    std::unique_ptr<CountingDisk> disk_;
    std::unique_ptr<LoopThread> thread_;
    std::unique_ptr<logengine::LogEngine> engine_;
    std::atomic<uint64_t> next_number_ = 1;
    // The loop.
    Acknowledged total_;
    logengine::SegmentId newest_segment_;
    std::deque<Acknowledged> kept_;  // as of the beginning of each segment that stays, oldest first
    Acknowledged released_;
};

}  // namespace timber::bench
