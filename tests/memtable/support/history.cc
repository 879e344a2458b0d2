#include "tests/memtable/support/history.h"

namespace timber::memtable {
namespace {

// Short ones that are prefixes of one another, some with zero bytes; ones that are equal in their
// first 8 bytes; ones that are not.
std::string draw_key(Random& random, uint64_t shape) {
    std::string key;
    switch (shape) {
        case 0:
            for (uint64_t i = random.below(4); i > 0; --i) key += "\0ab"[random.below(3)];
            return key;
        case 1:
            key = "the same";
            for (uint64_t i = random.below(3); i > 0; --i) key += "\0xyz"[random.below(4)];
            return key;
        default:
            for (size_t i = 0; i < 16; ++i) key += static_cast<char>('0' + random.below(3));
            return key;
    }
}

}  // namespace

std::vector<std::string> draw_keys(Random& random, size_t count) {
    const uint64_t shape = random.below(4);
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i)
        keys.push_back(draw_key(random, shape == 3 ? random.below(3) : shape));
    return keys;
}

History draw_history(Random& random, const std::vector<std::string>& keys, size_t operations,
                     uint64_t range_percent) {
    const auto key = [&] { return keys[random.below(keys.size())]; };
    History history;
    for (size_t i = 1; i <= operations; ++i) {
        HistoryOperation operation{Sequence(i), WriteBatch::Kind::kPut, key(), {}};
        if (random.percent(range_percent)) {
            operation.kind = WriteBatch::Kind::kRemoveRange;
            operation.value = random.one_in(6) ? "" : key();
            if (!operation.value.empty() && operation.value < operation.key)
                std::swap(operation.key, operation.value);
        } else if (random.one_in(4)) {
            operation.kind = WriteBatch::Kind::kRemove;
        } else if (!random.one_in(8)) {
            operation.value = "value " + std::to_string(i);
        }
        history.add(std::move(operation));
    }
    return history;
}

}  // namespace timber::memtable
