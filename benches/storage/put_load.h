#pragma once
// Callers that put new keys into a replica, each again from the answer to its last put.
//
// Puts are numbered; which key and value a number has follows from the seed, so that whoever knows
// how many there were can check them, in another process too.
//
// Thread: one uses the object; the callers live on the replica's thread.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "benches/frame/subject.h"
#include "benches/storage/replica.h"

namespace timber::bench {

class PutLoad {
  public:
    PutLoad(uint64_t seed, uint64_t value_bytes);

    // A number of puts, from `callers`; at least one of each, so there may be some more.
    Status run(Replica& replica, uint32_t callers, uint64_t puts);
    // Until the slice is over; every put is recorded in its first lane.
    Status run(Replica& replica, uint32_t callers, SliceRecorder& recorder);

    uint64_t written() const { return written_; }
    void set_written(uint64_t puts) { written_ = puts; }
    // The lives of some puts of the last slice, one in kSampled.
    const std::vector<Interval>& sampled() const { return sampled_; }

    // Put `number` is there, as it was written.
    Status check(Replica& replica, uint64_t number) const;
    // So many of those that were written, at random.
    Status check_some(Replica& replica, size_t count) const;

  private:
    static constexpr uint64_t kSampled = 16;
    struct Caller;

    Status run(Replica& replica, uint32_t callers);
    bool over(int64_t now) const;
    void put(Caller& caller, int64_t start_ns);
    void answered(Caller& caller, const Status& status);

    const uint64_t value_bytes_;
    const uint64_t seed_;
    const Shuffle shuffle_;
    ValueMaker values_;
    uint64_t written_ = 0;
    uint64_t answered_ = 0;  // in slices
    std::vector<Interval> sampled_;

    // Of the run.
    Replica* replica_ = nullptr;
    Lane* lane_ = nullptr;
    uint64_t puts_end_ = 0;
    int64_t end_ns_ = 0;
    uint32_t active_ = 0;
    Status result_;
    std::promise<void> over_;
};

}  // namespace timber::bench
