// status, transfer-leader, member and format.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <thread>

#include <timberkv/admin.pb.h>
#include "src/base/io/log.h"
#include "src/platform/system_clock.h"
#include "src/programs/config_arguments.h"
#include "src/programs/ctl.h"
#include "src/programs/ctl_text.h"
#include "src/server/process.h"

namespace timber::programs {

namespace {

using client::Answer;
using client::Client;
using timberkv::ChangeMemberRequest;
using timberkv::StatusResponse;

constexpr const char* kStatus = "/timberkv.Admin/Status";
constexpr const char* kTransferLeader = "/timberkv.Admin/TransferLeader";
constexpr const char* kChangeMember = "/timberkv.Admin/ChangeMember";
// How far behind the leader a learner may be when it is made a voter.
constexpr uint64_t kCaughtUpEntries = 1000;
constexpr Duration kCatchUpLimit = std::chrono::minutes(30);

struct ServerAnswer {
    std::string endpoint{};
    std::string error{};
    StatusResponse status{};
};

// Asks every server: those of the command line, and those that they know.
std::vector<ServerAnswer> ask_all(Client& client) {
    std::vector<ServerAnswer> answers;
    std::vector<std::string> endpoints = client.endpoints();
    std::set<uint64_t> seen;
    for (size_t i = 0; i < endpoints.size(); ++i) {
        ServerAnswer server{.endpoint = endpoints[i]};
        const Answer answer = Client::wait([&](Client::Done done) {
            client.admin(server.endpoint, kStatus, {}, std::move(done));
        });
        if (!answer.value || !server.status.ParseFromString(*answer.value)) {
            server.error = answer.error.empty() ? "no answer" : answer.error;
        } else {
            if (!seen.insert(server.status.store_id()).second) continue;
            for (const auto& other : server.status.stores())
                if (!other.client_address().empty() &&
                    std::ranges::find(endpoints, other.client_address()) == endpoints.end())
                    endpoints.push_back(other.client_address());
        }
        answers.push_back(std::move(server));
    }
    return answers;
}

std::string number(uint64_t value) { return std::to_string(value); }

void print_json(const std::vector<ServerAnswer>& servers) {
    for (const ServerAnswer& server : servers) {
        std::printf("{\"endpoint\": %s", json_string(server.endpoint).c_str());
        if (!server.error.empty()) {
            std::printf(", \"error\": %s}\n", json_string(escape(server.error)).c_str());
            continue;
        }
        const StatusResponse& status = server.status;
        std::printf(", \"cluster\": %s, \"store\": %s, \"version\": %s, \"peer_address\": %s",
                    number(status.cluster_id()).c_str(), number(status.store_id()).c_str(),
                    json_string(status.version()).c_str(),
                    json_string(status.peer_address()).c_str());
        std::printf(", \"regions\": [");
        const char* comma = "";
        for (const auto& region : status.regions()) {
            std::printf(
                "%s{\"region\": %s, \"state\": %s, \"role\": %s, \"leader_store\": %s, "
                "\"term\": %s, \"commit\": %s, \"applied\": %s, \"last\": %s, "
                "\"conf_ver\": %s}",
                comma, number(region.region_id()).c_str(), json_string(region.state()).c_str(),
                json_string(region.role()).c_str(), number(region.leader().store_id()).c_str(),
                number(region.term()).c_str(), number(region.commit_index()).c_str(),
                number(region.applied_index()).c_str(), number(region.last_index()).c_str(),
                number(region.conf_ver()).c_str());
            comma = ", ";
        }
        std::printf("], \"counters\": {");
        comma = "";
        for (const auto& counter : status.counters()) {
            std::printf("%s%s: %s", comma, json_string(counter.name()).c_str(),
                        number(counter.value()).c_str());
            comma = ", ";
        }
        std::printf("}}\n");
    }
}

void print_tables(const std::vector<ServerAnswer>& servers) {
    std::vector<std::vector<std::string>> rows{{"STORE", "CLIENTS", "SERVERS", "CLUSTER", "STATE"}};
    std::vector<std::vector<std::string>> regions{
        {"REGION", "STORE", "ROLE", "LEADER", "TERM", "COMMIT", "APPLIED", "LAST", "STATE"}};
    std::vector<std::vector<std::string>> members{
        {"REGION", "MEMBER", "PEER", "KIND", "MATCH", "PROGRESS", "ADDRESS"}};
    for (const ServerAnswer& server : servers) {
        const StatusResponse& status = server.status;
        if (!server.error.empty()) {
            rows.push_back({"?", server.endpoint, "?", "?", server.error});
            continue;
        }
        rows.push_back({number(status.store_id()), server.endpoint, status.peer_address(),
                        number(status.cluster_id()), "up, version " + status.version()});
        for (const auto& region : status.regions()) {
            regions.push_back({number(region.region_id()), number(status.store_id()), region.role(),
                               region.has_leader() ? number(region.leader().store_id()) : "none",
                               number(region.term()), number(region.commit_index()),
                               number(region.applied_index()), number(region.last_index()),
                               region.state()});
            if (region.role() != "leader") continue;
            for (const auto& member : region.members()) {
                std::vector<std::string> row{number(region.region_id()),
                                             number(member.store_id()),
                                             number(member.peer_id()),
                                             member.learner() ? "learner" : "voter",
                                             "?",
                                             "?",
                                             member.address()};
                for (const auto& progress : region.progress()) {
                    if (progress.peer_id() != member.peer_id()) continue;
                    row[4] = number(progress.match_index());
                    row[5] = progress.state() + (progress.recently_active() ? "" : ", silent");
                }
                // A leader keeps no progress of itself worth showing.
                if (member.store_id() == status.store_id()) row[5] = "leader";
                members.push_back(std::move(row));
            }
        }
    }
    std::printf("%s\n%s\n%s", table(rows).c_str(), table(regions).c_str(), table(members).c_str());
}

std::optional<uint64_t> store_of(const CtlArguments& arguments, size_t place) {
    if (place < arguments.words.size())
        if (auto store = server::parse_number(arguments.words[place]); store && *store > 0)
            return *store;
    return std::nullopt;
}

int change(Client& client, ChangeMemberRequest::Change kind, uint64_t store,
           const std::string& address = {}) {
    ChangeMemberRequest request;
    request.set_change(kind);
    request.set_store_id(store);
    request.set_address(address);
    const Answer answer = Client::wait([&](Client::Done done) {
        client.admin({}, kChangeMember, request.SerializeAsString(), std::move(done));
    });
    return answer.outcome == client::Outcome::kDone ? kCtlDone : report(answer);
}

// Waits until the leader says that `store` has nearly all of the log.
int wait_for_catch_up(Client& client, uint64_t store) {
    SystemClock clock;
    const Instant limit = clock.now() + kCatchUpLimit;
    while (clock.now() < limit) {
        for (const ServerAnswer& server : ask_all(client)) {
            for (const auto& region : server.status.regions()) {
                if (region.role() != "leader") continue;
                for (const auto& member : region.members())
                    for (const auto& progress : region.progress())
                        if (member.store_id() == store && progress.peer_id() == member.peer_id() &&
                            progress.match_index() + kCaughtUpEntries >= region.last_index() &&
                            progress.match_index() > 0)
                            return kCtlDone;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    std::fprintf(stderr, "timberkv-ctl: store %llu has not caught up; it stays a learner\n",
                 static_cast<unsigned long long>(store));
    return kCtlFailed;
}

int add_member(Client& client, const CtlArguments& arguments, uint64_t store,
               const std::string& address) {
    if (const int code = change(client, ChangeMemberRequest::ADD_LEARNER, store, address))
        return code;
    if (!arguments.quiet)
        std::printf("store %llu is a learner and receives the log\n",
                    static_cast<unsigned long long>(store));
    if (arguments.learner) return kCtlDone;
    if (const int code = wait_for_catch_up(client, store)) return code;
    if (const int code = change(client, ChangeMemberRequest::PROMOTE, store)) return code;
    if (!arguments.quiet)
        std::printf("store %llu is a voter\n", static_cast<unsigned long long>(store));
    return kCtlDone;
}

}  // namespace

int status(Client& client, const CtlArguments& arguments) {
    const std::vector<ServerAnswer> servers = ask_all(client);
    if (arguments.output == OutputFormat::kJson)
        print_json(servers);
    else
        print_tables(servers);
    const bool any = std::ranges::any_of(servers, [](const auto& s) { return s.error.empty(); });
    return any ? kCtlDone : kCtlFailed;
}

int transfer_leader(Client& client, const CtlArguments& arguments) {
    const auto store = store_of(arguments, 1);
    if (!store) return usage_error("transfer-leader needs the number of a store");
    timberkv::TransferLeaderRequest request;
    request.set_to_store_id(*store);
    const Answer answer = Client::wait([&](Client::Done done) {
        client.admin({}, kTransferLeader, request.SerializeAsString(), std::move(done));
    });
    return answer.outcome == client::Outcome::kDone ? kCtlDone : report(answer);
}

int member(Client& client, const CtlArguments& arguments) {
    const auto& words = arguments.words;
    const std::string what = words.size() > 1 ? words[1] : "";
    const auto store = store_of(arguments, 2);
    if (what == "add" && store && words.size() == 4)
        return add_member(client, arguments, *store, words[3]);
    if (what == "promote" && store && words.size() == 3)
        return change(client, ChangeMemberRequest::PROMOTE, *store);
    if (what == "remove" && store && words.size() == 3)
        return change(client, ChangeMemberRequest::REMOVE, *store);
    const auto new_store = store_of(arguments, 3);
    if (what == "replace" && store && new_store && words.size() == 5) {
        // The new one first: the cluster never has fewer voters than before.
        if (const int code = add_member(client, arguments, *new_store, words[4])) return code;
        return change(client, ChangeMemberRequest::REMOVE, *store);
    }
    return usage_error(
        "member add STORE ADDRESS | member promote STORE | member remove STORE | "
        "member replace OLD_STORE NEW_STORE ADDRESS");
}

int format(int argc, char** argv) {
    constexpr std::array<std::string_view, 2> kSwitches{"join", "help"};
    const auto parsed = parse_config_arguments({argv, argv + argc}, kSwitches);
    if (!parsed) return usage_error(parsed.error().detail);
    const auto& words = parsed->words;
    if (std::ranges::find(words, "help") != words.end()) {
        std::printf(
            "timberkv-ctl format [--join] FLAGS: makes a new Store, once, while no server\n"
            "runs on it. With the configuration that its server will have:\n%s",
            config_help().c_str());
        return kCtlDone;
    }
    set_log_level(LogLevel::kWarning);
    const auto kind = std::ranges::find(words, "join") != words.end() ? server::FormatKind::kJoin
                                                                      : server::FormatKind::kFound;
    auto platform = server::make_platform(parsed->config);
    if (!platform) return report({client::Outcome::kNotDone, platform.error().to_string()});
    const auto formatted = server::format_store(parsed->config, kind, **platform);
    if (!formatted) {
        std::fprintf(stderr, "timberkv-ctl: %s\n", formatted.error().to_string().c_str());
        return formatted.error().code == ErrorCode::kInvalidArgument ? kCtlUsage : kCtlFailed;
    }
    std::printf("formatted %s: cluster %llu, store %llu, %zu member%s\n",
                parsed->config.data_directory.c_str(),
                static_cast<unsigned long long>(formatted->identity.cluster.value()),
                static_cast<unsigned long long>(formatted->identity.store.value()),
                formatted->members.size(), formatted->members.size() == 1 ? "" : "s");
    return kCtlDone;
}

}  // namespace timber::programs
