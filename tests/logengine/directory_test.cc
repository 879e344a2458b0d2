#include "logengine/directory.h"

#include <gtest/gtest.h>

#include <string>

#include "logengine/batch.h"
#include "src/base/random.h"
#include "tests/support/bytes_as_text.h"

namespace timber::logengine {
namespace {

// Builds the directory of a group with these batches, and knows what it must say.
class GroupInMaking {
  public:
    GroupInMaking() { builder_.begin(expected.segment, expected.block, Lsn(10)); }

    void add_batch(std::initializer_list<DirectoryEntry> entries) {
        Batch batch;
        for (DirectoryEntry entry : entries) {
            const std::string payload(entry.payload_bytes, 'x');
            EXPECT_TRUE(batch.add(entry.type, entry.tag, as_bytes(payload)).ok());
            entry.lsn = next_lsn_;
            expected.entries.push_back(entry);
        }
        ++next_lsn_;
        builder_.add_batch(BatchAccess::seal(batch, false), batch.records());
    }
    ByteView bytes() const { return builder_.bytes(); }

    Directory expected{.segment = SegmentId(4), .block = 9, .entries = {}};

  private:
    DirectoryBuilder builder_;
    Lsn next_lsn_{10};
};

DirectoryEntry entry(uint8_t type, RecordTag tag, uint32_t bytes) {
    return {.lsn = {}, .type = RecordType(type), .tag = tag, .payload_bytes = bytes};
}

TEST(Directory, SaysWhatEachBatchHeld) {
    GroupInMaking group;
    group.add_batch({entry(1, {7, 1}, 100), entry(2, {7, 2}, 0)});
    group.add_batch({});
    group.add_batch({entry(1, {UINT64_MAX, 0}, 5), entry(1, {0, UINT64_MAX}, 5)});
    EXPECT_EQ(decode_directory(group.bytes()).value(), group.expected);
}

TEST(Directory, OfAGroupWithoutBatchesTakesNoBytes) {
    const GroupInMaking group;
    EXPECT_TRUE(group.bytes().empty());
}

TEST(Directory, HasItsGoldenBytes) {
    GroupInMaking group;
    group.add_batch({entry(1, {7, 1}, 200), entry(2, {7, 2}, 0)});
    // Segment 4, block 9, LSN 10; two records: type 1, 200 bytes, +7, +1; type 2, 0 bytes, 0, +1.
    EXPECT_EQ(to_hex(group.bytes()), "04090a0201c8010e0202000002");
}

TEST(Directory, CutShortItIsAnErrorUnlessABatchEndsThere) {
    GroupInMaking group;
    group.add_batch({entry(1, {7, 1}, 100)});
    group.add_batch({entry(1, {7, 2}, 100)});
    for (size_t length = 0; length < group.bytes().size(); ++length) {
        const auto decoded = decode_directory(group.bytes().first(length));
        EXPECT_TRUE(!decoded.ok() || decoded->entries.size() <= 1) << length;
    }
}

TEST(Directory, ACountThatCannotBeHonestIsAnError) {
    // 65,000 records in a handful of bytes.
    const std::vector<std::byte> bytes = from_hex("04090ae8fb030101010101");
    EXPECT_EQ(decode_directory(bytes).error().code, ErrorCode::kCorrupted);
}

TEST(Directory, ACountWithNothingBehindItIsAnError) {
    EXPECT_EQ(decode_directory(from_hex("04090a010101010102")).error().code, ErrorCode::kCorrupted);
}

TEST(Directory, AnLsnThatWrapsAroundIsAnError) {
    const std::string last_lsn = "ffffffffffffffffff01";
    const std::string batch = "0101010101";
    EXPECT_TRUE(decode_directory(from_hex("0409" + last_lsn + batch)).ok());
    EXPECT_EQ(decode_directory(from_hex("0409" + last_lsn + batch + batch)).error().code,
              ErrorCode::kCorrupted);
}

TEST(Directory, RandomDirectoriesComeBack) {
    Random random(5);
    for (int round = 0; round < 500; ++round) {
        GroupInMaking group;
        for (uint64_t batches = random.below(6); batches > 0; --batches)
            group.add_batch({entry(static_cast<uint8_t>(random.below(256)),
                                   {random.next() >> random.below(64), random.next()},
                                   static_cast<uint32_t>(random.below(300)))});
        if (group.bytes().empty()) continue;
        EXPECT_EQ(decode_directory(group.bytes()).value(), group.expected);
    }
}

}  // namespace
}  // namespace timber::logengine
