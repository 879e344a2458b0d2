#include "tests/sim/tinykv_seeds.h"

#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "tests/sim/replicated_log.h"

namespace timber::sim {

static unsigned round_now = 0;

class Rounds : public testing::Environment {
    void SetUp() override {
        ++round_now;
        set_log_level(LogLevel::kOff);
    }
};
static testing::Environment* const kRounds = testing::AddGlobalTestEnvironment(new Rounds);

void for_each_seed(const char* name, bool harder, const std::function<void(unsigned seed)>& test) {
    EXPECT_NE(kRounds, nullptr);
    const unsigned seed = round_now;
    set_playing(std::string(name) + (harder ? ", harder" : "") + ", seed " + std::to_string(seed));
    test(seed);
}

}  // namespace timber::sim
