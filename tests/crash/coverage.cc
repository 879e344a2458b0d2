#include "tests/crash/coverage.h"

#include <array>

namespace timber::crash {

namespace {

constexpr std::array<KindFloor, kOwnKinds> kCommon = {{
    {"hole with survivors behind it", 20},
    {"second or third crash in a row", 20},
    {"inside recovery", 5},
    {"process death", 10},
    {"power cut", 10},
    {"power cut right after a recovery", 1},
}};

}  // namespace

Coverage::Coverage(std::span<const KindFloor> own) : floors_(kCommon.begin(), kCommon.end()) {
    floors_.insert(floors_.end(), own.begin(), own.end());
    counts_.resize(floors_.size());
}

bool Coverage::count(uint64_t image_fingerprint, StateKinds kinds) {
    if (!seen_.insert(image_fingerprint).second) return false;
    for (size_t kind = 0; kind < counts_.size(); ++kind) counts_[kind] += kinds >> kind & 1;
    return true;
}

bool Coverage::wanted(unsigned kind) const {
    return counts_[kind] * 100 < states() * floors_[kind].floor_percent * 3 / 2;
}

std::string Coverage::to_string() const {
    std::string text;
    for (size_t kind = 0; kind < counts_.size(); ++kind) {
        const uint64_t tenths = states() == 0 ? 0 : counts_[kind] * 1000 / states();
        text += "  " + std::string(floors_[kind].name) + ": " + std::to_string(counts_[kind]) +
                " (" + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
                " %, floor " + std::to_string(floors_[kind].floor_percent) + " %)\n";
    }
    return text + "  damage rounds: " + std::to_string(damage_rounds_) + "\n";
}

std::optional<std::string> Coverage::shortfall() const {
    for (size_t kind = 0; kind < counts_.size(); ++kind) {
        if (counts_[kind] * 100 < states() * floors_[kind].floor_percent)
            return std::string(floors_[kind].name);
    }
    return std::nullopt;
}

}  // namespace timber::crash
