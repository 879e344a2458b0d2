#pragma once
// Operations on any families, applied together or not at all, in their order.
//
// Held as one run of bytes, so that building and walking it costs one allocation in all. It is
// never written to a disk; whoever wants to keep it encodes what it came from.
//
// Thread:   one at a time.
// Lifetime: copies keys and values; views given to a visitor are good while the batch is not
//           changed.
#include <cstddef>
#include <string_view>
#include <vector>

#include "memtable/types.h"
#include "src/base/result.h"

namespace timber::memtable {

class WriteBatch {
  public:
    enum class Kind : uint8_t { kPut, kRemove, kRemoveRange };
    struct Operation {
        Kind kind;
        Family family;
        std::string_view key;    // of a range: its begin
        std::string_view value;  // of a range: its end
    };

    // Makes room for `bytes`, as bytes() counts: what follows is not moved while the batch grows.
    void reserve(size_t bytes) { bytes_.reserve(bytes); }
    void put(Family family, std::string_view key, std::string_view value);
    void remove(Family family, std::string_view key);
    // Everything in [begin, end); an empty end means no upper limit. A range that holds nothing
    // (end at or before begin) is no error.
    void remove_range(Family family, std::string_view begin, std::string_view end);

    void clear();
    bool empty() const { return operations_ == 0; }
    size_t operations() const { return operations_; }
    // Of keys and values, with a few for each operation.
    size_t bytes() const { return bytes_.size(); }

    // Whether every key, value and the whole is within the limits of types.h: kTooLarge with the
    // number of the operation otherwise.
    Status check_limits() const;

    // Calls `visit(const Operation&)` for each, in order.
    template <typename Visit>
    void for_each(Visit visit) const {
        size_t at = 0;
        while (at < bytes_.size()) visit(decode(at));
    }

  private:
    void append(Kind kind, Family family, std::string_view key, std::string_view value);
    // The operation at `at`, which moves behind it.
    Operation decode(size_t& at) const;

    std::vector<std::byte> bytes_;
    size_t operations_ = 0;
};

}  // namespace timber::memtable
