// Bytes as text and back.
#include "src/programs/ctl_text.h"

#include <gtest/gtest.h>

namespace timber::programs {
namespace {

TEST(CtlText, EveryByteComesBack) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const auto back = unescape(escape(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, bytes);
    EXPECT_EQ(escape("a\\\n\x01"), "a\\\\\\n\\x01");
}

TEST(CtlText, HalfEscapesAreRefused) {
    for (const char* text : {"\\", "a\\", "\\q", "\\x", "\\x1", "\\xg1", "\\x1g"})
        EXPECT_FALSE(unescape(text).ok()) << text;
}

TEST(CtlText, JsonAndTables) {
    EXPECT_EQ(json_string("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    EXPECT_EQ(table({{"A", "B"}, {"long", "x"}}), "A     B\nlong  x\n");
}

}  // namespace
}  // namespace timber::programs
