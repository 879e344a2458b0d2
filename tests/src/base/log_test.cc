#include "src/base/io/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace timber {
namespace {

TEST(Log, ControlBytesDoNotReachTheTerminal) {
    std::vector<std::string> lines;
    set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
    log_warning("address '{}' is refused", "a\nb\x1b[2J\x7f");
    log_info("nothing to escape: {}", "größer");
    set_log_sink({});
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], "address 'a\\x0ab\\x1b[2J\\x7f' is refused");
    EXPECT_EQ(lines[1], "nothing to escape: größer");
}

}  // namespace
}  // namespace timber
