#pragma once
// Keeps one file in reserve, recycled or made anew, and turns it into a segment shortly before it
// is needed: both off the commit path. Recovery has to read every segment, but no retired file.
//
// Thread:     the owner's loop; the file work runs as a job, one at a time.
// Lifetime:   destroyed only while idle(), which stop() leads to.
// Invariants: Y1  at most one job runs.
//             Y2  segment ids and file numbers are given out once.
//             Y3  files lose their old identity in the order in which they were recycled, each
//                 durably before the next: what is left of the log has no hole at its beginning.
// Failure:    a preparation that fails leaves nothing behind and is tried again later, with a new
//             file; meanwhile, without a segment in reserve, exhausted() says why.
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "logengine/segment_file.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"

namespace timber::logengine {

class SegmentSupply {
  public:
    struct Config {
        Geometry geometry;
        Epoch epoch;
        SegmentId next_id;
        uint32_t next_file_number = 0;
        size_t free_segments_max = 0;
        Duration retry_delay{};
    };
    struct Counters {
        uint64_t created = 0;
        uint64_t recycled = 0;
        uint64_t removed = 0;
        DeviceCost device;
    };

    // `changed` runs on the loop whenever a file or a segment became ready or exhausted() changed.
    SegmentSupply(Disk& disk, Executor& executor, EventLoop& loop, Config config,
                  std::move_only_function<void()> changed);
    ~SegmentSupply();

    // Takes in a retired file that recovery found or made.
    void add_spare(std::unique_ptr<Segment> file);
    // Makes a file if there is none in reserve. After the spares were added.
    void start() { work(); }

    // A segment will be taken soon.
    void announce();
    // The prepared segment; null if there is none yet, and then one is prepared as soon as may be.
    std::unique_ptr<Segment> take();
    // A file whose segment is no longer needed.
    void recycle(std::unique_ptr<Segment> segment);

    // Set while there is nothing in reserve and the last try to make a file failed: kNoSpace, and
    // why, whatever failed; to whom it is told, it means that nothing was written.
    const std::optional<Error>& exhausted() const { return exhausted_; }
    // Files in reserve, the prepared segment included.
    size_t spares() const { return reserve_.size() + (prepared_ != nullptr ? 1 : 0); }
    const Counters& counters() const { return counters_; }

    // Starts nothing more; `stopped` runs once the job under way, if any, is over. Then the files
    // can be taken out.
    void stop(std::move_only_function<void()> stopped);
    bool idle() const { return !job_running_; }
    std::vector<std::unique_ptr<Segment>> take_all();

  private:
    struct Outcome;
    using FileWork = std::move_only_function<void(Outcome&)>;

    void work();
    void prepare();
    void retire();
    void create();
    void remove_surplus();
    void run_job(const char* name, FileWork work);
    void finished(Outcome outcome);
    void failed(Error error);
    void job_ended();

    Disk& disk_;
    Executor& executor_;
    EventLoop& loop_;
    Config config_;
    std::move_only_function<void()> changed_;
    Timer retry_timer_;

    std::unique_ptr<Segment> prepared_;             // the one to be taken next
    std::deque<std::unique_ptr<Segment>> reserve_;  // retired files
    std::deque<std::unique_ptr<Segment>> free_;     // not retired yet, oldest first
    bool wanted_ = false;                           // a segment will be, or would have been, taken
    std::optional<Error> exhausted_;
    bool job_running_ = false;
    std::move_only_function<void()> stopped_;
    bool stopping_ = false;
    Counters counters_;
};

}  // namespace timber::logengine
