#include "src/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace timber {

void assert_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    std::abort();
}

void assert_failed_values(const char* expression, const char* file, int line, int64_t left,
                          int64_t right) {
    std::fprintf(stderr, "%s:%d: assertion failed: %s (left %lld, right %lld)\n", file, line,
                 expression, static_cast<long long>(left), static_cast<long long>(right));
    std::abort();
}

void unreachable_reached(const char* file, int line) {
    std::fprintf(stderr, "%s:%d: reached a place that cannot be reached\n", file, line);
    std::abort();
}

}  // namespace timber
