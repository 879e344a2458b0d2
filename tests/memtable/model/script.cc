#include "tests/memtable/model/script.h"

#include <algorithm>
#include <charconv>

#include "tests/crash/store/store_world.h"

namespace timber::memtable {

namespace {

struct OptionSet {
    std::string_view name;
    void (*change)(Options& options);
};

void for_families(Options& options, void (*change)(FamilyOptions& family)) {
    for (FamilyOptions& family : options.families) change(family);
}

// Each takes one thing to its extreme; what it does not name is small but ordinary.
constexpr std::array<OptionSet, kOptionSets> kSets = {{
    {"ordinary", [](Options&) {}},
    {"tiny blocks",
     [](Options& options) {
         for_families(options, [](FamilyOptions& family) {
             family.block_bytes = 256;
             family.restart_interval = 1;
         });
     }},
    {"tiny memory tables",
     [](Options& options) {
         options.memory_table_bytes = 8_KiB;
         options.memory_tables_sealed_max = 1;
     }},
    {"no compression, no filter",
     [](Options& options) {
         for_families(options, [](FamilyOptions& family) {
             family.compression.fill(Compression::kNone);
             family.filter_bits_per_key = 0;
         });
     }},
    {"tiny cache, page cache, Zstandard",
     [](Options& options) {
         options.block_cache_bytes = 1_KiB;
         options.direct_io = false;
         for_families(options,
                      [](FamilyOptions& family) { family.compression.fill(Compression::kZstd); });
     }},
    {"many small levels",
     [](Options& options) {
         options.level0_files_compact = 1;
         options.level1_bytes = 4_KiB;
         options.level_bytes_multiplier = 2;
         options.compactions_max = 3;
         for_families(options, [](FamilyOptions& family) { family.table_bytes_target = 4_KiB; });
     }},
    {"small steps, slow background",
     [](Options& options) {
         options.job_step_bytes = 4_KiB;
         options.background_bytes_per_second = 2_MiB;
         options.remove_bytes_per_second = 512_KiB;
         options.manifest_bytes_max = 4_KiB;
     }},
    {"as delivered",
     [](Options& options) {
         const std::string directory = options.directory;
         const uint64_t store_id = options.store_id;
         options = Options();
         options.directory = directory;
         options.store_id = store_id;
     }},
}};

Options base_options(uint64_t seed) {
    Options options;
    options.directory = "store";
    options.store_id = seed;
    options.memory_table_bytes = 32_KiB;
    options.block_cache_bytes = 256_KiB;
    options.level1_bytes = 64_KiB;
    options.level_bytes_multiplier = 4;
    options.manifest_bytes_max = 64_KiB;
    for_families(options, [](FamilyOptions& family) {
        family.block_bytes = 1_KiB;
        family.table_bytes_target = 16_KiB;
    });
    return options;
}

Scenario scenario_of(uint64_t seed) {
    crash::Limits limits;
    limits.deeds_allowed &= ~(1u << static_cast<unsigned>(Deed::kFault));
    limits.deeds_allowed &= ~(1u << static_cast<unsigned>(Deed::kSpace));
    Scenario scenario = draw_scenario(seed, limits);
    scenario.redo_percent = 100;
    return scenario;
}

class NobodyWatches : public crash::LifeWatcher<StoreWorld> {
  public:
    void at(const Life&, Moment) override {}
};

// "1-4,7,9-12"
std::string to_string(const std::vector<size_t>& numbers) {
    std::string text;
    for (size_t i = 0; i < numbers.size();) {
        size_t last = i;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(numbers[i]);
        if (last > i) text += '-' + std::to_string(numbers[last]);
        i = last + 1;
    }
    return text;
}

Script only(const Script& script, std::vector<size_t> numbers) {
    Script smaller{script.seed, script.drawn, {}, std::move(numbers)};
    const Script whole = draw_script(script.seed, script.drawn);
    for (const size_t number : smaller.numbers) smaller.deeds.push_back(whole.deeds[number]);
    return smaller;
}

}  // namespace

std::string_view options_name(size_t set) { return kSets[set].name; }

Script draw_script(uint64_t seed, size_t deeds) {
    const Scenario scenario = scenario_of(seed);
    Random random(seed + 1);
    Script script{.seed = seed, .drawn = deeds};
    for (size_t number = 0; number < deeds; ++number) {
        const Deed deed = scenario.draw(random);
        script.deeds.push_back({deed, random.next()});
        script.numbers.push_back(number);
    }
    return script;
}

std::optional<std::string> play(const Script& script, size_t options) {
    Scenario scenario = scenario_of(script.seed);
    scenario.store = base_options(script.seed);
    kSets[options].change(scenario.store);
    NobodyWatches nobody;
    Life life(scenario, {.seed = script.seed}, nobody);
    life.run_script(script.deeds);
    return life.failure();
}

// Ever smaller pieces are left out, as long as what is left fails.
Script shrink(const Script& script, size_t options) {
    Script best = script;
    for (size_t piece = std::max<size_t>(best.numbers.size() / 2, 1);; piece = piece / 2) {
        for (size_t begin = 0; begin < best.numbers.size();) {
            std::vector<size_t> numbers = best.numbers;
            const auto from = numbers.begin() + static_cast<ptrdiff_t>(begin);
            const size_t count = std::min(piece, numbers.size() - begin);
            numbers.erase(from, from + static_cast<ptrdiff_t>(count));
            Script smaller = only(script, std::move(numbers));
            if (play(smaller, options)) {
                best = std::move(smaller);
            } else {
                begin += count;
            }
        }
        if (piece <= 1) return best;
    }
}

std::string to_string(const Script& script, size_t options) {
    return std::to_string(script.seed) + "/" + std::to_string(script.drawn) + "/" +
           std::to_string(options) + "/" + to_string(script.numbers);
}

std::optional<Script> parse_script(std::string_view text, size_t& options) {
    bool ok = true;
    const auto number = [&](char behind) {
        uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        ok &= error == std::errc();
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        if (behind != 0) {
            ok &= text.starts_with(behind);
            if (ok) text.remove_prefix(1);
        }
        return value;
    };
    const uint64_t seed = number('/');
    const size_t drawn = number('/');
    options = number('/');
    std::vector<size_t> numbers;
    while (ok && !text.empty()) {
        size_t first = number(0);
        size_t last = first;
        if (text.starts_with('-')) {
            text.remove_prefix(1);
            last = number(0);
        }
        ok &= last < drawn && first <= last;
        for (; ok && first <= last; ++first) numbers.push_back(first);
        if (text.empty()) break;
        ok &= text.starts_with(',');
        if (ok) text.remove_prefix(1);
    }
    if (!ok || options >= kOptionSets) return std::nullopt;
    return only({.seed = seed, .drawn = drawn}, std::move(numbers));
}

}  // namespace timber::memtable
