// timberkv-server: one server of a cluster.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "src/base/io/log.h"
#include "src/programs/config_arguments.h"
#include "src/server/process.h"
#include "src/server/version.h"

namespace timber::programs {

namespace {

enum ExitCode { kFine = 0, kFailed = 1, kUsage = 2 };

constexpr std::array<std::string_view, 5> kSwitches{"help", "help-settings", "version",
                                                    "check-config", "print-config"};

void print_help() {
    std::printf(
        "timberkv-server: a replicated key-value storage server, TimberKV %s\n\n"
        "Without arguments: a cluster of one, for clients on 127.0.0.1:20160, with its data in\n"
        "./timberkv-data. For a cluster of several, form each server's Store first, once, with\n"
        "timberkv-ctl format. SIGTERM hands leadership over, finishes what was accepted, and "
        "ends.\n\n"
        "  --check-config       say whether the configuration is right, and end\n"
        "  --print-config       print the whole configuration as a commented file, and end\n"
        "%s"
        "  --help-settings      all settings with their defaults\n"
        "  --version, --help\n",
        server::kVersion, config_help().c_str());
}

LogLevel level_of(const std::string& name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warning") return LogLevel::kWarning;
    if (name == "error") return LogLevel::kError;
    return LogLevel::kInfo;
}

// As many descriptors as the process may have: how many it begins with is often a thousand, for
// programs that use select().
void take_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log_warning("cannot have more descriptors");
}

sigset_t ending_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

// Nothing is acknowledged any more, and only a restart helps. Without the destructors: they would
// wait for what will never be done.
[[noreturn]] void end_in_failure(const Error& error) {
    log_error("the server ends: {}", error.to_string());
    std::fflush(nullptr);
    std::_Exit(kFailed);
}

int serve(const server::Config& config) {
    set_log_level(level_of(config.log_level));
    // Before the first thread, which inherits it: only sigwait() takes these.
    const sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    take_descriptors();

    auto platform = server::make_platform(config);
    if (!platform) {
        log_error("{}", platform.error().to_string());
        return kFailed;
    }
    auto server = server::Server::start(config, **platform, &end_in_failure);
    if (!server) {
        log_error("cannot start: {}", server.error().to_string());
        return kFailed;
    }
    log_info("store {} of cluster {} serves clients on {} and servers on {}",
             (*server)->identity().store.value(), (*server)->identity().cluster.value(),
             (*server)->client_address(), (*server)->peer_address());
    int signal = 0;
    sigwait(&signals, &signal);
    log_info("{}: handing over and finishing", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    (*server)->stop();
    server->reset();
    log_info("ended");
    return kFine;
}

int main(int argc, char** argv) {
    const auto parsed = parse_config_arguments({argv + 1, argv + argc}, kSwitches);
    if (!parsed) {
        std::fprintf(stderr, "timberkv-server: %s\n", parsed.error().detail.c_str());
        return kUsage;
    }
    const auto asked = [&](std::string_view word) {
        return std::ranges::find(parsed->words, word) != parsed->words.end();
    };
    if (asked("help")) return print_help(), kFine;
    if (asked("help-settings")) return std::fputs(settings_help().c_str(), stdout), kFine;
    if (asked("version")) return std::printf("timberkv-server %s\n", server::kVersion), kFine;
    if (const auto valid = server::validate(parsed->config); !valid) {
        std::fprintf(stderr, "timberkv-server: %s\n", valid.error().detail.c_str());
        return kUsage;
    }
    if (asked("print-config"))
        return std::fputs(server::print_toml(parsed->config).c_str(), stdout), kFine;
    if (asked("check-config")) return std::puts("the configuration is right"), kFine;
    return serve(parsed->config);
}

}  // namespace

}  // namespace timber::programs

int main(int argc, char** argv) { return timber::programs::main(argc, argv); }
