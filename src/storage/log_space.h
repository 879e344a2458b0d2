#pragma once
// Gives the log's space back, and keeps the log below its limit.
//
// A log that reaches half its limit is looked after, from its oldest segment on. Where the state
// store is behind, it flushes. Where the segment holds little that Raft still needs, the entries
// are written again at the log's end, under their old identity, a bounded number at a time, so that
// an idle Region does not hold a segment for the sake of three entries. Where it holds much, the
// Regions are to be compacted, and the owner is told.
//
// A flush may take long: the state's files stand still, or have no room. The log grows meanwhile,
// on a follower as fast as its leader writes; so once it is over its limit by half, it takes no
// more until the flush is over. A flush waits for no commit, so it ends.
//
// Thread:     the loop.
// Lifetime:   `parts` outlives it; idle() when it is destroyed.
// Invariants: LS1  nothing is released that a live record lies in or behind, nor anything behind
//                  the floor that the state store's files hold.
//             LS2  an entry that a commit in flight may replace is not rewritten: the record would
//                  come to lie behind what replaces it.
#include <functional>
#include <vector>

#include "src/storage/engine_parts.h"

namespace timber::storage {

class LogSpace {
  public:
    LogSpace(EngineParts& parts, std::function<void()> changed)
        : parts_(parts), changed_(std::move(changed)) {}
    ~LogSpace() { TIMBER_ASSERT(idle()); }

    // Something may have become free, or the log longer.
    void work();
    // From the oldest segment that is needed to the newest.
    uint64_t bytes_held() const;
    // The log is far over its limit, and has grown much while a flush goes on: it must wait.
    bool full() const;
    bool idle() const { return !rewriting_; }

  private:
    static constexpr size_t kRewriteBytesMax = 256_KiB;
    static constexpr size_t kRewriteEntriesMax = 1024;

    // An entry that is to be rewritten.
    struct Moved {
        RegionId region;
        raft::LogIndex index;
        logengine::RecordLocation from;
        logengine::Lsn origin{};
        std::vector<std::byte> payload{};
    };

    uint64_t segments_max() const {
        return parts_.options.log_bytes_max / parts_.options.log.segment_bytes;
    }
    void release();
    void flush();
    void want_compactions(logengine::SegmentId oldest, const LiveRecords::Segment& segment);
    void rewrite(logengine::SegmentId oldest, const LiveRecords::Segment& segment);
    std::vector<Moved> choose(logengine::SegmentId oldest,
                              const LiveRecords::Segment& segment) const;
    bool movable(const Moved& moved) const;
    void read_ended(std::vector<Moved> moved, Status status);
    void append(std::vector<Moved> moved);
    void moved(const std::vector<Moved>& moved, const Result<logengine::Appended>& appended);

    EngineParts& parts_;
    const std::function<void()> changed_;
    bool rewriting_ = false;
    bool flushing_ = false;
    // The newest segment when something was last asked for: not again before the log has grown.
    logengine::SegmentId flushed_at_;
    logengine::SegmentId wanted_at_;
};

}  // namespace timber::storage
