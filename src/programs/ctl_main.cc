// timberkv-ctl: talks to a cluster from the command line.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>

#include "src/programs/ctl.h"
#include "src/programs/ctl_text.h"
#include "src/server/units.h"
#include "src/server/version.h"

namespace timber::programs {

int report(const client::Answer& answer) {
    const bool unknown = answer.outcome == client::Outcome::kUnknown;
    std::fprintf(stderr, "timberkv-ctl: %s: %s\n",
                 unknown ? "it is not known whether this was done, or will be" : "not done",
                 escape(answer.error).c_str());
    return unknown ? kCtlUnknown : kCtlFailed;
}

int usage_error(const std::string& what) {
    std::fprintf(stderr, "timberkv-ctl: %s; --help tells more\n", what.c_str());
    return kCtlUsage;
}

namespace {

constexpr const char* kHelp = R"(timberkv-ctl: talks to a TimberKV cluster

  timberkv-ctl [FLAGS] COMMAND ...

Commands on keys. In keys and values \n, \t, \r, \\ and \xNN stand for bytes, and bytes that are
not printable are shown so.
  get KEY                 prints the value
  put KEY VALUE
  delete KEY
  scan [START]            pairs from START on, in the order of keys
  load [FILE]             puts a pair for each line, KEY <tab> VALUE (of FILE or standard input)

Commands on the cluster.
  status                  every server and every Region's replicas
  transfer-leader STORE   lets that store lead
  member add STORE ADDRESS
                          adds a server, formatted with --join and running, by the address of its
                          peer listener: a learner first, a voter once it has caught up
  member promote STORE    makes a learner a voter
  member remove STORE
  member replace OLD_STORE NEW_STORE ADDRESS
                          adds the new one, then removes the old one: for a server whose disk is
                          lost
  format [--join] ...     makes a new Store in a data directory; no server may run on it.
                          format --help tells more

Flags.
  --endpoints A,B,...     client listeners of some of the servers (127.0.0.1:20160)
  --cf NAME               column family: default, lock or write
  --timeout TIME          for each request (10s)
  --output table|json|raw how to print pairs and status; get --output raw prints the value alone
  --limit N               pairs of a scan (100)
  --in-flight N           load: how many puts at once (256)
  --escaped               load: lines are escaped, as scan --output raw prints them
  --retry-unknown         send writes again whose outcome is not known
  --learner               member add: do not promote
  --quiet

It finds the leader by itself. Exit codes: 0 done; 1 surely not done; 2 the command line makes no
sense; 3 it is not known whether it was done; 4 get: there is no such key.
)";

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    size_t from = 0;
    while (from <= text.size()) {
        const size_t comma = std::min(text.find(',', from), text.size());
        if (comma > from) parts.push_back(text.substr(from, comma - from));
        from = comma + 1;
    }
    return parts;
}

// Sets what a flag with a value says; the empty text if that was right.
std::string set_flag(CtlArguments& arguments, const std::string& name, const std::string& value) {
    const auto number = [&](uint32_t& to) -> std::string {
        const auto parsed = server::parse_number(value);
        if (!parsed || *parsed == 0 || *parsed > INT32_MAX) return "'" + value + "' is no number";
        to = static_cast<uint32_t>(*parsed);
        return {};
    };
    if (name == "endpoints") {
        arguments.client.endpoints = split(value);
        for (const std::string& endpoint : arguments.client.endpoints)
            if (auto parsed = server::parse_address(endpoint); !parsed)
                return parsed.error().detail;
        return arguments.client.endpoints.empty() ? "--endpoints is empty" : "";
    }
    if (name == "cf") {
        arguments.client.column_family = value;
        return {};
    }
    if (name == "timeout") {
        const auto parsed = server::parse_duration(value);
        if (!parsed) return parsed.error().detail;
        arguments.client.time_limit = *parsed;
        return {};
    }
    if (name == "output") {
        static const std::map<std::string, OutputFormat> kFormats{{"table", OutputFormat::kTable},
                                                                  {"json", OutputFormat::kJson},
                                                                  {"raw", OutputFormat::kRaw}};
        const auto found = kFormats.find(value);
        if (found == kFormats.end()) return "--output is table, json or raw";
        arguments.output = found->second;
        return {};
    }
    if (name == "limit") return number(arguments.limit);
    if (name == "in-flight") return number(arguments.in_flight);
    return "there is no flag --" + name;
}

bool set_switch(CtlArguments& arguments, std::string_view name) {
    if (name == "escaped") return arguments.escaped = true;
    if (name == "quiet") return arguments.quiet = true;
    if (name == "learner") return arguments.learner = true;
    if (name == "retry-unknown") return arguments.client.retry_unknown = true;
    return false;
}

// What is wrong; empty if nothing is.
std::string parse(CtlArguments& arguments, int argc, char** argv) {
    bool only_words = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (only_words || !argument.starts_with("--")) {
            arguments.words.emplace_back(argument);
            continue;
        }
        const std::string name(argument.substr(2, argument.find('=') - 2));
        if (name.empty()) {  // "--": what follows is no flag
            only_words = true;
            continue;
        }
        if (set_switch(arguments, name)) continue;
        std::string value;
        if (argument.find('=') != std::string_view::npos)
            value = argument.substr(argument.find('=') + 1);
        else if (i + 1 < argc)
            value = argv[++i];
        else
            return "--" + name + " needs a value";
        if (auto wrong = set_flag(arguments, name, value); !wrong.empty()) return wrong;
    }
    return {};
}

using Command = int (*)(client::Client&, const CtlArguments&);
const std::map<std::string, Command> kCommands{
    {"get", &get},       {"put", &put},
    {"delete", &remove}, {"scan", &scan},
    {"load", &load},     {"status", &status},
    {"member", &member}, {"transfer-leader", &transfer_leader}};

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        // Its flags are the server's.
        if (std::strcmp(argv[i], "format") == 0) return format(argc - i - 1, argv + i + 1);
        if (std::strcmp(argv[i], "--help") == 0) return std::fputs(kHelp, stdout), kCtlDone;
        if (std::strcmp(argv[i], "--version") == 0)
            return std::printf("timberkv-ctl %s\n", server::kVersion), kCtlDone;
        if (argv[i][0] != '-') break;
    }
    CtlArguments arguments;
    arguments.client.endpoints = {"127.0.0.1:20160"};
    if (const std::string wrong = parse(arguments, argc, argv); !wrong.empty())
        return usage_error(wrong);
    if (arguments.words.empty()) return usage_error("which command?");
    const auto command = kCommands.find(arguments.words[0]);
    if (command == kCommands.end())
        return usage_error("there is no command '" + arguments.words[0] + "'");
    auto client = client::Client::connect(arguments.client);
    if (!client) return usage_error(client.error().detail);
    return command->second(**client, arguments);
}

}  // namespace

}  // namespace timber::programs

int main(int argc, char** argv) { return timber::programs::main(argc, argv); }
