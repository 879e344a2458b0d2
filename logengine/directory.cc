#include "logengine/directory.h"

#include <array>

#include "logengine/batch.h"
#include "src/base/coding.h"

namespace timber::logengine {

static uint64_t tag_difference(uint64_t tag, uint64_t previous) {
    return zigzag(static_cast<int64_t>(tag - previous));
}

static uint64_t tag_of_difference(uint64_t difference, uint64_t previous) {
    return previous + static_cast<uint64_t>(unzigzag(difference));
}

void DirectoryBuilder::begin(SegmentId segment, uint32_t block, Lsn first_lsn) {
    bytes_.clear();
    previous_tag_ = {};
    batches_ = 0;
    put_varint(bytes_, segment.value());
    put_varint(bytes_, block);
    put_varint(bytes_, first_lsn.value());
}

void DirectoryBuilder::begin_batch(size_t records) {
    put_varint(bytes_, records);
    ++batches_;
}

void DirectoryBuilder::add_record(RecordType type, RecordTag tag, size_t payload_bytes) {
    std::array<std::byte, kDirectoryEntryBytesMax> entry;
    entry[0] = static_cast<std::byte>(type.value());
    size_t size = 1;
    size += store_varint(entry.data() + size, payload_bytes);
    size += store_varint(entry.data() + size, tag_difference(tag.high, previous_tag_.high));
    size += store_varint(entry.data() + size, tag_difference(tag.low, previous_tag_.low));
    put_bytes(bytes_, ByteView(entry).first(size));
    previous_tag_ = tag;
}

void DirectoryBuilder::add_batch(ByteView batch, size_t records) {
    begin_batch(records);
    RecordCursor cursor(batch, records, Lsn(), SegmentId(), 0);
    while (cursor.next()) {
        const Record& record = cursor.record();
        add_record(record.type, record.tag, record.payload.size());
    }
    TIMBER_ASSERT(!cursor.malformed());
}

Result<Directory> decode_directory(ByteView bytes) {
    ByteReader reader(bytes);
    Directory directory;
    directory.segment = SegmentId(reader.varint());
    const uint64_t block = reader.varint();
    directory.block = static_cast<uint32_t>(block);
    Lsn lsn(reader.varint());
    RecordTag tag;
    while (reader.ok() && reader.remaining() > 0) {
        const uint64_t records = reader.varint();
        // Each entry takes at least four bytes, so a larger count cannot be honest.
        if (records > kBatchRecordsMax || records > reader.remaining() / 4)
            return make_error(ErrorCode::kCorrupted, "a directory names an impossible count");
        for (uint64_t i = 0; i < records; ++i) {
            DirectoryEntry entry{.lsn = lsn, .type = RecordType(reader.fixed<uint8_t>())};
            const uint64_t payload_bytes = reader.varint();
            if (payload_bytes > kRecordPayloadBytesMax)
                return make_error(ErrorCode::kCorrupted, "a directory names an impossible length");
            entry.payload_bytes = static_cast<uint32_t>(payload_bytes);
            tag.high = tag_of_difference(reader.varint(), tag.high);
            tag.low = tag_of_difference(reader.varint(), tag.low);
            entry.tag = tag;
            directory.entries.push_back(entry);
        }
        if (lsn == Lsn(UINT64_MAX) && reader.remaining() > 0)
            return make_error(ErrorCode::kCorrupted, "a directory runs past the last LSN");
        ++lsn;
    }
    if (!reader.done() || block > UINT32_MAX)
        return make_error(ErrorCode::kCorrupted, "a directory is malformed");
    return directory;
}

}  // namespace timber::logengine
