#include <cstdlib>

#include "benches/storage/replica.h"
#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace timber::bench {

// The product's own defaults, or all of them smaller by the same factor.
ReplicaSettings ReplicaSettings::of(Options& options) {
    const double scale = options.tiny ? 1.0 / 256 : options.quick ? 1.0 / 16 : 1;
    ReplicaSettings settings{.state = Settings::of(options, 64 * scale)};
    const auto bytes = [&](const char* name, double mib) {
        return static_cast<uint64_t>(options.parameter(name, mib) * 1_MiB);
    };
    settings.segment_bytes = bytes("segment_mib", 128 * scale);
    settings.log_gc_bytes = bytes("log_gc_mib", 256 * scale);
    settings.log_gc_entries =
        static_cast<uint64_t>(options.parameter("log_gc_entries", 128'000 * scale));
    return settings;
}

std::vector<std::string> ReplicaSettings::to_words() const {
    std::vector<std::string> words;
    for (const uint64_t number :
         {state.seed, state.memory_table_bytes, state.cache_bytes, state.large_bytes,
          uint64_t{state.direct_io}, segment_bytes, log_gc_entries, log_gc_bytes})
        words.push_back(std::to_string(number));
    TIMBER_ASSERT_OP(words.size(), ==, kWords);
    return words;
}

ReplicaSettings ReplicaSettings::from_words(char** words) {
    const auto number = [&](size_t at) { return std::strtoull(words[at], nullptr, 10); };
    ReplicaSettings settings;
    settings.state.seed = number(0);
    settings.state.memory_table_bytes = number(1);
    settings.state.cache_bytes = number(2);
    settings.state.large_bytes = number(3);
    settings.state.direct_io = number(4) != 0;
    settings.segment_bytes = number(5);
    settings.log_gc_entries = number(6);
    settings.log_gc_bytes = number(7);
    return settings;
}

}  // namespace timber::bench
