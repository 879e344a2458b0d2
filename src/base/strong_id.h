#pragma once
// Integers with a meaning: a Term is no index, an Lsn is no byte offset.
//
// StrongId converts explicitly in both directions. It orders and compares with its own kind, moves
// by a plain count (`lsn + 1`, `++index`), and the difference of two ids is a plain count; ids are
// not added to each other. A new kind is one line:
//
//   using Lsn = StrongId<struct LsnTag, uint64_t>;
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>

#include "src/base/assert.h"

namespace timber {

template <typename Tag, std::unsigned_integral Rep>
class StrongId {
  public:
    using rep = Rep;

    constexpr StrongId() = default;
    constexpr explicit StrongId(Rep value) : value_(value) {}

    constexpr Rep value() const { return value_; }

    friend constexpr auto operator<=>(StrongId, StrongId) = default;

    constexpr StrongId& operator++() {
        ++value_;
        return *this;
    }
    constexpr StrongId& operator--() {
        TIMBER_ASSERT(value_ > 0);
        --value_;
        return *this;
    }
    constexpr StrongId& operator+=(Rep count) {
        value_ += count;
        return *this;
    }
    friend constexpr StrongId operator+(StrongId id, Rep count) {
        return StrongId(id.value_ + count);
    }
    friend constexpr StrongId operator-(StrongId id, Rep count) {
        TIMBER_ASSERT(id.value_ >= count);
        return StrongId(id.value_ - count);
    }
    // How many steps `left` is ahead of `right`, which must not be ahead of `left`.
    friend constexpr Rep operator-(StrongId left, StrongId right) {
        TIMBER_ASSERT(left.value_ >= right.value_);
        return left.value_ - right.value_;
    }

  private:
    Rep value_ = 0;
};

}  // namespace timber

template <typename Tag, typename Rep>
struct std::hash<timber::StrongId<Tag, Rep>> {
    size_t operator()(timber::StrongId<Tag, Rep> id) const noexcept {
        return std::hash<Rep>()(id.value());
    }
};
