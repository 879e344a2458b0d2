// The table of settings.
#include <algorithm>
#include <array>

#include "src/server/config.h"

namespace timber::server {

namespace {

using Kind = Setting::Kind;

template <typename Access>
Setting text(std::string_view name, Access access, std::string_view help) {
    return {name, Kind::kText, help,
            [access](Config& config, std::string_view value) -> Status {
                access(config) = std::string(value);
                return {};
            },
            [access](const Config& config) { return access(const_cast<Config&>(config)); }};
}

template <typename Access>
Setting address(std::string_view name, bool may_be_empty, Access access, std::string_view help) {
    Setting setting = text(name, access, help);
    setting.parse = [access, may_be_empty](Config& config, std::string_view value) -> Status {
        if (!value.empty() || !may_be_empty)
            TIMBER_CHECK(parse_address(value).ok() ? Status() : parse_address(value).error());
        access(config) = std::string(value);
        return {};
    };
    return setting;
}

Status in_range(uint64_t value, uint64_t low, uint64_t high, std::string (*print)(uint64_t)) {
    if (value >= low && value <= high) return {};
    return make_error(ErrorCode::kInvalidArgument,
                      print(value) + " is not between " + print(low) + " and " + print(high));
}

template <typename Access>
Setting number(std::string_view name, uint64_t low, uint64_t high, Access access,
               std::string_view help) {
    return {
        name, Kind::kNumber, help,
        [=](Config& config, std::string_view value) -> Status {
            TIMBER_TRY(const uint64_t parsed, parse_number(value));
            TIMBER_CHECK(in_range(parsed, low, high, [](uint64_t n) { return std::to_string(n); }));
            auto& field = access(config);
            field = static_cast<std::remove_reference_t<decltype(field)>>(parsed);
            return {};
        },
        [access](const Config& config) {
            return std::to_string(access(const_cast<Config&>(config)));
        }};
}

template <typename Access>
Setting bytes(std::string_view name, uint64_t low, uint64_t high, Access access,
              std::string_view help) {
    return {name, Kind::kBytes, help,
            [=](Config& config, std::string_view value) -> Status {
                TIMBER_TRY(const uint64_t parsed, parse_bytes(value));
                TIMBER_CHECK(in_range(parsed, low, high, &print_bytes));
                access(config) = parsed;
                return {};
            },
            [access](const Config& config) {
                return print_bytes(access(const_cast<Config&>(config)));
            }};
}

template <typename Access>
Setting duration(std::string_view name, Duration low, Duration high, Access access,
                 std::string_view help) {
    return {name, Kind::kDuration, help,
            [=](Config& config, std::string_view value) -> Status {
                TIMBER_TRY(const Duration parsed, parse_duration(value));
                TIMBER_CHECK(in_range(
                    static_cast<uint64_t>(parsed.count()), static_cast<uint64_t>(low.count()),
                    static_cast<uint64_t>(high.count()),
                    [](uint64_t n) { return print_duration(Duration(static_cast<int64_t>(n))); }));
                access(config) = parsed;
                return {};
            },
            [access](const Config& config) {
                return print_duration(access(const_cast<Config&>(config)));
            }};
}

template <typename Access>
Setting flag(std::string_view name, Access access, std::string_view help) {
    return {name, Kind::kFlag, help,
            [access](Config& config, std::string_view value) -> Status {
                TIMBER_TRY(access(config), parse_flag(value));
                return {};
            },
            [access](const Config& config) {
                return std::string(access(const_cast<Config&>(config)) ? "true" : "false");
            }};
}

// A setting that is one of a few words.
template <size_t kCount>
Setting choice(std::string_view name, std::array<std::string_view, kCount> words,
               std::function<void(Config&, size_t)> set, std::function<size_t(const Config&)> get,
               std::string_view help) {
    return {name, Kind::kChoice, help,
            [=](Config& config, std::string_view value) -> Status {
                std::string all;
                for (size_t i = 0; i < kCount; ++i) {
                    if (value == words[i]) {
                        set(config, i);
                        return {};
                    }
                    all += (i == 0 ? "" : ", ") + std::string(words[i]);
                }
                return make_error(ErrorCode::kInvalidArgument,
                                  "'" + std::string(value) + "' is none of " + all);
            },
            [=](const Config& config) { return std::string(words[get(config)]); }};
}

Setting member_list() {
    return {
        "cluster.members", Kind::kList,
        "Used when the Store is formatted, and never again: the members that the cluster begins "
        "with, each as STORE=HOST:PORT with the address of its peer listener. The same on every "
        "server. Empty: a cluster of one.",
        [](Config& config, std::string_view value) -> Status {
            std::vector<std::string> members;
            while (!value.empty()) {
                const size_t comma = std::min(value.find(','), value.size());
                const std::string_view member = value.substr(0, comma);
                if (auto parsed = parse_member(member); !parsed) return parsed.error();
                members.emplace_back(member);
                value.remove_prefix(std::min(comma + 1, value.size()));
            }
            config.members = std::move(members);
            return {};
        },
        [](const Config& config) {
            std::string all;
            for (const std::string& member : config.members)
                all += (all.empty() ? "" : ",") + member;
            return all;
        }};
}

constexpr std::array<std::string_view, 4> kLogLevels{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 3> kIoChoices{"auto", "io_uring", "threads"};

#define FIELD(path) [](Config& c) -> auto& { return c.path; }

using namespace std::chrono_literals;

void add_server_settings(std::vector<Setting>& all) {
    all.push_back(text("server.data_directory", FIELD(data_directory),
                       "Where this server keeps everything. Made when the Store is formatted."));
    all.push_back(address("server.client_listen", false, FIELD(client_listen),
                          "Where clients and timberkv-ctl connect. Port 0: the kernel chooses."));
    all.push_back(address("server.peer_listen", false, FIELD(peer_listen),
                          "Where the other servers of the cluster connect, and nobody else."));
    all.push_back(address("server.client_address", true, FIELD(client_address),
                          "How clients reach client_listen, if not by the same text."));
    all.push_back(address("server.peer_address", true, FIELD(peer_address),
                          "How the other servers reach peer_listen, if not by the same text."));
    all.push_back(flag("server.insecure_listen", FIELD(insecure_listen),
                       "Listeners may be reached from other machines, without encryption and "
                       "without passwords. Only in a network that you trust."));
    all.push_back(number("server.client_threads", 1, 64, FIELD(client_threads),
                         "Threads that receive and decode clients' requests."));
    all.push_back(number("server.calls_max", 1, 1'000'000, FIELD(calls_max),
                         "Requests that are being worked on. One more is answered busy."));
    all.push_back(bytes("server.call_bytes_max", 32_MiB, 64_GiB, FIELD(call_bytes_max),
                        "Memory for requests under way, and as much again for answers that "
                        "their clients do not take; twice as much at the very most."));
    all.push_back(number("server.connections_max", 8, 1'000'000, FIELD(connections_max),
                         "Connections of clients. One more is closed at once."));
    all.push_back(duration("server.shutdown_limit", 0s, 1h, FIELD(shutdown_limit),
                           "On SIGTERM: how long leadership is being handed over, and how long "
                           "requests under way are waited for."));
    all.push_back(choice<4>(
        "server.log_level", kLogLevels,
        [](Config& c, size_t i) { c.log_level = std::string(kLogLevels[i]); },
        [](const Config& c) {
            return static_cast<size_t>(std::ranges::find(kLogLevels, c.log_level) -
                                       kLogLevels.begin());
        },
        "debug, info, warning or error."));
}

void add_cluster_settings(std::vector<Setting>& all) {
    all.push_back(
        number("cluster.id", 0, UINT64_MAX, FIELD(cluster_id),
               "The cluster's number, the same on every server: any that no other cluster "
               "in your network has. 0: drawn at random when formatting a cluster of one; "
               "afterwards, whatever the data directory says."));
    all.push_back(number("cluster.store", 0, UINT64_MAX, FIELD(store_id),
                         "This server's number in the cluster, from 1. 0: 1 when formatting a "
                         "cluster of one; afterwards, whatever the data directory says."));
    all.push_back(member_list());
}

void add_raft_settings(std::vector<Setting>& all) {
    all.push_back(duration("raft.tick", 1ms, 10s, FIELD(store.tick),
                           "The unit of elections and heartbeats."));
    all.push_back(number("raft.election_ticks", 2, 1000, FIELD(store.election_ticks),
                         "A follower that hears nothing for this long, to twice as long, asks for "
                         "votes."));
    all.push_back(number("raft.heartbeat_ticks", 1, 1000, FIELD(store.heartbeat_ticks),
                         "How often a leader speaks; less than half of election_ticks."));
    all.push_back(flag("raft.lease_reads", FIELD(store.lease_reads),
                       "Reads that ask nobody while the leader's lease holds. Needs clocks whose "
                       "drift stays within clock_drift_per_mille_max."));
    all.push_back(number("raft.clock_drift_per_mille_max", 0, 500,
                         FIELD(store.clock_drift_per_mille_max),
                         "The most that any server's clock runs faster or slower than true time."));
    all.push_back(bytes("raft.uncommitted_bytes_max", 1_MiB, 4_GiB,
                        FIELD(store.uncommitted_bytes_max),
                        "Proposed and not committed yet, of a Region. More is answered busy."));
    all.push_back(duration("raft.log_gc_interval", 1ms, 24h, FIELD(store.log_gc_interval),
                           "How often the leader looks whether the log can be cut."));
    all.push_back(number("raft.log_gc_entries", 1, UINT32_MAX, FIELD(store.log_gc_entries),
                         "The log is cut once so many entries can go,"));
    all.push_back(bytes("raft.log_gc_bytes", 1_KiB, 1024_GiB, FIELD(store.log_gc_bytes),
                        "or so many bytes."));
    all.push_back(number("raft.log_gc_lag_entries_max", 1, UINT32_MAX,
                         FIELD(store.log_gc_lag_entries_max),
                         "A member that lags by more entries does not keep the log; it will get a "
                         "snapshot."));
    all.push_back(bytes("raft.log_gc_lag_bytes_max", 1_KiB, 1024_GiB,
                        FIELD(store.log_gc_lag_bytes_max), "The same in bytes."));
    all.push_back(bytes("raft.snapshot_bytes_per_second", 64_KiB, 1024_GiB,
                        FIELD(store.snapshot_bytes_per_second),
                        "How fast a snapshot is sent, at most."));
    all.push_back(bytes("raft.peer_queue_bytes_max", 1_MiB, 4_GiB, FIELD(peer_queue_bytes_max),
                        "Messages that wait for one other server. More are dropped, and sent again "
                        "by Raft."));
}

void add_limit_settings(std::vector<Setting>& all) {
    all.push_back(bytes("limits.key_bytes_max", 16, 64_KiB, FIELD(store.key_bytes_max),
                        "A longer key is refused."));
    all.push_back(bytes("limits.value_bytes_max", 1_KiB, 32_MiB, FIELD(store.value_bytes_max),
                        "A longer value is refused."));
    all.push_back(
        bytes("limits.scan_bytes_max", 1_KiB, 64_MiB, FIELD(store.scan_bytes_max),
              "A scan's answer is cut off, and says so, where it would be longer. A client "
              "must be able to receive it: gRPC's own default is 4MiB."));
    all.push_back(number("limits.scan_limit_max", 1, 10'000'000, FIELD(store.scan_limit_max),
                         "A scan that asks for more pairs is refused."));
    all.push_back(number("limits.commands_queued_max", 16, 10'000'000,
                         FIELD(store.commands_queued_max),
                         "Requests that wait for the Store's thread. One more is answered busy."));
}

void add_storage_settings(std::vector<Setting>& all) {
    all.push_back(choice<3>(
        "storage.io", kIoChoices, [](Config& c, size_t i) { c.io = static_cast<IoChoice>(i); },
        [](const Config& c) { return static_cast<size_t>(c.io); },
        "io_uring, threads, or auto: io_uring where the kernel allows it."));
    all.push_back(number("storage.job_threads", 1, 64, FIELD(job_threads),
                         "Threads for flushes, compactions, snapshots and reads from disk."));
    all.push_back(bytes("storage.block_cache_bytes", 1_MiB, 1024_GiB,
                        FIELD(store.engine.state.block_cache_bytes), "Cache of table blocks."));
    all.push_back(bytes("storage.memory_table_bytes", 1_MiB, 4_GiB,
                        FIELD(store.engine.state.memory_table_bytes),
                        "A memory table is flushed once it holds this much."));
    all.push_back(bytes("storage.entry_cache_bytes", 1_MiB, 64_GiB,
                        FIELD(store.engine.entry_cache_bytes),
                        "Recent log entries kept in memory."));
    all.push_back(bytes("storage.log_bytes_max", 64_MiB, 1024_GiB,
                        FIELD(store.engine.log_bytes_max),
                        "The log is kept below this, by flushing and by cutting it."));
    all.push_back(bytes("storage.log_segment_bytes", 64_KiB, 1_GiB,
                        FIELD(store.engine.log.segment_bytes),
                        "Of a new Store: the size of a log file, a multiple of 4KiB."));
    all.push_back(bytes("storage.background_bytes_per_second", 0, 1024_GiB,
                        FIELD(store.engine.state.background_bytes_per_second),
                        "How fast flushes and compactions go, at most. 0: no limit."));
}
#undef FIELD

std::vector<Setting> make_settings() {
    std::vector<Setting> all;
    add_server_settings(all);
    add_cluster_settings(all);
    add_raft_settings(all);
    add_limit_settings(all);
    add_storage_settings(all);
    return all;
}

}  // namespace

std::span<const Setting> settings() {
    static const std::vector<Setting> all = make_settings();
    return all;
}

const Setting* find_setting(std::string_view name) {
    const auto all = settings();
    const auto found = std::ranges::find(all, name, &Setting::name);
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string_view> setting_sections() {
    std::vector<std::string_view> sections;
    for (const Setting& setting : settings()) {
        const std::string_view section = setting.name.substr(0, setting.name.find('.'));
        if (sections.empty() || sections.back() != section) sections.push_back(section);
    }
    return sections;
}

}  // namespace timber::server
