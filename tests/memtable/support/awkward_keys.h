#pragma once
// Keys as a structure of sorted keys does not like them, from a seed: beginnings of each other,
// equal but for zero bytes at the end, with long common beginnings, of every length around the
// places where keys are cut.
#include <string>

#include "src/base/random.h"

namespace timber::memtable {

// One of few, so that draws meet again: a common beginning of some length, and a few bytes of an
// alphabet that is small and holds the extremes.
inline std::string awkward_key(Random& random) {
    static constexpr char kAlphabet[] = {'\0', '\x01', 'a', '\x7f', '\x80', '\xff'};
    static constexpr size_t kBeginnings[] = {0, 0, 5, 6, 7, 12, 40};
    std::string key(kBeginnings[random.below(std::size(kBeginnings))], 'p');
    const uint64_t count = random.below(6);
    for (uint64_t i = 0; i < count; ++i) {
        const char byte = kAlphabet[random.below(std::size(kAlphabet))];
        // Runs move the differences over the borders of what is compared at once.
        key.append(random.one_in(3) ? random.between(2, 9) : 1, byte);
    }
    return key;
}

}  // namespace timber::memtable
