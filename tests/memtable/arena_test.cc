#include "memtable/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "src/base/random.h"

namespace timber::memtable {
namespace {

TEST(Arena, PiecesAreAlignedAndKeepWhatWasWrittenIntoThem) {
    struct Piece {
        std::byte* memory;
        size_t bytes;
        int fill;
    };
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Random random(seed);
        Arena arena;
        std::vector<Piece> pieces;
        for (int i = 0; i < 2000; ++i) {
            const size_t bytes = random.below(random.one_in(50) ? 100'000 : 300);
            Piece piece{arena.allocate(bytes), bytes, i & 0xff};
            ASSERT_EQ(reinterpret_cast<uintptr_t>(piece.memory) % Arena::kAlignment, 0u);
            if (bytes > 0) std::memset(piece.memory, piece.fill, bytes);
            pieces.push_back(piece);
        }
        for (const Piece& piece : pieces)
            for (size_t i = 0; i < piece.bytes; ++i)
                ASSERT_EQ(std::to_integer<int>(piece.memory[i]), piece.fill);
    }
}

TEST(Arena, ItsBytesAreBoundedByWhatWasTaken) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Random random(seed);
        Arena arena;
        EXPECT_EQ(arena.bytes(), 0u);
        const uint64_t large_one_in = random.between(2, 200);
        size_t taken = 0;
        while (taken < 12_MiB) {
            const size_t bytes = random.between(1, random.one_in(large_one_in) ? 3_MiB : 200);
            arena.allocate(bytes);
            taken += round_up(bytes, Arena::kAlignment);
            ASSERT_GE(arena.bytes(), taken);
            ASSERT_LE(arena.bytes(), 2 * taken + Arena::kSlack);
        }
    }
}

// What limits a memory table counts these bytes: they must say nearly what was written.
TEST(Arena, ALargeOneWastesLittle) {
    Arena arena;
    size_t taken = 0;
    while (taken < 64_MiB) {
        arena.allocate(152);
        taken += 152;
    }
    EXPECT_LE(arena.bytes(), taken + Arena::kChunkBytesMax + taken / 1000);
}

}  // namespace
}  // namespace timber::memtable
