#include "logengine/retained_records.h"

#include "src/base/mistake.h"

namespace timber::logengine {

void RetainedRecords::apply(const Record& record) {
    if (record.retention == Retention::kUntilReleased) return;
    const Key key{record.type, record.tag};
    const auto found = records_.find(key);
    if (found != records_.end()) {
        bytes_ -= kept_bytes(found->second.payload.size());
        records_.erase(found);
    }
    if (record.retention == Retention::kForget) return;
    bytes_ += kept_bytes(record.payload.size());
    records_.emplace(key, Kept{record.origin_lsn.value_or(record.location.lsn),
                               {record.payload.begin(), record.payload.end()}});
}

Batch RetainedRecords::build() const {
    Batch batch;
    size_t left = records_.size();
    for (const auto& [key, kept] : records_) {
        if (TIMBER_MISTAKE(log_checkpoint_incomplete) && --left == 0) break;
        const Status added =
            BatchAccess::add_carried(batch, Record{.type = key.type,
                                                   .tag = key.tag,
                                                   .retention = Retention::kCarriedForward,
                                                   .origin_lsn = kept.origin_lsn,
                                                   .payload = kept.payload,
                                                   .location = {}});
        TIMBER_ASSERT(added.ok());
    }
    return batch;
}

void RetainedRecords::check_invariants() const {
    size_t counted = kBatchHeaderBytes;
    for (const auto& [key, kept] : records_) counted += kept_bytes(kept.payload.size());
    TIMBER_ASSERT_OP(counted, ==, bytes_);  // R1
}

}  // namespace timber::logengine
