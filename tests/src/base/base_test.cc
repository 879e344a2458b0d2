#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "src/base/aligned_buffer.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/base/histogram.h"
#include "src/base/random.h"
#include "src/base/result.h"
#include "src/base/strong_id.h"

namespace timber {
namespace {

using Lsn = StrongId<struct LsnTag, uint64_t>;

Result<int> half(int value) {
    if (value % 2 != 0) return make_error(ErrorCode::kInvalidArgument, "odd");
    return value / 2;
}

Result<int> quarter(int value) {
    TIMBER_TRY(const int halved, half(value));
    return half(halved);
}

TEST(Result, TryPassesTheErrorOn) {
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(6).error().code, ErrorCode::kInvalidArgument);
}

TEST(Error, NamesFileAndOffset) {
    const Error error = file_error(ErrorCode::kCorrupted, "a/b", 4096, "bad checksum");
    EXPECT_EQ(error.to_string(), "corrupted: bad checksum (file a/b, offset 4096)");
}

TEST(StrongId, MovesByCounts) {
    Lsn lsn(4);
    EXPECT_EQ((lsn + 3) - lsn, 3u);
    EXPECT_LT(lsn, ++lsn + 1);
    EXPECT_DEATH((void)(Lsn(1) - Lsn(2)), "assertion failed");
}

TEST(Coding, VarintRoundTripsAtEveryWidth) {
    std::vector<std::byte> bytes;
    std::vector<uint64_t> values;
    for (int bit = 0; bit < 64; ++bit) {
        values.push_back(uint64_t{1} << bit);
        values.push_back((uint64_t{1} << bit) - 1);
    }
    values.push_back(std::numeric_limits<uint64_t>::max());
    for (uint64_t value : values) put_varint(bytes, value);
    ByteReader reader(bytes);
    for (uint64_t value : values) EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.done());
}

TEST(Coding, MalformedVarintFails) {
    std::vector<std::byte> endless(11, std::byte{0x80});
    ByteReader too_long(endless);
    too_long.varint();
    EXPECT_FALSE(too_long.ok());

    std::vector<std::byte> overflow(9, std::byte{0xff});
    overflow.push_back(std::byte{2});
    ByteReader too_big(overflow);
    too_big.varint();
    EXPECT_FALSE(too_big.ok());

    ByteReader cut(ByteView(endless).first(3));
    cut.varint();
    EXPECT_FALSE(cut.ok());
}

TEST(Coding, AFailedReaderStaysFailed) {
    std::vector<std::byte> bytes(4);
    ByteReader reader(bytes);
    EXPECT_EQ(reader.fixed<uint64_t>(), 0u);
    EXPECT_EQ(reader.fixed<uint8_t>(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_FALSE(reader.done());
}

TEST(Coding, ZigzagIsItsOwnInverse) {
    for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, std::numeric_limits<int64_t>::min(),
                          std::numeric_limits<int64_t>::max()}) {
        EXPECT_EQ(unzigzag(zigzag(value)), value);
    }
    EXPECT_EQ(zigzag(-2), 3u);
}

TEST(Checksum, IsXxh3) {
    // The published test vector of XXH3_64bits for an empty input.
    EXPECT_EQ(checksum64({}), 0x2d06800538d394c2u);
    EXPECT_NE(checksum64(as_bytes("a")), checksum64(as_bytes("a"), 1));
}

TEST(Random, OneSeedOneSequence) {
    Random a(7), b(7), c(8);
    EXPECT_EQ(a.next(), b.next());
    EXPECT_NE(a.next(), c.next());
}

TEST(Random, BelowReachesEveryValueEvenly) {
    Random random(1);
    std::vector<int> counts(7);
    for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
    for (int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(Histogram, QuantilesAreWithinABucket) {
    Histogram histogram;
    for (uint64_t value = 1; value <= 100000; ++value) histogram.add(value);
    EXPECT_EQ(histogram.count(), 100000u);
    EXPECT_EQ(histogram.max(), 100000u);
    for (double fraction : {0.01, 0.5, 0.9, 0.99, 0.999}) {
        const double exact = fraction * 100000;
        EXPECT_GE(histogram.quantile(fraction), exact);
        EXPECT_LE(histogram.quantile(fraction), exact * 1.032 + 1);
    }
    EXPECT_EQ(Histogram().quantile(0.5), 0u);
}

TEST(AlignedBuffer, LiesOnHugePagesWhereItFillsOne) {
    const auto address = [](const AlignedBuffer& buffer) {
        return reinterpret_cast<uintptr_t>(buffer.data());
    };
    const AlignedBuffer small(5000);
    EXPECT_EQ(small.capacity(), 8192u);
    EXPECT_EQ(address(small) % AlignedBuffer::kAlignment, 0u);
    const AlignedBuffer large(2_MiB + 1);
    EXPECT_EQ(large.capacity(), 4_MiB);
    EXPECT_EQ(address(large) % AlignedBuffer::kHugePageBytes, 0u);
}

TEST(AlignedBuffer, PartsLieInside) {
    AlignedBuffer buffer(8192);
    EXPECT_EQ(buffer.part(4096, 4096).data(), buffer.data() + 4096);
    EXPECT_EQ(buffer.part(8192, 0).size(), 0u);
    EXPECT_DEATH(buffer.part(4096, 4097), "bytes");
    EXPECT_DEATH(buffer.part(8193, 0), "offset");
}

TEST(Histogram, HoldsTheLargestValue) {
    Histogram histogram;
    histogram.add(std::numeric_limits<uint64_t>::max());
    histogram.add(0);
    EXPECT_EQ(histogram.quantile(1), std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(histogram.quantile(0.1), 0u);
}

}  // namespace
}  // namespace timber
