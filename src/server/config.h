#pragma once
// What a server is told: the settings with their defaults, and the one table of them, from which
// come the configuration file, the flags, --print-config and --help.
//
// Thread:   plain values and functions.
// Failure:  an unknown or wrong key is an Error with file, line and key, and what would be right.
//           validate() checks what no single key can: relations, and what may be reached from
//           outside.
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/raftstore/store.h"
#include "src/server/units.h"

namespace timber::server {

enum class IoChoice : uint8_t { kAutomatic, kUring, kThreads };

struct Config {
    // gRPC's clients take messages of 4 MiB unless told otherwise.
    Config() { store.scan_bytes_max = 3_MiB; }

    // [server]
    std::string data_directory = "./timberkv-data";
    std::string client_listen = "127.0.0.1:20160";
    std::string peer_listen = "127.0.0.1:20170";
    std::string client_address{};  // empty: the listener's
    std::string peer_address{};
    bool insecure_listen = false;
    uint64_t client_threads = 1;
    uint64_t calls_max = 16384;
    uint64_t call_bytes_max = 256_MiB;
    uint64_t connections_max = 1000;
    Duration shutdown_limit = std::chrono::seconds(10);
    std::string log_level = "info";

    // [cluster]
    uint64_t cluster_id = 0;
    uint64_t store_id = 0;
    std::vector<std::string> members{};  // "STORE=HOST:PORT"

    // [storage]
    IoChoice io = IoChoice::kAutomatic;
    uint64_t job_threads = 2;
    uint64_t peer_queue_bytes_max = 64_MiB;

    // The rest goes to the Store as it is.
    raftstore::StoreOptions store{};
};

// One setting. `parse` takes what stands in a file or behind a flag, `print` gives it back.
struct Setting {
    enum class Kind : uint8_t { kText, kNumber, kBytes, kDuration, kFlag, kChoice, kList };

    std::string_view name;  // "section.key"
    Kind kind;
    std::string_view help;  // one or more sentences
    std::function<Status(Config&, std::string_view)> parse;
    std::function<std::string(const Config&)> print;
};

std::span<const Setting> settings();
const Setting* find_setting(std::string_view name);
// The names of sections, in the order of the file.
std::vector<std::string_view> setting_sections();

// `section.key` as a flag says it.
Status set_from_flag(Config& config, std::string_view name, std::string_view value);
// A whole file. `path` is for errors.
Status set_from_toml(Config& config, std::string_view text, const std::string& path);
// A file that sets everything as it is in `config`, with comments.
std::string print_toml(const Config& config);
Status validate(const Config& config);

struct MemberAddress {
    uint64_t store = 0;
    std::string address{};
};
// "1=127.0.0.1:20170".
Result<MemberAddress> parse_member(std::string_view text);

}  // namespace timber::server
