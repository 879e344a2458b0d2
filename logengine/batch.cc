#include "logengine/batch.h"

#include <array>

#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::logengine {

namespace {

// Places in the batch header.
constexpr size_t kBatchBytesAt = 0;
constexpr size_t kBatchRecordsAt = 4;
constexpr size_t kBatchFlagsAt = 6;
constexpr uint16_t kBatchIsCheckpoint = 1;

// Places in the record header. The checksum covers what stands behind it, payload included.
constexpr size_t kPayloadBytesAt = 0;
constexpr size_t kRecordChecksumAt = 4;
constexpr size_t kRecordCoveredAt = 8;
constexpr size_t kTypeAt = 8;
constexpr size_t kFlagsAt = 9;
constexpr size_t kTagAt = 12;
constexpr uint8_t kRetentionMask = 0x3;
constexpr uint8_t kHasOrigin = 0x4;

struct RecordHeader {
    uint32_t payload_bytes;
    uint8_t flags;
    size_t record_bytes;  // header, origin and payload
};

std::optional<RecordHeader> decode_record_header(ByteView rest) {
    if (rest.size() < kRecordHeaderBytes) return std::nullopt;
    RecordHeader header{load<uint32_t>(rest.data() + kPayloadBytesAt),
                        load<uint8_t>(rest.data() + kFlagsAt), 0};
    if (header.payload_bytes > kRecordPayloadBytesMax) return std::nullopt;
    if ((header.flags & ~(kRetentionMask | kHasOrigin)) != 0) return std::nullopt;
    if ((header.flags & kRetentionMask) > static_cast<uint8_t>(Retention::kForget))
        return std::nullopt;
    header.record_bytes = kRecordHeaderBytes + header.payload_bytes +
                          ((header.flags & kHasOrigin) != 0 ? kOriginBytes : 0);
    if (header.record_bytes > rest.size()) return std::nullopt;
    return header;
}

// All of `record` but its location; in place, since a log is read by the million.
void read_record(ByteView rest, const RecordHeader& header, Record& record) {
    record.type = RecordType(load<uint8_t>(rest.data() + kTypeAt));
    record.tag = {load<uint64_t>(rest.data() + kTagAt), load<uint64_t>(rest.data() + kTagAt + 8)};
    record.retention = static_cast<Retention>(header.flags & kRetentionMask);
    size_t at = kRecordHeaderBytes;
    record.origin_lsn.reset();
    if ((header.flags & kHasOrigin) != 0) {
        record.origin_lsn = Lsn(load<uint64_t>(rest.data() + at));
        at += kOriginBytes;
    }
    record.payload = rest.subspan(at, header.payload_bytes);
}

void append_bytes(std::vector<std::byte>& to, ByteView bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Status Batch::add(RecordType type, RecordTag tag, ByteView payload, Retention retention) {
    return add_record(type, tag, {&payload, 1}, retention, std::nullopt);
}

Status Batch::add_pieces(RecordType type, RecordTag tag, std::span<const ByteView> pieces,
                         Retention retention) {
    return add_record(type, tag, pieces, retention, std::nullopt);
}

Status Batch::add_rewritten(RecordType type, RecordTag tag, ByteView payload, Lsn origin_lsn) {
    return add_record(type, tag, {&payload, 1}, Retention::kUntilReleased, origin_lsn);
}

Status Batch::add_record(RecordType type, RecordTag tag, std::span<const ByteView> pieces,
                         Retention retention, std::optional<Lsn> origin_lsn) {
    size_t payload_bytes = 0;
    for (ByteView piece : pieces) payload_bytes += piece.size();
    if (payload_bytes > kRecordPayloadBytesMax)
        return make_error(ErrorCode::kTooLarge, "a record of " + std::to_string(payload_bytes) +
                                                    " bytes; the most is " +
                                                    std::to_string(kRecordPayloadBytesMax));
    const size_t record_bytes =
        kRecordHeaderBytes + (origin_lsn ? kOriginBytes : 0) + payload_bytes;
    if (bytes() + record_bytes > kBatchBytesMax)
        return make_error(ErrorCode::kTooLarge, "the batch would be larger than " +
                                                    std::to_string(kBatchBytesMax) +
                                                    " bytes; split it where it need not be atomic");
    if (records_ == kBatchRecordsMax)
        return make_error(ErrorCode::kTooLarge,
                          "a batch holds at most " + std::to_string(kBatchRecordsMax) + " records");

    std::array<std::byte, kRecordHeaderBytes + kOriginBytes> header{};
    std::byte* at = header.data();
    store(at + kPayloadBytesAt, static_cast<uint32_t>(payload_bytes));
    store(at + kTypeAt, type.value());
    store(at + kFlagsAt,
          static_cast<uint8_t>(static_cast<uint8_t>(retention) | (origin_lsn ? kHasOrigin : 0)));
    store(at + kTagAt, tag.high);
    store(at + kTagAt + 8, tag.low);
    if (origin_lsn) store(at + kRecordHeaderBytes, origin_lsn->value());

    // Appended, and not copied into room made before, which would be zeroed first.
    const size_t start = bytes();
    if (bytes_.empty()) bytes_.resize(kBatchHeaderBytes);
    append_bytes(bytes_, ByteView(header).first(record_bytes - payload_bytes));
    for (ByteView piece : pieces) append_bytes(bytes_, piece);
    TIMBER_ASSERT_OP(bytes_.size(), ==, start + record_bytes);
    at = bytes_.data() + start;
    store(at + kRecordChecksumAt,
          checksum32({at + kRecordCoveredAt, record_bytes - kRecordCoveredAt}));
    ++records_;
    has_retention_ = has_retention_ || retention != Retention::kUntilReleased;
    if (retention == Retention::kCarriedForward)
        carried_bytes_ += kRecordHeaderBytes + kOriginBytes + payload_bytes;
    return {};
}

ByteView BatchAccess::seal(Batch& batch, bool checkpoint) {
    if (batch.bytes_.empty()) batch.bytes_.resize(kBatchHeaderBytes);
    store(batch.bytes_.data() + kBatchBytesAt, static_cast<uint32_t>(batch.bytes_.size()));
    store(batch.bytes_.data() + kBatchRecordsAt, static_cast<uint16_t>(batch.records_));
    store(batch.bytes_.data() + kBatchFlagsAt,
          checkpoint ? kBatchIsCheckpoint : static_cast<uint16_t>(0));
    return batch.bytes_;
}

Status BatchAccess::add_carried(Batch& batch, const Record& record) {
    return batch.add_record(record.type, record.tag, {&record.payload, 1},
                            Retention::kCarriedForward, record.origin_lsn);
}

void stamp_records(MutableBytes batch, LogId log_id, Lsn lsn, DirectoryBuilder& directory) {
    const auto records = load<uint16_t>(batch.data() + kBatchRecordsAt);
    directory.begin_batch(records);
    std::byte* at = batch.data() + kBatchHeaderBytes;
    for (uint16_t ordinal = 0; ordinal < records; ++ordinal) {
        const auto header =
            decode_record_header({at, static_cast<size_t>(batch.data() + batch.size() - at)});
        TIMBER_ASSERT(header.has_value());
        store(at + kRecordChecksumAt,
              load<uint32_t>(at + kRecordChecksumAt) ^ record_identity(log_id, lsn, ordinal));
        directory.add_record(RecordType(load<uint8_t>(at + kTypeAt)),
                             {load<uint64_t>(at + kTagAt), load<uint64_t>(at + kTagAt + 8)},
                             header->payload_bytes);
        at += header->record_bytes;
    }
    TIMBER_ASSERT(at == batch.data() + batch.size());
}

bool BatchCursor::next() {
    if (malformed_ || rest_.empty()) return false;
    if (rest_.size() < kBatchHeaderBytes) {
        malformed_ = true;
        return false;
    }
    const auto batch_bytes = load<uint32_t>(rest_.data() + kBatchBytesAt);
    const auto flags = load<uint16_t>(rest_.data() + kBatchFlagsAt);
    if (batch_bytes < kBatchHeaderBytes || batch_bytes > rest_.size() ||
        (flags & ~kBatchIsCheckpoint) != 0) {
        malformed_ = true;
        return false;
    }
    batch_ = rest_.first(batch_bytes);
    batch_offset_ = offset_;
    records_ = load<uint16_t>(rest_.data() + kBatchRecordsAt);
    checkpoint_ = flags == kBatchIsCheckpoint;
    lsn_ = next_lsn_;
    rest_ = rest_.subspan(batch_bytes);
    offset_ += batch_bytes;
    ++next_lsn_;
    return true;
}

RecordCursor::RecordCursor(ByteView batch, size_t records, Lsn lsn, SegmentId segment,
                           uint32_t offset)
    : rest_(batch.subspan(kBatchHeaderBytes)),
      records_left_(records),
      offset_(offset + kBatchHeaderBytes) {
    record_.location.lsn = lsn;
    record_.location.segment = segment;
    record_.location.ordinal = UINT16_MAX;  // of the record before the first
}

bool RecordCursor::next() {
    if (malformed_) return false;
    if (records_left_ == 0) {
        malformed_ = !rest_.empty();
        return false;
    }
    const auto header = decode_record_header(rest_);
    if (!header) {
        malformed_ = true;
        return false;
    }
    read_record(rest_, *header, record_);
    record_.location.offset = offset_;
    record_.location.record_bytes = static_cast<uint32_t>(header->record_bytes);
    ++record_.location.ordinal;
    rest_ = rest_.subspan(header->record_bytes);
    offset_ += static_cast<uint32_t>(header->record_bytes);
    --records_left_;
    return true;
}

Result<Record> decode_record(ByteView bytes, const RecordLocation& location, LogId log_id,
                             std::string_view file) {
    const auto header = decode_record_header(bytes);
    if (!header || header->record_bytes != bytes.size())
        return file_error(ErrorCode::kCorrupted, file, location.offset,
                          "no record of the expected length; restore this replica from its peers");
    const uint32_t stored = load<uint32_t>(bytes.data() + kRecordChecksumAt) ^
                            record_identity(log_id, location.lsn, location.ordinal);
    if (stored != checksum32(bytes.subspan(kRecordCoveredAt)))
        return file_error(ErrorCode::kCorrupted, file, location.offset,
                          "the record's checksum does not match; restore this replica from its "
                          "peers");
    Record record;
    read_record(bytes, *header, record);
    record.location = location;
    return record;
}

}  // namespace timber::logengine
