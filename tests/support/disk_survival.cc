#include "tests/support/disk_survival.h"

#include <array>

#include "src/base/random.h"

namespace timber {

// Salts keep the draws about one change apart.
static constexpr uint64_t kSaltFate = 1;
static constexpr uint64_t kSaltTear = 2;
static constexpr uint64_t kSaltShape = 3;
static constexpr uint64_t kSaltPart = 1000;
static constexpr uint64_t kSaltMetadata = 500;

Survival::Survival(uint64_t seed, const std::vector<ChangeId>& open) : seed_(seed) {
    Random random(seed);
    constexpr std::array<uint64_t, 6> kKeepPercent = {0, 15, 50, 50, 85, 100};
    constexpr std::array<uint64_t, 3> kTearPercent = {0, 30, 100};
    keep_percent_ = kKeepPercent[random.below(kKeepPercent.size())];
    tear_percent_ = kTearPercent[random.below(kTearPercent.size())];
    metadata_follows_data_ = random.one_in(3);
    const bool all_alike = keep_percent_ == 0 || keep_percent_ == 100;
    if (open.empty()) return;
    const ChangeId chosen = open[random.below(open.size())];
    switch (random.below(8)) {
        case 0: temper_ = Temper::kFirst; break;
        case 1: temper_ = Temper::kLast; break;
        default: temper_ = Temper::kEach;
    }
    border_ = chosen;
    if (temper_ == Temper::kEach && random.percent(all_alike ? 60 : 10)) odd_one_ = chosen;
}

static uint64_t scramble(uint64_t value) {
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93;
    return value ^ (value >> 32);
}

uint64_t Survival::draw(ChangeId change, uint64_t salt) const {
    return scramble(scramble(seed_ ^ (change.value() * 0x9e3779b97f4a7c15)) + salt);
}

bool Survival::coin(uint64_t salt) const { return (draw(ChangeId(0), salt) & 1) != 0; }

Survival::Fate Survival::fate(ChangeId change, uint64_t salt) const {
    if (temper_ != Temper::kEach) {
        if (change == border_) return Fate::kTorn;
        return (change < border_) == (temper_ == Temper::kFirst) ? Fate::kWhole : Fate::kNothing;
    }
    const bool odd = odd_one_ == change;
    const bool all_alike = keep_percent_ == 0 || keep_percent_ == 100;
    const bool may_tear = odd || !all_alike;
    if (may_tear && draw(change, kSaltTear + salt) % 100 < tear_percent_) return Fate::kTorn;
    const bool keep = draw(change, kSaltFate + salt) % 100 < keep_percent_;
    return keep != odd ? Fate::kWhole : Fate::kNothing;
}

bool Survival::torn_part_survives(ChangeId change, uint64_t part, uint64_t parts) const {
    const uint64_t shape = draw(change, kSaltShape);
    const uint64_t border = (shape >> 8) % (parts + 1);
    switch (shape % 4) {
        case 0: return part < border;
        case 1: return part >= border;
        case 2: return draw(change, kSaltPart + part) % 8 != 0;
        default: return draw(change, kSaltPart + part) % 2 == 0;
    }
}

bool Survival::sector_survives(ChangeId change, uint64_t sector, uint64_t sectors) const {
    switch (fate(change, 0)) {
        case Fate::kWhole: return true;
        case Fate::kNothing: return false;
        case Fate::kTorn: return torn_part_survives(change, sector, sectors);
    }
    TIMBER_UNREACHABLE();
}

bool Survival::metadata_survives(ChangeId change, uint64_t effect) const {
    const uint64_t salt = metadata_follows_data_ ? 0 : kSaltMetadata + effect * 8;
    switch (fate(change, salt)) {
        case Fate::kWhole: return true;
        case Fate::kNothing: return false;
        case Fate::kTorn: return (draw(change, kSaltPart + salt + effect) & 1) != 0;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber
