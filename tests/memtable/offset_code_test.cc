#include "memtable/offset_code.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "tests/memtable/support/awkward_keys.h"

namespace timber::memtable {
namespace {

// The chunks of a key, byte by byte.
std::vector<uint64_t> chunks_of(std::string_view key) {
    std::vector<uint64_t> chunks((kKeyBytesMax + 1) / kChunkBytes + 1);
    for (size_t i = 0; i < key.size(); ++i)
        chunks[i / kChunkBytes] |= uint64_t{static_cast<unsigned char>(key[i])}
                                   << (8 * (kChunkBytes - 1 - i % kChunkBytes));
    return chunks;
}

OffsetCode code_of(std::string_view key, std::string_view smaller) {
    const std::vector<uint64_t> chunks = chunks_of(key);
    const auto [at, other] = std::ranges::mismatch(chunks, chunks_of(smaller));
    if (at == chunks.end()) return kCodeSame;
    return code_at(static_cast<size_t>(at - chunks.begin()), *at);
}

int sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

struct Sample {
    std::string internal;
    SearchKey key() const { return {user_key_of(internal), trailer_of(internal)}; }
};

Sample draw(Random& random) {
    Sample sample;
    append_internal_key(sample.internal, awkward_key(random), Sequence(random.between(1, 3)),
                        random.one_in(2) ? EntryKind::kPut : EntryKind::kRemove);
    return sample;
}

TEST(OffsetCode, ChunksAreWhatTheBytesSay) {
    Random random(1);
    for (int i = 0; i < 3000; ++i) {
        const std::string key = awkward_key(random);
        const std::vector<uint64_t> chunks = chunks_of(key);
        for (size_t index = 0; index * kChunkBytes < key.size() + 20; ++index)
            ASSERT_EQ(chunk_of(key, index), chunks[index]) << key.size() << " " << index;
    }
}

TEST(OffsetCode, ComparisonOrdersAsInternalKeysDoAndGivesTheCode) {
    Random random(2);
    for (int i = 0; i < 20'000; ++i) {
        const Sample left = draw(random);
        const Sample right = draw(random);
        const int order = sign(compare_internal(left.internal, right.internal));
        const std::string_view greater = (order < 0 ? right : left).key().user_key;
        const std::string_view smaller = (order < 0 ? left : right).key().user_key;
        const OffsetCode code = code_of(greater, smaller);

        const Comparison compared = compare_from(0, left.key(), right.key());
        ASSERT_EQ(sign(compared.order), order);
        ASSERT_EQ(compared.code, code);
        // And when the equal chunks are skipped.
        if (code == kCodeSame) continue;
        const Comparison skipped = compare_from(chunk_index_of(code), left.key(), right.key());
        ASSERT_EQ(sign(skipped.order), order);
        ASSERT_EQ(skipped.code, code);
    }
}

TEST(OffsetCode, CodesBehindTheSameKeyDecideUnlessTheyAreEqual) {
    Random random(3);
    int decided = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::vector<std::string> keys = {awkward_key(random), awkward_key(random),
                                         awkward_key(random)};
        std::ranges::sort(keys);
        const OffsetCode nearer = code_of(keys[1], keys[0]);
        const OffsetCode farther = code_of(keys[2], keys[0]);
        ASSERT_LE(nearer, farther);
        if (nearer == farther) continue;
        ++decided;
        ASSERT_EQ(code_of(keys[2], keys[1]), farther);
    }
    EXPECT_GT(decided, 5000);
}

TEST(OffsetCode, EveryKeyLiesBetweenSameAndEnd) {
    const std::string longest(kKeyBytesMax + 1, '\xff');
    const OffsetCode last = code_of(longest, std::string_view(longest).substr(0, kKeyBytesMax));
    EXPECT_GT(last, kCodeSame);
    EXPECT_LT(code_from_start(longest), kCodeEnd);
    EXPECT_GT(code_from_start(""), kCodeSame);
    EXPECT_EQ(code_of(std::string("a\0", 2), "a"), kCodeSame);
}

}  // namespace
}  // namespace timber::memtable
