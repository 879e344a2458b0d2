#include "logengine/batch.h"

#include <gtest/gtest.h>

#include <string>

#include "logengine/directory.h"
#include "src/base/random.h"

namespace timber::logengine {
namespace {

constexpr LogId kLog(77);
constexpr uint32_t kOffset = 8192;

// A batch as it lies in a segment: sealed, and stamped with its LSN.
std::vector<std::byte> stored(Batch& batch, Lsn lsn, bool checkpoint = false) {
    const ByteView sealed = BatchAccess::seal(batch, checkpoint);
    std::vector<std::byte> bytes(sealed.begin(), sealed.end());
    DirectoryBuilder directory;
    directory.begin(SegmentId(1), 1, lsn);
    stamp_records(bytes, kLog, lsn, directory);
    return bytes;
}

Batch batch_of(std::initializer_list<std::string_view> payloads) {
    Batch batch;
    uint64_t tag = 0;
    for (std::string_view payload : payloads)
        EXPECT_TRUE(batch.add(RecordType(3), {1, tag++}, as_bytes(payload)).ok());
    return batch;
}

// How many records are found in `bytes`; none if they are malformed.
std::optional<size_t> walk(ByteView bytes) {
    size_t found = 0;
    BatchCursor batches(bytes, Lsn(5), SegmentId(2), kOffset);
    while (batches.next()) {
        RecordCursor records(batches);
        while (records.next()) ++found;
        if (records.malformed()) return std::nullopt;
    }
    if (batches.malformed()) return std::nullopt;
    return found;
}

TEST(Batch, RecordsComeBackInOrderWithTypeTagAndPayload) {
    Batch batch = batch_of({"first", "", "third"});
    const std::vector<std::byte> bytes = stored(batch, Lsn(5));
    BatchCursor batches(bytes, Lsn(5), SegmentId(2), kOffset);
    ASSERT_TRUE(batches.next());
    EXPECT_EQ(batches.lsn(), Lsn(5));
    EXPECT_EQ(batches.records(), 3u);
    EXPECT_FALSE(batches.checkpoint());
    RecordCursor records(batches);
    for (const char* expected : {"first", "", "third"}) {
        ASSERT_TRUE(records.next());
        EXPECT_EQ(as_text(records.record().payload), expected);
        EXPECT_EQ(records.record().type, RecordType(3));
    }
    EXPECT_EQ(records.record().tag, (RecordTag{1, 2}));
    EXPECT_FALSE(records.next());
    EXPECT_FALSE(batches.next());
}

TEST(Batch, EveryRecordIsFoundAgainByItsLocation) {
    Batch batch = batch_of({"first", std::string(300, 'x'), "third"});
    const std::vector<std::byte> bytes = stored(batch, Lsn(5));
    RecordCursor records(bytes, 3, Lsn(5), SegmentId(2), kOffset);
    while (records.next()) {
        const RecordLocation& location = records.record().location;
        const ByteView record =
            ByteView(bytes).subspan(location.offset - kOffset, location.record_bytes);
        const auto decoded = decode_record(record, location, kLog, "f");
        ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
        EXPECT_EQ(as_text(decoded->payload), as_text(records.record().payload));
    }
}

TEST(Batch, ARecordIsNotTakenForOneOfAnotherLsnPlaceOrLog) {
    Batch batch = batch_of({"same", "same"});
    const std::vector<std::byte> bytes = stored(batch, Lsn(5));
    RecordCursor records(bytes, 2, Lsn(5), SegmentId(2), 0);
    ASSERT_TRUE(records.next());
    RecordLocation location = records.record().location;
    const ByteView record = ByteView(bytes).subspan(location.offset, location.record_bytes);
    EXPECT_FALSE(decode_record(record, location, LogId(78), "f").ok());
    location.lsn = Lsn(6);
    EXPECT_FALSE(decode_record(record, location, kLog, "f").ok());
    location.lsn = Lsn(5);
    location.ordinal = 1;
    EXPECT_FALSE(decode_record(record, location, kLog, "f").ok());
}

TEST(Batch, EveryFlippedBitOfARecordIsReportedWithItsPlace) {
    Batch batch = batch_of({"payload"});
    const std::vector<std::byte> bytes = stored(batch, Lsn(5));
    RecordCursor records(bytes, 1, Lsn(5), SegmentId(2), kOffset);
    ASSERT_TRUE(records.next());
    const RecordLocation location = records.record().location;
    for (size_t bit = 0; bit < location.record_bytes * 8; ++bit) {
        std::vector<std::byte> damaged(bytes.begin() + kBatchHeaderBytes, bytes.end());
        damaged[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        const auto decoded = decode_record(damaged, location, kLog, "segment");
        ASSERT_FALSE(decoded.ok()) << bit;
        EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupted);
        EXPECT_EQ(decoded.error().file, "segment");
        EXPECT_EQ(decoded.error().offset, location.offset);
    }
}

TEST(Batch, PiecesAreOnePayload) {
    Batch batch;
    const ByteView pieces[] = {as_bytes("one "), as_bytes(""), as_bytes("two")};
    ASSERT_TRUE(batch.add_pieces(RecordType(1), {}, pieces).ok());
    const std::vector<std::byte> bytes = stored(batch, Lsn(1));
    RecordCursor records(bytes, 1, Lsn(1), SegmentId(2), 0);
    ASSERT_TRUE(records.next());
    EXPECT_EQ(as_text(records.record().payload), "one two");
}

TEST(Batch, RetentionAndOriginComeBack) {
    Batch batch;
    ASSERT_TRUE(batch.add(RecordType(1), {}, {}, Retention::kCarriedForward).ok());
    ASSERT_TRUE(batch.add(RecordType(1), {}, {}, Retention::kForget).ok());
    ASSERT_TRUE(batch.add_rewritten(RecordType(1), {}, as_bytes("x"), Lsn(3)).ok());
    const std::vector<std::byte> bytes = stored(batch, Lsn(9));
    RecordCursor records(bytes, 3, Lsn(9), SegmentId(2), 0);
    ASSERT_TRUE(records.next());
    EXPECT_EQ(records.record().retention, Retention::kCarriedForward);
    EXPECT_FALSE(records.record().origin_lsn);
    ASSERT_TRUE(records.next());
    EXPECT_EQ(records.record().retention, Retention::kForget);
    ASSERT_TRUE(records.next());
    EXPECT_EQ(records.record().origin_lsn, Lsn(3));
    EXPECT_EQ(as_text(records.record().payload), "x");
}

TEST(Batch, ARecordOverTheLimitIsRefusedAndTheBatchStaysAsItWas) {
    Batch batch = batch_of({"kept"});
    const size_t before = batch.bytes();
    const std::string most(kRecordPayloadBytesMax, 'x');
    EXPECT_EQ(batch.add(RecordType(1), {}, as_bytes(most + "x")).error().code,
              ErrorCode::kTooLarge);
    EXPECT_EQ(batch.bytes(), before);
    EXPECT_EQ(batch.records(), 1u);
    EXPECT_TRUE(batch.add(RecordType(1), {}, as_bytes(most)).ok());
}

TEST(Batch, ABatchOverTheLimitIsRefused) {
    Batch batch;
    const std::string most(kRecordPayloadBytesMax, 'x');
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(batch.add(RecordType(1), {}, as_bytes(most)).ok());
    EXPECT_EQ(batch.add(RecordType(1), {}, as_bytes(most)).error().code, ErrorCode::kTooLarge);
    EXPECT_GE(batch.bytes(), 64_MiB);
}

TEST(Batch, ABatchTakesJustSoManyRecords) {
    Batch batch;
    for (size_t i = 0; i < kBatchRecordsMax; ++i)
        ASSERT_TRUE(batch.add(RecordType(1), {}, {}).ok());
    EXPECT_EQ(batch.add(RecordType(1), {}, {}).error().code, ErrorCode::kTooLarge);
    EXPECT_EQ(batch.records(), kBatchRecordsMax);
    EXPECT_EQ(walk(BatchAccess::seal(batch, false)), kBatchRecordsMax);
}

TEST(Batch, WhatIsCutShortIsMalformedAndNeverReadBeyond) {
    Batch batch = batch_of({"first", "second"});
    const std::vector<std::byte> bytes = stored(batch, Lsn(5));
    for (size_t length = 1; length < bytes.size(); ++length) {
        // A copy of that very size, so that reading beyond it is seen by the sanitizer.
        const std::vector<std::byte> cut(bytes.begin(),
                                         bytes.begin() + static_cast<ptrdiff_t>(length));
        EXPECT_FALSE(walk(cut)) << length;
    }
}

TEST(Batch, ACountOfRecordsThatDoesNotFitIsMalformed) {
    Batch batch = batch_of({"first", "second"});
    for (const int count : {0, 1, 3, 255}) {
        std::vector<std::byte> bytes = stored(batch, Lsn(5));
        bytes[4] = static_cast<std::byte>(count);
        EXPECT_FALSE(walk(bytes)) << count;
    }
}

TEST(Batch, RandomBytesEndTheWalk) {
    Random random(11);
    for (int round = 0; round < 20000; ++round) {
        Batch batch = batch_of({"first", "second", "third"});
        std::vector<std::byte> bytes = stored(batch, Lsn(5));
        for (uint64_t changes = 1 + random.below(4); changes > 0; --changes)
            bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
        TIMBER_MAYBE(walk(bytes).has_value());
    }
}

}  // namespace
}  // namespace timber::logengine
