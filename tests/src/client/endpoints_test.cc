// Whom a client asks next.
#include "src/client/endpoints.h"

#include <gtest/gtest.h>

namespace timber::client {
namespace {

TEST(Endpoints, TakesTurnsUntilOneAnswers) {
    Endpoints endpoints({"a", "b", "c"});
    EXPECT_EQ(endpoints.pick(), "a");
    endpoints.avoid("a");
    EXPECT_EQ(endpoints.pick(), "b");
    EXPECT_TRUE(endpoints.answered("b"));
    EXPECT_FALSE(endpoints.answered("b"));
    endpoints.avoid("c");  // an old failure of another changes nothing
    EXPECT_EQ(endpoints.pick(), "b");
    endpoints.avoid("b");
    EXPECT_EQ(endpoints.pick(), "c");
}

TEST(Endpoints, FollowsALeaderThatItKnows) {
    Endpoints endpoints({"a"});
    EXPECT_FALSE(endpoints.follow(2));
    endpoints.learn(2, "b");
    EXPECT_TRUE(endpoints.follow(2));
    EXPECT_EQ(endpoints.pick(), "b");
    EXPECT_EQ(endpoints.all().size(), 2u);
    endpoints.learn(2, "b");
    endpoints.learn(3, "");
    EXPECT_EQ(endpoints.all().size(), 2u);
}

}  // namespace
}  // namespace timber::client
