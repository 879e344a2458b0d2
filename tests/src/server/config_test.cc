// Settings from files and flags, and what is said about those that are wrong.
#include "src/server/config.h"

#include <gtest/gtest.h>

namespace timber::server {
namespace {

std::string why(std::string_view toml) {
    Config config;
    const Status set = set_from_toml(config, toml, "timberkv.toml");
    return set.ok() ? "taken" : set.error().detail;
}

TEST(Config, FileSetsWhatItNamesAndNothingElse) {
    Config config;
    const char* file =
        "[server]\n"
        "client_listen = \"127.0.0.1:7\"\n"
        "[cluster]\n"
        "members = [\"1=127.0.0.1:1\", \"2=127.0.0.1:2\"]\n"
        "[raft]\n"
        "tick = \"20ms\"\n"
        "lease_reads = true\n"
        "[storage]\n"
        "block_cache_bytes = \"8MiB\"\n";
    ASSERT_TRUE(set_from_toml(config, file, "f").ok());
    EXPECT_EQ(config.client_listen, "127.0.0.1:7");
    EXPECT_EQ(config.peer_listen, Config().peer_listen);
    EXPECT_EQ(config.members, (std::vector<std::string>{"1=127.0.0.1:1", "2=127.0.0.1:2"}));
    EXPECT_EQ(config.store.tick, std::chrono::milliseconds(20));
    EXPECT_TRUE(config.store.lease_reads);
    EXPECT_EQ(config.store.engine.state.block_cache_bytes, 8_MiB);
}

TEST(Config, WrongKeysAndValuesAreNamedWithTheirLine) {
    EXPECT_EQ(why("[raft]\ntick = \"20ms\"\nticks = 3\n"),
              "timberkv.toml:3: there is no setting raft.ticks; timberkv-server --print-config "
              "lists them all");
    EXPECT_EQ(why("[server]\ntick = \"20ms\"\n"),
              "timberkv.toml:2: there is no setting server.tick; did you mean raft.tick?");
    EXPECT_EQ(why("tick = \"20ms\"\n"),
              "timberkv.toml:1: tick stands outside of a section; did you mean raft.tick?");
    EXPECT_EQ(why("[raft]\n\ntick = 20\n"),
              "timberkv.toml:3: raft.tick: must be a time in quotes, such as \"100ms\"");
    EXPECT_EQ(why("[raft]\ntick = \"20\"\n"),
              "timberkv.toml:2: raft.tick: '20' is not a time such as \"100ms\" (us, ms, s, min, "
              "h)");
    EXPECT_EQ(why("[raft]\ntick = \"1us\"\n"),
              "timberkv.toml:2: raft.tick: 1us is not between 1ms and 10s");
    EXPECT_EQ(why("[raft]\nelection_ticks = \"10\"\n"),
              "timberkv.toml:2: raft.election_ticks: must be a whole number, without quotes");
    EXPECT_EQ(why("[raft]\nlease_reads = \"yes\"\n"),
              "timberkv.toml:2: raft.lease_reads: must be true or false, without quotes");
    EXPECT_EQ(why("[storage]\nio = \"uring\"\n"),
              "timberkv.toml:2: storage.io: 'uring' is none of auto, io_uring, threads");
    EXPECT_EQ(why("[cluster]\nmembers = [\"127.0.0.1:1\"]\n").substr(0, 33),
              "timberkv.toml:2: cluster.members:");
    EXPECT_EQ(why("[raft\n").substr(0, 16), "timberkv.toml:1:");
}

TEST(Config, FlagsSayTheSame) {
    Config config;
    ASSERT_TRUE(set_from_flag(config, "raft.tick", "50ms").ok());
    EXPECT_EQ(config.store.tick, std::chrono::milliseconds(50));
    ASSERT_TRUE(set_from_flag(config, "cluster.members", "1=h:1,2=h:2").ok());
    EXPECT_EQ(config.members.size(), 2u);
    EXPECT_EQ(set_from_flag(config, "raft.tick", "x").error().detail.substr(0, 12), "--raft.tick:");
    EXPECT_FALSE(set_from_flag(config, "server.tick", "50ms").ok());
}

// A file that --print-config wrote sets every setting to what it was.
TEST(Config, PrintedFileReadsBack) {
    Config config;
    ASSERT_TRUE(set_from_flag(config, "cluster.members", "1=h:1,2=h:2").ok());
    ASSERT_TRUE(set_from_flag(config, "server.data_directory", "a \"b\" \\c\x01\n").ok());
    ASSERT_TRUE(set_from_flag(config, "storage.io", "threads").ok());
    const std::string printed = print_toml(config);
    Config read;
    const Status set = set_from_toml(read, printed, "f");
    ASSERT_TRUE(set.ok()) << set.error().detail;
    EXPECT_EQ(print_toml(read), printed);
    for (const Setting& setting : settings())
        EXPECT_EQ(setting.print(read), setting.print(config)) << setting.name;
}

// Every setting takes what it prints, refuses nonsense unless it is free text, and is told about.
TEST(Config, EverySettingIsWhole) {
    for (const Setting& setting : settings()) {
        Config config;
        const std::string printed = setting.print(config);
        EXPECT_TRUE(setting.parse(config, printed).ok()) << setting.name << ": " << printed;
        EXPECT_GT(setting.help.size(), 15u) << setting.name;
        const bool free_text = setting.name == "server.data_directory";
        EXPECT_EQ(setting.parse(config, "\x01?").ok(), free_text) << setting.name;
    }
}

std::string invalid(std::initializer_list<std::pair<const char*, const char*>> flags) {
    Config config;
    for (const auto& [name, value] : flags) {
        const Status set = set_from_flag(config, name, value);
        EXPECT_TRUE(set.ok()) << name;
    }
    const Status valid = validate(config);
    return valid.ok() ? "valid" : valid.error().detail;
}

TEST(Config, ListeningBeyondLoopbackMustBeAskedFor) {
    EXPECT_EQ(invalid({}), "valid");
    EXPECT_NE(invalid({{"server.client_listen", "0.0.0.0:1"}}), "valid");
    EXPECT_NE(invalid({{"server.peer_listen", "[::]:1"}}), "valid");
    EXPECT_NE(invalid({{"server.peer_listen", "127.evil.example:1"}}), "valid");
    EXPECT_EQ(invalid({{"server.client_listen", "[::1]:1"}}), "valid");
    EXPECT_EQ(invalid({{"server.client_listen", "0.0.0.0:1"}, {"server.insecure_listen", "true"}}),
              "valid");
}

TEST(Config, RelationsAreChecked) {
    EXPECT_NE(invalid({{"raft.heartbeat_ticks", "5"}}), "valid");
    EXPECT_NE(invalid({{"cluster.members", "1=h:1,1=h:2"}}), "valid");
    EXPECT_NE(invalid({{"cluster.members", "1=h:1,2=h:1"}}), "valid");
    EXPECT_NE(invalid({{"cluster.members", "1=h:1,2=h:2"}, {"cluster.store", "3"}}), "valid");
    EXPECT_EQ(invalid({{"cluster.members", "1=h:1,2=h:2"}, {"cluster.store", "2"}}), "valid");
    EXPECT_NE(invalid({{"storage.log_segment_bytes", "65537B"}}), "valid");
}

TEST(Units, SizesAndTimes) {
    EXPECT_EQ(*parse_bytes("64MiB"), 64_MiB);
    EXPECT_EQ(*parse_bytes("0"), 0u);
    EXPECT_EQ(*parse_bytes("5B"), 5u);
    for (const char* wrong : {"", "64", "MiB", "64MB", "64 MiB", "-1B", "99999999TiB", "1.5GiB"})
        EXPECT_FALSE(parse_bytes(wrong).ok()) << wrong;
    EXPECT_EQ(*parse_duration("2min"), std::chrono::minutes(2));
    EXPECT_EQ(*parse_duration("100ms"), std::chrono::milliseconds(100));
    for (const char* wrong : {"", "5", "s", "5 s", "5m", "99999999999h"})
        EXPECT_FALSE(parse_duration(wrong).ok()) << wrong;
    for (const uint64_t bytes : {uint64_t{1}, uint64_t{1023}, uint64_t{1024}, uint64_t{3} << 40})
        EXPECT_EQ(*parse_bytes(print_bytes(bytes)), bytes);
}

TEST(Units, Addresses) {
    EXPECT_EQ(parse_address("127.0.0.1:20160")->port, 20160);
    EXPECT_EQ(parse_address("[::1]:5")->host, "::1");
    EXPECT_EQ(parse_address("db1:5")->host, "db1");
    EXPECT_FALSE(parse_address(std::string(254, 'h') + ":5").ok());
    for (const char* wrong : {"", "h", "h:", ":1", "h:65536", "::1:5", "[]:1", "a b:1", "h:-1"})
        EXPECT_FALSE(parse_address(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace timber::server
