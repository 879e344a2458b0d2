#include "tests/crash/coverage.h"

#include <string_view>

namespace timber::logengine {

namespace {

struct KindRow {
    std::string_view name;
    uint64_t floor_percent;  // of the distinct states
};

constexpr std::array<KindRow, kStateKindCount> kRows = {{
    {"hole with survivors behind it", 20},
    {"second or third crash in a row", 20},
    {"inside recovery", 5},
    {"inside segment switch", 5},
    {"inside recycling", 5},
    {"process death", 10},
    {"power cut", 10},
    {"power cut right after a recovery", 1},
}};

}  // namespace

bool Coverage::count(uint64_t image_fingerprint, StateKinds kinds) {
    if (!seen_.insert(image_fingerprint).second) return false;
    for (size_t kind = 0; kind < kStateKindCount; ++kind) counts_[kind] += kinds >> kind & 1;
    return true;
}

bool Coverage::wanted(StateKind kind) const {
    const auto index = static_cast<size_t>(kind);
    return counts_[index] * 100 < states() * kRows[index].floor_percent * 3 / 2;
}

std::string Coverage::to_string() const {
    std::string text;
    for (size_t kind = 0; kind < kStateKindCount; ++kind) {
        const uint64_t tenths = states() == 0 ? 0 : counts_[kind] * 1000 / states();
        text += "  " + std::string(kRows[kind].name) + ": " + std::to_string(counts_[kind]) + " (" +
                std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %, floor " +
                std::to_string(kRows[kind].floor_percent) + " %)\n";
    }
    return text + "  damage rounds: " + std::to_string(damage_rounds_) + "\n";
}

std::optional<std::string> Coverage::shortfall() const {
    for (size_t kind = 0; kind < kStateKindCount; ++kind) {
        if (counts_[kind] * 100 < states() * kRows[kind].floor_percent)
            return std::string(kRows[kind].name);
    }
    return std::nullopt;
}

}  // namespace timber::logengine
