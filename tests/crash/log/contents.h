#pragma once
// What the explorer's batches hold. Every content is made once, from its id, and the id stands in
// the first record's payload; so whatever a recovery shows can be traced to what was appended, and
// a content that was never made is noticed.
//
// Thread:   one.
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "logengine/batch.h"

namespace timber::logengine {

// Names a content; drawn from the life that made it, so that a replay makes the same ones.
using ContentId = StrongId<struct ContentIdTag, uint64_t>;

struct RecordContent {
    RecordType type;
    RecordTag tag;
    Retention retention = Retention::kUntilReleased;
    std::optional<Lsn> origin_lsn{};  // of a rewritten record
    std::vector<std::byte> payload;
    uint64_t hash = 0;  // of the payload
};

struct BatchContent {
    std::vector<RecordContent> records;
    bool has_retention = false;

    Batch build() const;
    size_t payload_bytes() const;
};

class Contents {
  public:
    // Adds a record of `bytes` to a content under construction. The first record of a batch has
    // room for the id, so it gets 8 bytes at least.
    static void add_record(BatchContent& batch, ContentId id, Retention retention, RecordTag tag,
                           size_t bytes);
    // `id` is fresh, or made by another branch of the exploration and the same.
    const BatchContent& add(ContentId id, BatchContent batch);
    const BatchContent& at(ContentId id) const { return batches_.at(id); }
    // The content that a batch in the log is, byte for byte; none if it is nothing we made.
    std::optional<ContentId> identify(const BatchCursor& batch) const;
    void clear() { batches_.clear(); }

  private:
    std::unordered_map<ContentId, BatchContent> batches_;
};

bool same_record(const RecordContent& content, const Record& record);

}  // namespace timber::logengine
