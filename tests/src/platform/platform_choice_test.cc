// Which platform is chosen, and what the operator hears of it.
#include "tests/src/platform/fixture.h"

namespace timber {

namespace {

// The lines of the log while it lives.
class LogCatcher {
  public:
    LogCatcher() {
        set_log_level(LogLevel::kInfo);
        set_log_sink([this](LogLevel, std::string_view line) { lines.emplace_back(line); });
    }
    ~LogCatcher() { set_log_sink({}); }

    std::vector<std::string> lines;
};

class PlatformChoiceTest : public testing::Test {
  protected:
    ScratchDirectory directory_{"choice"};
    LogCatcher log_;
};

TEST_F(PlatformChoiceTest, ForcedThreadsUseNoRing) {
    const auto platform =
        Platform::create({.backend = IoBackend::kThreads, .data_directory = directory_.path()});
    EXPECT_FALSE((*platform)->uses_uring());
    ASSERT_EQ(log_.lines.size(), 1u);
    EXPECT_NE(log_.lines[0].find("threads: chosen by configuration"), std::string::npos);
}

TEST_F(PlatformChoiceTest, ForcedRingIsUsedOrRefused) {
    const auto platform =
        Platform::create({.backend = IoBackend::kUring, .data_directory = directory_.path()});
    if (platform.ok()) {
        EXPECT_TRUE((*platform)->uses_uring());
        ASSERT_EQ(log_.lines.size(), 1u);
        EXPECT_NE(log_.lines[0].find("io_uring"), std::string::npos);
    } else {
        EXPECT_TRUE(log_.lines.empty());
    }
}

TEST_F(PlatformChoiceTest, AutomaticChoiceWorksWhateverTheMachineAllows) {
    const auto platform = Platform::create({.data_directory = directory_.path("not/made/yet")});
    ASSERT_TRUE(platform.ok());
    ASSERT_EQ(log_.lines.size(), 1u);
    const auto thread = (*platform)->start_loop("test").value();
    bool ran = false;
    thread->call([&] { ran = true; });
    EXPECT_TRUE(ran);
}

}  // namespace

}  // namespace timber
