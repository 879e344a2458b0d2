// timberkv-server for torture: the checked build, with disks that lose power and are slow, and with
// planted mistakes. Takes the server's flags; the rest comes from the environment, from whoever
// started it:
//
//   TIMBER_TORTURE_DISK=FD:KEEP   FD: memory for PowerCut and the delay of syncs (torture_disk.h);
//                                 KEEP: the directory for PowerCut's links
//   TIMBER_TORTURE_MISTAKE=NAME
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/programs/config_arguments.h"
#include "src/server/process.h"
#include "tests/process/slow_disk.h"
#include "tests/process/torture_disk.h"
#include "tests/support/power_cut_disk.h"

namespace timber::process {
namespace {

// The machine's, but for the disk.
class TorturePlatform : public Platform {
  public:
    TorturePlatform(Platform& real, TortureDisk& torture)
        : real_(real),
          power_cut_disk_(real.disk(), torture.power_cut()),
          slow_disk_(power_cut_disk_, torture.sync_delay_ms()) {}

    Clock& clock() override { return real_.clock(); }
    Disk& disk() override { return slow_disk_; }
    Executor& executor() override { return real_.executor(); }
    Result<std::shared_ptr<Loop>> make_loop() override { return real_.make_loop(); }
    bool uses_uring() const override { return real_.uses_uring(); }

  private:
    Platform& real_;
    PowerCutDisk power_cut_disk_;
    SlowDisk slow_disk_;
};

[[noreturn]] void end(const std::string& why) {
    log_error("the server ends: {}", why);
    std::fflush(nullptr);
    std::_Exit(1);
}

void plant_mistake() {
    const char* name = std::getenv("TIMBER_TORTURE_MISTAKE");
    if (name == nullptr) return;
    for (unsigned i = 0; i < static_cast<unsigned>(Mistake::kCount); ++i)
        if (mistake_name(static_cast<Mistake>(i)) == name) mistake_active = static_cast<Mistake>(i);
    if (!any_mistake()) end(std::string("there is no mistake ") + name);
}

int serve(const server::Config& config) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    plant_mistake();

    auto real = server::make_platform(config);
    if (!real) end(real.error().to_string());
    std::optional<TortureDisk> torture;
    std::optional<TorturePlatform> platform;
    if (const char* text = std::getenv("TIMBER_TORTURE_DISK")) {
        torture.emplace(text);
        platform.emplace(**real, *torture);
    }
    auto server = server::Server::start(config, platform ? *platform : **real,
                                        [](const Error& error) { end(error.to_string()); });
    if (!server) end("cannot start: " + server.error().to_string());
    int signal = 0;
    sigwait(&signals, &signal);
    (*server)->stop();
    server->reset();
    return 0;
}

}  // namespace
}  // namespace timber::process

int main(int argc, char** argv) {
    const auto parsed = timber::programs::parse_config_arguments({argv + 1, argv + argc}, {});
    if (!parsed) timber::process::end(parsed.error().detail);
    return timber::process::serve(parsed->config);
}
