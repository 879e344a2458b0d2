#include "src/client/messages.h"

#include <gtest/gtest.h>

namespace timber::client {
namespace {

TEST(RefusedUntouched, IsWhatNobodyCanHaveDone) {
    EXPECT_TRUE(refused_untouched({rpc::Code::kUnimplemented, ""}));
    EXPECT_TRUE(refused_untouched({rpc::Code::kInvalidArgument, "no such column family"}));
    EXPECT_TRUE(refused_untouched(
        {rpc::Code::kResourceExhausted, "Received message larger than max (90 vs. 80)"}));
    EXPECT_TRUE(refused_untouched(
        {rpc::Code::kResourceExhausted, "Sent message larger than max (90 vs. 80)"}));
}

TEST(RefusedUntouched, IsNotWhatAServerMayBeAtWorkOn) {
    EXPECT_FALSE(refused_untouched(
        {rpc::Code::kResourceExhausted, "Received RST_STREAM with error code 11"}));
    EXPECT_FALSE(refused_untouched({rpc::Code::kResourceExhausted, ""}));
    EXPECT_FALSE(refused_untouched({rpc::Code::kUnavailable, "Socket closed"}));
    EXPECT_FALSE(refused_untouched({rpc::Code::kCancelled, ""}));
    EXPECT_FALSE(refused_untouched({rpc::Code::kDeadlineExceeded, ""}));
}

}  // namespace
}  // namespace timber::client
