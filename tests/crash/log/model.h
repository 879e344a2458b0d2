#pragma once
// What the log owes its owner: every batch that was acknowledged, or that a recovery showed, in
// order; what may be there besides; what may never come back.
//
// A value: the explorer copies it together with the disk at the moment of a death.
//
// Thread:     one.
// Invariants: M1  the LSNs of owed() grow.
//             M2  what was discarded by a recovery that the owner has seen is neither owed nor
//                 pending, unless the owner sent it again.
// Failure:    a Status with kCorrupted says which promise the log broke.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "logengine/log_engine.h"
#include "tests/crash/log/contents.h"

namespace timber::logengine {

// A batch that must be there, and where its first and its last record were.
struct OwedBatch {
    ContentId content;
    Lsn lsn;
    RecordLocation first_location;
    RecordLocation last_location;
};

// A batch that was appended and whose fate nobody knows yet. Batches of one unit were appended
// together, so that they went into one group if they could.
struct PendingAppend {
    ContentId content;
    uint64_t unit = 0;

    friend bool operator==(const PendingAppend&, const PendingAppend&) = default;
};

// The newest carried-forward record of a tag.
struct CarriedRecord {
    Lsn origin_lsn;
    uint64_t hash = 0;  // of the payload

    friend bool operator==(const CarriedRecord&, const CarriedRecord&) = default;
};
using CarriedRecords = std::map<RecordTag, CarriedRecord>;

// What a recovery showed of one batch.
struct VisitedBatch {
    Lsn lsn;
    SegmentId segment;
    std::optional<ContentId> content;  // none of a checkpoint
    CarriedRecords carried{};          // of a checkpoint
    RecordLocation first_location{};
    RecordLocation last_location{};
};

struct RecoveredLog {
    std::vector<VisitedBatch> batches;
    OpenReport report;
    Lsn next_lsn;
    Lsn released_lsn;
};

class Model {
  public:
    // The owner's deeds.
    void append(ContentId content, uint64_t unit) { pending_.push_back({content, unit}); }
    void release(Lsn lsn) { released_lsn_ = std::max(released_lsn_, lsn); }

    // The log's answers to an append.
    Status acknowledged(ContentId content, const Appended& appended);
    // It was surely not written.
    void refused(ContentId content);

    // Compares what a recovery showed with what is owed, and goes on from there: what it showed is
    // owed from now on, and what it did not show may not come back.
    Status recovered(const Contents& contents, const RecoveredLog& log);
    // The same for a log that was damaged at rest and has no record of how far it was durable
    // beyond `proven_lsn`: what lies behind may be cut.
    Status recovered_damaged(const Contents& contents, const RecoveredLog& log, Lsn proven_lsn);

    bool ever_opened() const { return ever_opened_; }
    const std::vector<OwedBatch>& owed() const { return owed_; }
    const std::vector<PendingAppend>& pending() const { return pending_; }
    // What the last recovery discarded, in the order of its appends.
    const std::vector<PendingAppend>& lost() const { return lost_; }
    void forget_lost() { lost_.clear(); }
    Lsn released_lsn() const { return released_lsn_; }
    // Equal for models that ask the same of a recovery.
    uint64_t fingerprint() const;

  private:
    Status check_frame(const RecoveredLog& log) const;
    Status check_batches(const Contents& contents, const RecoveredLog& log);
    void replay(const BatchContent& content, Lsn lsn, CarriedRecords& carried) const;
    void fold_released(const Contents& contents, Lsn first_lsn);

    bool ever_opened_ = false;
    CarriedRecords base_;  // as of just before owed_.front()
    std::vector<OwedBatch> owed_;
    std::vector<PendingAppend> pending_;
    std::vector<PendingAppend> lost_;
    Lsn released_lsn_;  // as the owner asked for
    Lsn first_lsn_{1};  // nothing below comes back
};

}  // namespace timber::logengine
