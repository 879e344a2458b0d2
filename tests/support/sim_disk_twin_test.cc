// The simulated disk against its stupid twin: for each sector, the list of everything that it may
// hold after a power cut.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "tests/support/sim_disk_fixture.h"

namespace timber {
namespace {

constexpr size_t kSectors = 40;

// What a sector may hold. Values are drawn anew for every write; the file starts as zeros.
struct TwinSector {
    struct Value {
        uint64_t value;
        bool in_doubt = false;
    };
    uint64_t durable = 0;
    std::vector<Value> since;

    uint64_t readable() const { return since.empty() ? durable : since.back().value; }
    bool may_hold(uint64_t value) const {
        return value == durable ||
               std::ranges::any_of(since, [&](const Value& each) { return each.value == value; });
    }
    void sync() {
        while (!since.empty()) {
            const auto synced = std::ranges::find_if(
                since.rbegin(), since.rend(), [](const Value& each) { return !each.in_doubt; });
            if (synced == since.rend()) return;
            durable = synced->value;
            since.erase(since.begin(), synced.base());
        }
    }
};

class Twin {
  public:
    explicit Twin(uint64_t seed) : machine_(seed), random_(seed + 1) {
        machine_.allocate("a", kSectors * kSectorBytes);
        machine_.sync("a");
        machine_.sync_directory();
    }

    void do_something() {
        const uint64_t choice = random_.below(20);
        if (choice < 13) {
            write(choice < 4);
        } else if (choice < 15) {
            machine_.sync("a");
            for (TwinSector& sector : sectors_) sector.sync();
        } else if (choice == 15) {
            machine_.failing_sync("a");
            for (TwinSector& sector : sectors_) {
                for (auto& value : sector.since) value.in_doubt = true;
            }
        } else {
            check_death();
        }
        machine_.disk().image().check_invariants();
        check_readable(machine_.disk().image());
    }

    uint64_t cuts_that_lost() const { return cuts_that_lost_; }

  private:
    void write(bool durable) {
        const size_t first = random_.below(kSectors);
        const size_t count = random_.between(1, std::min<size_t>(12, kSectors - first));
        const uint64_t value = random_.next();
        std::string text;
        for (size_t word = 0; word < count * kSectorBytes / sizeof(value); ++word)
            text.append(reinterpret_cast<const char*>(&value), sizeof(value));
        machine_.write("a", first * kSectorBytes, text, durable);
        for (size_t sector = first; sector < first + count; ++sector) {
            sectors_[sector].since.push_back({value});
            if (durable) sectors_[sector] = {.durable = value, .since = {}};
        }
    }

    static std::vector<uint64_t> values_of(const DiskImage& image) {
        const std::vector<std::byte> bytes = image.bytes("a");
        EXPECT_EQ(bytes.size(), kSectors * kSectorBytes);
        std::vector<uint64_t> words(bytes.size() / sizeof(uint64_t));
        std::memcpy(words.data(), bytes.data(), bytes.size());
        constexpr size_t kWords = kSectorBytes / sizeof(uint64_t);
        std::vector<uint64_t> values;
        for (size_t sector = 0; sector < kSectors; ++sector) {
            values.push_back(words[sector * kWords]);
            for (size_t word = 0; word < kWords; ++word)
                EXPECT_EQ(words[sector * kWords + word], values.back());
        }
        return values;
    }

    void check_readable(const DiskImage& image) const {
        const std::vector<uint64_t> values = values_of(image);
        for (size_t sector = 0; sector < kSectors; ++sector)
            ASSERT_EQ(values[sector], sectors_[sector].readable());
    }

    void check_death() {
        const uint64_t seed = random_.next();
        const DiskImage killed = machine_.disk().image_after(Death::kProcessDeath, seed);
        check_readable(killed);
        const DiskImage cut = killed.after(Death::kPowerCut, seed);
        EXPECT_TRUE(cut == machine_.disk().image_after(Death::kPowerCut, seed));
        EXPECT_TRUE(cut.settled());
        cut.check_invariants();
        const std::vector<uint64_t> values = values_of(cut);
        bool lost = false;
        for (size_t sector = 0; sector < kSectors; ++sector) {
            ASSERT_TRUE(sectors_[sector].may_hold(values[sector])) << "sector " << sector;
            lost |= values[sector] != sectors_[sector].readable();
        }
        cuts_that_lost_ += lost ? 1 : 0;
    }

    SimMachine machine_;
    Random random_;
    std::array<TwinSector, kSectors> sectors_;
    uint64_t cuts_that_lost_ = 0;
};

TEST(SimDiskTwin, APowerCutLeavesEachSectorInOneOfItsStates) {
    uint64_t cuts_that_lost = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        Twin twin(seed);
        for (int turn = 0; turn < 60; ++turn) {
            twin.do_something();
            if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
        }
        cuts_that_lost += twin.cuts_that_lost();
    }
    EXPECT_GT(cuts_that_lost, 200u);
}

}  // namespace
}  // namespace timber
