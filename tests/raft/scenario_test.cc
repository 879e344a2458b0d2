// Plays scenarios/*.txt and compares what the nodes say, line by line.
//
//   TIMBER_REWRITE_SCENARIOS=1 build/release/tests/raft_scenario_test
//
// writes what they said into the files instead: read the difference as you would read code.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/raft/scenario.h"

namespace timber::raft::test {
namespace {

constexpr std::string_view kDivider = "----";

std::vector<std::filesystem::path> scenario_files() {
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(TIMBER_SCENARIO_DIRECTORY)) {
        if (file.path().extension() == ".txt") files.push_back(file.path());
    }
    std::ranges::sort(files);
    return files;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

// Gives the scenario again, with what the nodes say now in the place of what is expected.
std::string play(const std::string& text) {
    Scenario scenario;
    std::istringstream lines(text);
    std::string played, said;
    bool expected = false;
    for (std::string line; std::getline(lines, line);) {
        if (expected) {
            if (line.empty()) {
                expected = false;
                played += "\n";
            }
            continue;
        }
        played += line + "\n";
        if (line.empty() || line[0] == '#') continue;
        if (line == kDivider) {
            played += said.empty() ? "ok\n" : said;
            said.clear();
            expected = true;
        } else {
            said += scenario.run(line);
        }
    }
    return played;
}

class ScenarioFile : public testing::TestWithParam<std::filesystem::path> {};

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& file) {
    std::string name = file.param.stem().string();
    std::ranges::replace(name, '-', '_');
    return name;
}
INSTANTIATE_TEST_SUITE_P(All, ScenarioFile, testing::ValuesIn(scenario_files()), name_of);

TEST_P(ScenarioFile, Plays) {
    const std::string text = read_file(GetParam());
    ASSERT_TRUE(text.starts_with("# ")) << "a scenario begins with its story";
    const std::string played = play(text);
    EXPECT_EQ(played.find("UNSAFE"), std::string::npos) << played;
    EXPECT_EQ(played.find("cannot: "), std::string::npos) << played;
    if (std::getenv("TIMBER_REWRITE_SCENARIOS") != nullptr) {
        std::ofstream(GetParam()) << played;
        return;
    }
    EXPECT_EQ(text, played);
    EXPECT_EQ(played, play(text)) << "the same commands give the same words";
}

TEST(ScenarioFiles, AreThere) { EXPECT_GE(scenario_files().size(), 30u); }

}  // namespace
}  // namespace timber::raft::test
