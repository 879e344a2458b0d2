#pragma once
// Time as benches measure it: nanoseconds of the steady clock.
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace timber::bench {

inline int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

inline constexpr int64_t kNsPerUs = 1'000;
inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;

// From `start_ns` to `end_ns`.
struct Interval {
    int64_t start_ns = 0;
    int64_t end_ns = 0;

    int64_t length_ns() const { return end_ns - start_ns; }
    friend bool operator==(const Interval&, const Interval&) = default;
};

inline int64_t overlap_ns(const Interval& a, const Interval& b) {
    const int64_t start = std::max(a.start_ns, b.start_ns);
    const int64_t end = std::min(a.end_ns, b.end_ns);
    return std::max<int64_t>(end - start, 0);
}

}  // namespace timber::bench
