#pragma once
// Internal keys as strings, for tests: to write them down, and to sort them in a map.
#include <cstdint>
#include <string>
#include <string_view>

#include "memtable/internal_key.h"

namespace timber::memtable {

inline std::string internal_key(std::string_view user_key, uint64_t sequence,
                                EntryKind kind = EntryKind::kPut) {
    std::string key;
    append_internal_key(key, user_key, Sequence(sequence), kind);
    return key;
}

struct InternalOrder {
    bool operator()(const std::string& left, const std::string& right) const {
        return compare_internal(left, right) < 0;
    }
};

}  // namespace timber::memtable
