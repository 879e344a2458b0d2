#include "memtable/write_batch.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace timber::memtable {
namespace {

using Kind = WriteBatch::Kind;

struct Copied {
    Kind kind;
    Family family;
    std::string key;
    std::string value;
    friend bool operator==(const Copied&, const Copied&) = default;
};

std::vector<Copied> copy_of(const WriteBatch& batch) {
    std::vector<Copied> operations;
    batch.for_each([&](const WriteBatch::Operation& operation) {
        operations.push_back({operation.kind, operation.family, std::string(operation.key),
                              std::string(operation.value)});
    });
    return operations;
}

void append(WriteBatch& batch, const Copied& operation) {
    switch (operation.kind) {
        case Kind::kPut: return batch.put(operation.family, operation.key, operation.value);
        case Kind::kRemove: return batch.remove(operation.family, operation.key);
        case Kind::kRemoveRange:
            return batch.remove_range(operation.family, operation.key, operation.value);
    }
}

std::string draw_bytes(Random& random) {
    static constexpr uint64_t kBounds[] = {1, 3, 130, 20'000};
    std::string bytes(random.below(kBounds[random.below(std::size(kBounds))]), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    return bytes;
}

TEST(WriteBatch, OperationsComeBackInTheirOrder) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        WriteBatch batch;
        std::vector<Copied> operations;
        size_t bytes = 0;
        for (uint64_t count = random.below(60); count > 0; --count) {
            const Kind kind = static_cast<Kind>(random.below(3));
            operations.push_back({kind, kAllFamilies[random.below(kFamilies)], draw_bytes(random),
                                  kind == Kind::kRemove ? "" : draw_bytes(random)});
            append(batch, operations.back());
            bytes += operations.back().key.size() + operations.back().value.size();
        }
        ASSERT_EQ(copy_of(batch), operations);
        ASSERT_EQ(batch.operations(), operations.size());
        ASSERT_EQ(batch.empty(), operations.empty());
        ASSERT_GE(batch.bytes(), bytes + 3 * operations.size());
        ASSERT_LE(batch.bytes(), bytes + 9 * operations.size());
    }
}

TEST(WriteBatch, AClearedOneIsEmptyAndMayBeFilledAgain) {
    WriteBatch batch;
    batch.put(Family::kLock, "a", "b");
    batch.clear();
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.bytes(), 0u);
    EXPECT_TRUE(copy_of(batch).empty());
    batch.remove(Family::kWrite, "c");
    EXPECT_EQ(copy_of(batch), (std::vector<Copied>{{Kind::kRemove, Family::kWrite, "c", ""}}));
}

TEST(WriteBatch, WhatIsWithinTheLimitsIsFine) {
    WriteBatch batch;
    EXPECT_TRUE(batch.check_limits().ok());
    const std::string key(kKeyBytesMax, 'k');
    batch.put(Family::kDefault, key, std::string(kValueBytesMax, 'v'));
    batch.put(Family::kDefault, "", "");
    batch.remove(Family::kDefault, key);
    batch.remove_range(Family::kDefault, key, key);
    batch.remove_range(Family::kDefault, "b", "a");
    EXPECT_TRUE(batch.check_limits().ok());
}

TEST(WriteBatch, WhatIsOverALimitIsTooLargeAndNamed) {
    const std::string over(kKeyBytesMax + 1, 'k');
    const Copied wrong[] = {
        {Kind::kPut, Family::kDefault, over, ""},
        {Kind::kRemove, Family::kDefault, over, ""},
        {Kind::kRemoveRange, Family::kDefault, over, ""},
        {Kind::kRemoveRange, Family::kDefault, "", over},
        {Kind::kPut, Family::kDefault, "", std::string(kValueBytesMax + 1, 'v')}};
    for (const Copied& operation : wrong) {
        WriteBatch batch;
        batch.put(Family::kMeta, "fine", "fine");
        append(batch, operation);
        const Status status = batch.check_limits();
        ASSERT_FALSE(status.ok());
        EXPECT_EQ(status.error().code, ErrorCode::kTooLarge);
        EXPECT_NE(status.error().detail.find("operation 1 "), std::string::npos)
            << status.error().detail;
    }
}

TEST(WriteBatch, TheWholeHasALimitToo) {
    WriteBatch batch;
    const std::string value(kValueBytesMax - 1_KiB, 'v');
    for (size_t i = 0; i < kBatchBytesMax / kValueBytesMax; ++i)
        batch.put(Family::kDefault, "key", value);
    EXPECT_TRUE(batch.check_limits().ok());
    batch.put(Family::kDefault, "key", std::string(4_KiB, 'v'));
    const Status status = batch.check_limits();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace timber::memtable
