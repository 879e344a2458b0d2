#pragma once
// Assertions that stay on in every build.
//
// TIMBER_ASSERT(condition) states what our own code guarantees. A failure is a bug of ours: it
// prints the expression and its place and aborts the process. Data from a peer, a client, a file
// or a disk never reaches an assertion; it gets an Error (result.h).
//
// TIMBER_ASSERT_OP(left, op, right) prints both values too, for integers and strong ids.
// TIMBER_CHECK_SLOW(condition) is for checks that cost more than the code around them; it is on
// where TIMBER_SLOW_CHECKS is defined (debug, sanitizer and test builds), and compiled but not run
// elsewhere.
// TIMBER_MAYBE(condition) says that both values are legal where a reader expects an assertion.
#include <cstdint>
#include <type_traits>

namespace timber {

[[noreturn]] void assert_failed(const char* expression, const char* file, int line);
[[noreturn]] void assert_failed_values(const char* expression, const char* file, int line,
                                       int64_t left, int64_t right);
[[noreturn]] void unreachable_reached(const char* file, int line);

namespace internal {
template <typename T>
constexpr int64_t assert_value(const T& value) {
    if constexpr (requires { value.value(); }) {
        return static_cast<int64_t>(value.value());
    } else if constexpr (std::is_pointer_v<T>) {
        return static_cast<int64_t>(reinterpret_cast<intptr_t>(value));
    } else {
        return static_cast<int64_t>(value);
    }
}
}  // namespace internal
}  // namespace timber

#define TIMBER_ASSERT(condition)                                     \
    do {                                                             \
        if (!(condition)) [[unlikely]]                               \
            ::timber::assert_failed(#condition, __FILE__, __LINE__); \
    } while (false)

#define TIMBER_ASSERT_OP(left, op, right)                                                   \
    do {                                                                                    \
        const auto& timber_left = (left);                                                   \
        const auto& timber_right = (right);                                                 \
        if (!(timber_left op timber_right)) [[unlikely]]                                    \
            ::timber::assert_failed_values(#left " " #op " " #right, __FILE__, __LINE__,    \
                                           ::timber::internal::assert_value(timber_left),   \
                                           ::timber::internal::assert_value(timber_right)); \
    } while (false)

#define TIMBER_UNREACHABLE() ::timber::unreachable_reached(__FILE__, __LINE__)

#ifdef TIMBER_SLOW_CHECKS
#define TIMBER_CHECK_SLOW(condition) TIMBER_ASSERT(condition)
#else
#define TIMBER_CHECK_SLOW(condition)            \
    do {                                        \
        if constexpr (false) (void)(condition); \
    } while (false)
#endif

#define TIMBER_MAYBE(condition) ((void)(condition))
