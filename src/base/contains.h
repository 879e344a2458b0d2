#pragma once
// std::ranges::contains of C++23, which the standard library of g++ 12 lacks.
//
// Thread: a plain function.
#include <algorithm>
#include <ranges>

namespace timber {

template <std::ranges::input_range Range, typename Value>
constexpr bool contains(const Range& range, const Value& value) {
    return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace timber
