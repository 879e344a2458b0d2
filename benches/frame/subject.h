#pragma once
// What a bench compares: subjects, the cases they are put through, and how they report.
//
//   class LogSubject : public Subject {
//     public:
//       std::string name() const override { return "timberkv"; }
//       Status prepare(const Case& wanted) override { return open_log(wanted.value_bytes); }
//       Status run_slice(const Case&, SliceRecorder& recorder) override {
//           while (!recorder.over()) {
//               const int64_t start = now_ns();
//               TIMBER_CHECK(append_and_wait());
//               recorder.lane(0).done(start, now_ns());
//           }
//           return {};
//       }
//       Status finish(const Case&) override { return check_what_was_written(); }
//   };
//
// For each case the frame calls prepare() of every subject, then run_slice() and settle() of all of
// them in turn, slice after slice, then finish() of every subject. An error ends the bench and
// fails it. All calls come from one thread; a subject may start threads inside them.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "benches/frame/interval.h"
#include "src/base/assert.h"
#include "src/base/histogram.h"
#include "src/base/result.h"

namespace timber::bench {

// One load. Benches name them so that the rows of two runs can be matched.
struct Case {
    std::string name;
    uint32_t parallel = 1;     // callers, threads or requests in flight
    uint64_t value_bytes = 0;  // of one operation
    double rate_per_s = 0;     // of an open loop; 0 is a closed loop
    bool quick = true;         // part of --quick
    double seconds = 0;        // measured for each subject; 0: as --seconds says
};

// What reached the device, since whenever.
struct DeviceCount {
    uint64_t bytes_written = 0;
    uint64_t writes = 0;
    uint64_t bytes_read = 0;
    uint64_t reads = 0;
    uint64_t flushes = 0;  // of the device's write cache

    DeviceCount operator-(const DeviceCount& earlier) const {
        return {bytes_written - earlier.bytes_written, writes - earlier.writes,
                bytes_read - earlier.bytes_read, reads - earlier.reads, flushes - earlier.flushes};
    }
};

// Where one thread records its operations. Not shared between threads.
class alignas(64) Lane {
  public:
    // An operation of case.value_bytes, or of `bytes`. An operation of an open loop starts when it
    // was due (SliceRecorder::due_ns), not when it was sent.
    void done(int64_t start_ns, int64_t end_ns) { done(start_ns, end_ns, value_bytes_); }
    void done(int64_t start_ns, int64_t end_ns, uint64_t bytes) {
        TIMBER_ASSERT_OP(start_ns, <=, end_ns);
        latencies_ns_.add(static_cast<uint64_t>(end_ns - start_ns));
        bytes_ += bytes;
        if (end_ns - start_ns >= stall_ns_) add_stall({start_ns, end_ns});
    }

  private:
    friend class SliceRecorder;

    static constexpr size_t kStallsMax = 100'000;
    void add_stall(Interval stall) {
        if (stalls_.size() < kStallsMax) stalls_.push_back(stall);
    }

    uint64_t value_bytes_ = 0;
    int64_t stall_ns_ = 0;
    uint64_t bytes_ = 0;
    Histogram latencies_ns_;
    std::vector<Interval> stalls_;
};

// One slice of one subject.
//
// Thread: over(), due_ns() and the observers from any; a lane from one thread; the rest from the
//         one that called run_slice().
class SliceRecorder {
  public:
    SliceRecorder(const Case& wanted, uint32_t lanes, Interval slice, int64_t stall_ns);

    // A subject runs until the slice is over, then waits for what it has in flight.
    bool over() const { return now_ns() >= slice_.end_ns; }
    const Interval& slice() const { return slice_; }
    // When operation `index` of an open loop is due.
    int64_t due_ns(uint64_t index) const {
        TIMBER_ASSERT(rate_per_s_ > 0);
        return slice_.start_ns +
               static_cast<int64_t>(static_cast<double>(index) / rate_per_s_ * 1e9);
    }

    // As many as Subject::lanes says.
    Lane& lane(size_t index) {
        TIMBER_ASSERT_OP(index, <, lanes_.size());
        return lanes_[index];
    }
    // A figure of the subject's own: the row gets the median over the slices under this name.
    void note(const std::string& name, double value) { notes_[name] = value; }

    // For the frame, after the slice.
    Histogram latencies_ns() const;
    uint64_t bytes() const;
    std::vector<Interval> stalls() const;
    const std::map<std::string, double>& notes() const { return notes_; }

  private:
    const Interval slice_;
    const double rate_per_s_;
    std::vector<Lane> lanes_;
    std::map<std::string, double> notes_;
};

class Subject {
  public:
    virtual ~Subject() = default;

    virtual std::string name() const = 0;
    // Whether the case can be asked of this subject at all (callbacks of a blocking interface,
    // say).
    virtual bool takes(const Case&) const { return true; }
    // How many threads record operations in a slice.
    virtual uint32_t lanes(const Case& wanted) const { return wanted.parallel; }

    // Opens and fills whatever the case needs. Its time does not count.
    virtual Status prepare(const Case& wanted) = 0;
    // Runs the load until recorder.over() and records every operation.
    virtual Status run_slice(const Case& wanted, SliceRecorder& recorder) = 0;
    // Waits for background work that the slice left behind: its device writes count for this
    // subject, its time for none, and it does not disturb the next one.
    virtual Status settle(const Case&) { return {}; }
    // Checks what was written or read, closes, and removes its files.
    virtual Status finish(const Case& wanted) = 0;

    // What the subject itself gave to the device so far, counted where it hands writes over. Where
    // given, it stands in the report instead of the block layer's count.
    virtual std::optional<DeviceCount> device_count() const { return std::nullopt; }
};

}  // namespace timber::bench
