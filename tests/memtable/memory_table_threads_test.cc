// Readers on threads of their own against the writer of a memory table.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "memtable/memory_table.h"
#include "src/base/random.h"

namespace timber::memtable {
namespace {

constexpr uint64_t kKeys = 200;
constexpr uint64_t kRounds = 15;  // of writing each key once
constexpr uint64_t kRangeEvery = 10;
constexpr uint64_t kPauseEvery = 7;
constexpr uint64_t kReaders = 3;

// Operation `sequence` of the run writes its own number to a key that only it and kKeys-fold
// earlier ones write; every kRangeEvery-th one removes the range of that key instead. So at a
// sequence each reader knows what it must see, whatever the writer does meanwhile.
std::string key_of(uint64_t sequence) {
    const std::string number = std::to_string(sequence * 7919 % kKeys);
    return "shared beginning " + std::string(6 - number.size(), '0') + number;
}
bool is_range_remove(uint64_t sequence) { return sequence % kRangeEvery == 0; }

class Race {
  public:
    void write() {
        for (uint64_t sequence = 1; sequence <= kKeys * kRounds; ++sequence) {
            const std::string key = key_of(sequence);
            if (is_range_remove(sequence))
                table_.add_range_remove(Family::kWrite, Sequence(sequence), key, key + "~");
            else
                table_.add(Family::kWrite, Sequence(sequence), EntryKind::kPut, key,
                           std::to_string(sequence));
            visible_.store(sequence, std::memory_order_release);
            if (sequence % kPauseEvery == 0) let_readers_in();
        }
        table_.seal();
    }

    void read(uint64_t seed) {
        Random random(seed);
        while (!table_.sealed()) {
            const uint64_t now = visible_.load(std::memory_order_acquire);
            if (now == 0) continue;
            check_point(random.between(now > kKeys ? now - kKeys + 1 : 1, now), now);
            if (random.one_in(50)) check_forward(now);
            if (random.one_in(50)) check_backward(now);
            if (random.one_in(20)) check_range_removes(now);
            ASSERT_LE(table_.sequence_min(), Sequence(1));
            ASSERT_GE(table_.sequence_max(), Sequence(now));
            ASSERT_GE(table_.entries(), now);
            ASSERT_GT(table_.memory_bytes(), 0u);
            if (testing::Test::HasFailure()) return;
            looks_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    void check_invariants() const { table_.check_invariants(); }

  private:
    // The readers look on while the writer writes, whatever else the machine is busy with.
    void let_readers_in() {
        const uint64_t looks = looks_.load(std::memory_order_relaxed) + kReaders;
        while (looks_.load(std::memory_order_relaxed) < looks && !testing::Test::HasFailure())
            std::this_thread::yield();
    }
    // Of the last kKeys operations, each wrote its key last.
    void check_point(uint64_t sequence, uint64_t visible) const {
        const std::string key = key_of(sequence);
        const auto found = table_.find(Family::kWrite, key, Sequence(visible));
        const Sequence cover = table_.covering(Family::kWrite, key, Sequence(visible));
        if (is_range_remove(sequence)) {
            ASSERT_EQ(cover, Sequence(sequence));
        } else {
            ASSERT_LT(cover, Sequence(sequence));
            ASSERT_TRUE(found.has_value());
            ASSERT_EQ(found->sequence, Sequence(sequence));
            ASSERT_EQ(found->value, std::to_string(sequence));
        }
    }
    void check_range_removes(uint64_t visible) const {
        const auto set = table_.range_removes(Family::kWrite);
        const uint64_t last = visible - visible % kRangeEvery;
        if (last == 0) return;
        ASSERT_EQ(set->covering(key_of(last), Sequence(visible)), Sequence(last));
    }
    static bool in_order(const std::string& left, std::string_view right) {
        return left.empty() || compare_internal(left, right) < 0;
    }
    // All that is visible, once each and in order.
    void check_forward(uint64_t visible) const {
        const auto entries = table_.new_iterator(Family::kWrite);
        std::string last;
        uint64_t seen = 0;
        for (entries->seek_to_first(); entries->valid(); entries->next()) {
            ASSERT_TRUE(in_order(last, entries->key()));
            last = entries->key();
            ASSERT_EQ(entries->value(), std::to_string(sequence_of(entries->key()).value()));
            if (sequence_of(entries->key()) <= Sequence(visible)) ++seen;
        }
        ASSERT_EQ(seen, visible - visible / kRangeEvery);
    }
    void check_backward(uint64_t visible) const {
        const auto entries = table_.new_iterator(Family::kWrite);
        std::string last;
        uint64_t seen = 0;
        for (entries->seek_to_last(); entries->valid(); entries->prev()) {
            ASSERT_TRUE(last.empty() || compare_internal(entries->key(), last) < 0);
            last = entries->key();
            if (sequence_of(entries->key()) <= Sequence(visible)) ++seen;
        }
        ASSERT_EQ(seen, visible - visible / kRangeEvery);
    }

    MemoryTable table_{1};
    std::atomic<uint64_t> visible_{0};
    std::atomic<uint64_t> looks_{0};
};

TEST(MemoryTableThreads, ReadersSeeWhatWasPublishedWhileTheWriterGoesOn) {
    Race race;
    std::vector<std::thread> readers;
    for (uint64_t seed = 1; seed <= kReaders; ++seed)
        readers.emplace_back([&race, seed] { race.read(seed); });
    race.write();
    for (std::thread& reader : readers) reader.join();
    race.check_invariants();
}

}  // namespace
}  // namespace timber::memtable
