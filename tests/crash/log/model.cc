#include "tests/crash/log/model.h"

#include <algorithm>

#include "tests/support/trace_hash.h"

namespace timber::logengine {

static Error broken(std::string what) { return make_error(ErrorCode::kCorrupted, std::move(what)); }

static std::string text(Lsn lsn) { return std::to_string(lsn.value()); }

Status Model::acknowledged(ContentId content, const Appended& appended) {
    if (pending_.empty() || pending_.front().content != content)
        return broken("batch " + text(appended.lsn()) + " was acknowledged before an earlier one");
    if (!owed_.empty() && appended.lsn() <= owed_.back().lsn)
        return broken("batch " + text(appended.lsn()) + " was acknowledged behind batch " +
                      text(owed_.back().lsn));
    const std::vector<RecordLocation> locations = appended.locations();
    if (appended.segment() != locations.back().segment)
        return broken("batch " + text(appended.lsn()) + " is in another segment than its records");
    owed_.push_back({content, appended.lsn(), locations.front(), locations.back()});
    pending_.erase(pending_.begin());
    return {};
}

void Model::refused(ContentId content) {
    const auto found = std::ranges::find(pending_, content, &PendingAppend::content);
    TIMBER_ASSERT(found != pending_.end());
    pending_.erase(found);
}

void Model::replay(const BatchContent& content, Lsn lsn, CarriedRecords& carried) const {
    if (!content.has_retention) return;
    for (const RecordContent& record : content.records) {
        if (record.retention == Retention::kForget) carried.erase(record.tag);
        if (record.retention == Retention::kCarriedForward)
            carried[record.tag] = {lsn, record.hash};
    }
}

// What holds of any recovery, whatever the model says.
Status Model::check_frame(const RecoveredLog& log) const {
    Lsn expected = log.report.first_lsn;
    std::optional<SegmentId> segment;
    for (const VisitedBatch& batch : log.batches) {
        if (batch.lsn != expected)
            return broken("batch " + text(expected) + " is missing between others, " +
                          text(batch.lsn) + " stands in its place");
        ++expected;
        if (batch.segment != segment && batch.content)
            return broken("a segment begins with batch " + text(batch.lsn) +
                          ", which is no checkpoint");
        segment = batch.segment;
    }
    if (expected != log.next_lsn)
        return broken("the next batch is to be " + text(log.next_lsn) + " behind " +
                      text(expected - 1));
    if (log.report.durable_lsn + 1 != log.next_lsn)
        return broken("the report names another end of the log");
    if (log.report.first_lsn > released_lsn_ + 1)
        return broken("the log begins with batch " + text(log.report.first_lsn) +
                      ", but only batches up to " + text(released_lsn_) + " were released");
    if (log.report.first_lsn < first_lsn_)
        return broken("batch " + text(log.report.first_lsn) +
                      " is back, which an earlier recovery had shown to be gone");
    if (log.released_lsn > released_lsn_)
        return broken("the log says that batches up to " + text(log.released_lsn) +
                      " were released, but only " + text(released_lsn_) + " were");
    return {};
}

Status Model::check_batches(const Contents& contents, const RecoveredLog& log) {
    CarriedRecords carried = base_;
    // What the log itself gives: a visitor that knows only what it saw.
    CarriedRecords shown;
    const Lsn first = log.report.first_lsn;
    size_t next_owed = 0;
    while (next_owed < owed_.size() && owed_[next_owed].lsn < first) {
        const OwedBatch& gone = owed_[next_owed++];
        replay(contents.at(gone.content), gone.lsn, carried);
    }
    size_t next_pending = 0;
    for (const VisitedBatch& batch : log.batches) {
        if (!batch.content) {
            if (batch.carried != carried)
                return broken("the checkpoint " + text(batch.lsn) + " holds " +
                              std::to_string(batch.carried.size()) +
                              " carried-forward records, not the newest " +
                              std::to_string(carried.size()));
            shown = batch.carried;
            continue;
        }
        const BatchContent& content = contents.at(*batch.content);
        replay(content, batch.lsn, carried);
        replay(content, batch.lsn, shown);
        if (next_owed < owed_.size()) {
            const OwedBatch& owed = owed_[next_owed++];
            if (owed.content != *batch.content || owed.lsn != batch.lsn)
                return broken("batch " + text(owed.lsn) + " was promised, batch " +
                              text(batch.lsn) + " stands in its place");
            continue;
        }
        if (next_pending == pending_.size() || pending_[next_pending].content != *batch.content)
            return broken("batch " + text(batch.lsn) +
                          " was discarded before, or was sent behind one that is missing");
        ++next_pending;
        owed_.push_back({*batch.content, batch.lsn, batch.first_location, batch.last_location});
        next_owed = owed_.size();
    }
    if (next_owed < owed_.size())
        return broken("batch " + text(owed_[next_owed].lsn) + " was promised and is gone");
    if (shown != carried)
        return broken("carried-forward records are gone: " + std::to_string(shown.size()) +
                      " instead of " + std::to_string(carried.size()));
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(next_pending));
    return {};
}

// Forgets what is gone for good.
void Model::fold_released(const Contents& contents, Lsn first_lsn) {
    first_lsn_ = first_lsn;
    size_t gone = 0;
    while (gone < owed_.size() && owed_[gone].lsn < first_lsn) {
        replay(contents.at(owed_[gone].content), owed_[gone].lsn, base_);
        ++gone;
    }
    owed_.erase(owed_.begin(), owed_.begin() + static_cast<ptrdiff_t>(gone));
}

Status Model::recovered(const Contents& contents, const RecoveredLog& log) {
    TIMBER_CHECK(check_frame(log));
    TIMBER_CHECK(check_batches(contents, log));
    fold_released(contents, log.report.first_lsn);
    lost_ = std::move(pending_);
    pending_.clear();
    ever_opened_ = true;
    return {};
}

Status Model::recovered_damaged(const Contents& contents, const RecoveredLog& log, Lsn proven_lsn) {
    TIMBER_ASSERT(pending_.empty());
    const Lsn durable = log.report.durable_lsn;
    if (durable < proven_lsn)
        return broken("the log ends behind batch " + text(durable) + ", though batch " +
                      text(proven_lsn) + " was proven durable");
    while (!owed_.empty() && owed_.back().lsn > durable) owed_.pop_back();
    return recovered(contents, log);
}

uint64_t Model::fingerprint() const {
    TraceHash hash;
    for (const OwedBatch& owed : owed_) hash.mix(owed.content.value());
    hash.mix(released_lsn_.value());
    for (const PendingAppend& pending : pending_) hash.mix(pending.content.value());
    return hash.value();
}

}  // namespace timber::logengine
