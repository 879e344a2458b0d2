#pragma once
// Where older data than a job's may lie: in the files below its output. What a remove hides must be
// there, or the remove itself can go.
//
// Thread:   one job.
// Lifetime: holds on to the version.
#include <array>
#include <cstddef>
#include <string_view>

#include "memtable/version.h"

namespace timber::memtable {

class OlderData {
  public:
    // The family's files at `level` and below. With level 0, all.
    OlderData(VersionRef version, Family family, size_t level);

    // Whether a file may hold an older version of the key. Keys are asked for in ascending order.
    bool may_hold(std::string_view user_key);
    // The same for anything in [begin, end), in any order.
    bool may_hold_any(std::string_view begin, std::string_view end) const;

  private:
    VersionRef version_;
    Family family_;
    size_t level_;
    // In each sorted level the first file that reaches the key asked for last, or a later one.
    std::array<size_t, kLevels> at_{};
};

}  // namespace timber::memtable
