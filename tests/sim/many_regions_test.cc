// A hundred Regions on three Stores: the same promises, for busy ones and for idle ones.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/sim/tinykv_cluster.h"
#include "tests/sim/tinykv_seeds.h"

namespace timber::sim {
namespace {

using namespace std::chrono_literals;

constexpr size_t kRegions = 100;

std::string region_key(size_t region, size_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "r%03zu %04zu", region, number);
    return text;
}

std::vector<std::string> splits() {
    std::vector<std::string> keys;
    for (size_t region = 1; region < kRegions; ++region)
        keys.push_back(region_key(region, 0).substr(0, 4));
    return keys;
}

std::string value_of(size_t round, size_t region) {
    return "round " + std::to_string(round) + " of " + std::to_string(region);
}

// Every tenth Region is written to; the others stay idle until the end.
bool busy(size_t region) { return region % 10 == 3; }

void hundred_regions(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 3, .harder = harder, .log_limit = 50, .splits = splits()});
    const auto everywhere_led = [&] {
        for (size_t region = 1; region <= kRegions; ++region) {
            bool led = false;
            for (size_t place = 0; place < 3; ++place) {
                led = led || kv.cluster().machine(place).leads(raftstore::RegionId(region));
            }
            if (!led) return false;
        }
        return true;
    };
    if (!kv.cluster().run_until(everywhere_led, 20s)) broken("a Region has no leader");
    for (size_t round = 0; round < 3; ++round) {
        kv.start_deaths();
        kv.play([&] {
            for (size_t number = 0; number < 40; ++number) {
                for (size_t region = 0; region < kRegions; ++region) {
                    if (busy(region)) kv.put(region_key(region, number), value_of(round, region));
                }
            }
        });
        kv.stop_deaths();
        kv.run_for(400ms);
        kv.restart_all();
        if (!kv.cluster().run_until(everywhere_led, 20s)) broken("a Region has no leader");
        kv.play([&] {
            for (size_t region = 0; region < kRegions; ++region) {
                const auto pairs = kv.scan(region_key(region, 0), 100);
                if (pairs.size() != (busy(region) ? 40 : 0))
                    broken("a Region holds something else");
                for (const auto& pair : pairs) {
                    if (pair.value != value_of(round, region)) broken("an old value is back");
                }
            }
        });
    }
    kv.play([&] {
        for (size_t region = 0; region < kRegions; ++region) {
            kv.put(region_key(region, 1), "at last");
            kv.must_get(region_key(region, 1), "at last");
        }
    });
    kv.run_for(1s);
    for (size_t place = 0; place < 3; ++place) {
        kv.cluster().machine(place).watch();
        kv.cluster().machine(place).check_all_states();
    }
    kv.play([&] { kv.must_hold_entries(100); });
}

TEST(ManyRegions, AHundredOnThreeStores_KeepTheirPromises) {
    for_each_seed("hundred Regions", false, [](unsigned seed) { hundred_regions(seed, false); });
}

TEST(ManyRegions, AHundredOnThreeStores_KeepTheirPromisesWithDeaths) {
    for_each_seed("hundred Regions", true, [](unsigned seed) { hundred_regions(seed, true); });
}

}  // namespace
}  // namespace timber::sim
