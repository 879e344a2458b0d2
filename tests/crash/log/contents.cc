#include "tests/crash/log/contents.h"

#include <algorithm>

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/base/random.h"

namespace timber::logengine {

Batch BatchContent::build() const {
    Batch batch;
    for (const RecordContent& record : records) {
        const Status added =
            record.origin_lsn
                ? batch.add_rewritten(record.type, record.tag, record.payload, *record.origin_lsn)
                : batch.add(record.type, record.tag, record.payload, record.retention);
        TIMBER_ASSERT(added.ok());
    }
    return batch;
}

size_t BatchContent::payload_bytes() const {
    size_t bytes = 0;
    for (const RecordContent& record : records) bytes += record.payload.size();
    return bytes;
}

void Contents::add_record(BatchContent& batch, ContentId id, Retention retention, RecordTag tag,
                          size_t bytes) {
    const bool first = batch.records.empty();
    const uint64_t ordinal = batch.records.size();
    RecordContent record{.type = RecordType(static_cast<uint8_t>(1 + ordinal % 3)),
                         .tag = tag,
                         .retention = retention};
    if (retention != Retention::kUntilReleased) {
        record.type = RecordType(9);
        batch.has_retention = true;
    }
    record.payload.resize(first ? std::max(bytes, sizeof(uint64_t)) : bytes);
    Random random(id.value() + ordinal);
    std::byte* const data = record.payload.data();
    size_t at = 0;
    if (first) {
        store(data, id.value());
        at = sizeof(uint64_t);
    }
    for (; at + sizeof(uint64_t) <= record.payload.size(); at += sizeof(uint64_t))
        store(data + at, random.next());
    for (; at < record.payload.size(); ++at) data[at] = static_cast<std::byte>(random.next());
    record.hash = checksum64(record.payload);
    batch.records.push_back(std::move(record));
}

const BatchContent& Contents::add(ContentId id, BatchContent batch) {
    TIMBER_ASSERT(!batch.records.empty());
    return batches_.insert_or_assign(id, std::move(batch)).first->second;
}

bool same_record(const RecordContent& content, const Record& record) {
    return content.type == record.type && content.tag == record.tag &&
           content.retention == record.retention && content.origin_lsn == record.origin_lsn &&
           std::ranges::equal(content.payload, record.payload);
}

std::optional<ContentId> Contents::identify(const BatchCursor& batch) const {
    RecordCursor cursor(batch);
    const BatchContent* content = nullptr;
    ContentId id;
    size_t ordinal = 0;
    while (cursor.next()) {
        const Record& record = cursor.record();
        if (content == nullptr) {
            if (record.payload.size() < sizeof(uint64_t)) return std::nullopt;
            id = ContentId(load<uint64_t>(record.payload.data()));
            const auto found = batches_.find(id);
            if (found == batches_.end()) return std::nullopt;
            content = &found->second;
        }
        if (ordinal == content->records.size()) return std::nullopt;
        if (!same_record(content->records[ordinal], record)) return std::nullopt;
        ++ordinal;
    }
    if (content == nullptr || cursor.malformed() || ordinal != content->records.size())
        return std::nullopt;
    return id;
}

}  // namespace timber::logengine
