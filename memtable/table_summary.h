#pragma once
// What a table file holds, as its writer counted it and its properties say.
#include <cstdint>
#include <string>

#include "memtable/types.h"

namespace timber::memtable {

struct TableSummary {
    uint64_t file_bytes = 0;
    uint64_t file_checksum = 0;  // XXH3 of the whole file, for whoever copies it elsewhere
    uint64_t entries = 0;        // puts and removes
    uint64_t removes = 0;
    uint64_t range_removes = 0;  // fragments times their sequences
    uint64_t key_bytes = 0;      // user keys
    uint64_t value_bytes = 0;
    // The range that it touches, range removes included: [smallest, largest], or
    // [smallest, largest) where `largest_exclusive`, with an empty one for no upper limit.
    std::string smallest;
    std::string largest;
    bool largest_exclusive = false;
    Sequence sequence_min;
    Sequence sequence_max;
};

}  // namespace timber::memtable
