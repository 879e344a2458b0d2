// Real servers are killed, stopped, cut off and worse, while many clients read and write. Every
// history must be linearizable, and everything acknowledged must be found on every server at the
// end.
//
//   kv_torture --fault NAME[,NAME...]|all --seconds N --seed S [--leases on|off] [--mistake NAME]
//   kv_torture --mistakes --seed S
//
// A run plays its faults in turn on one cluster, and in any order once each was played. `all` makes
// three runs (kAllRuns). With a planted mistake in the servers (src/base/mistake_list.h) a run
// should fail; --mistakes runs those that real processes can show in earnest, and each must be
// found out by its history.
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/process/torture_faults.h"

namespace timber::process {
namespace {

struct Options {
    std::vector<const Fault*> faults{};
    bool all = false;
    double seconds = 10;
    uint64_t seed = 1;
    bool leases = false;
    std::string mistake{};
};

struct MistakeRun {
    const char* mistake;
    const char* faults;
};
constexpr MistakeRun kMistakeRuns[] = {{"rs_ack_before_majority", "cut,kill"}};
constexpr int kMistakeTries = 3;

struct AllRun {
    std::string_view faults;
    bool leases;
    double share;  // of the time
};
constexpr AllRun kAllRuns[] = {{"kill,restart,stop,cut,wipe", false, 0.4},
                               {"power,slow,kill,stop,cut", true, 0.4},
                               {"full,kill,restart", false, 0.2}};

void print_help() {
    std::printf("kv_torture --fault NAME[,NAME...]|all --seconds N --seed S [--leases on|off]\n\n");
    for (const Fault& fault : faults())
        std::printf("  %-8s %s\n", std::string(fault.name).c_str(),
                    std::string(fault.what).c_str());
}

void print_records(const TortureRig& rig) {
    for (const auto& [name, record] : rig.records())
        std::printf("  %-8s %3llu rounds, at most %5.0f ms without an acknowledged write\n",
                    name.c_str(), static_cast<unsigned long long>(record.rounds),
                    std::chrono::duration<double, std::milli>(record.unavailable).count());
    const WorkloadCounts counts = rig.counts();
    std::printf("  operations: %llu done, %llu refused, %llu unknown\n",
                static_cast<unsigned long long>(counts.done),
                static_cast<unsigned long long>(counts.refused),
                static_cast<unsigned long long>(counts.unknown));
    if (rig.proxied()) {
        const CutProxy& proxy = rig.proxy();
        std::printf("  through the proxy: %llu connections, %llu bytes; %llu strangers\n",
                    static_cast<unsigned long long>(proxy.connections()),
                    static_cast<unsigned long long>(proxy.bytes()),
                    static_cast<unsigned long long>(proxy.strangers()));
    }
    const PowerCutOutcome& cuts = rig.power_cuts();
    if (rig.records().contains("power"))
        std::printf("  lost with power: %zu writes, %zu in part, %zu names; kept: %zu writes\n",
                    cuts.writes_undone, cuts.writes_torn, cuts.names_undone, cuts.writes_kept);
}

void run_once(const Options& options) {
    const auto any_needs = [&](Fault::Needs needs) {
        return std::ranges::any_of(options.faults,
                                   [&](const Fault* fault) { return fault->needs == needs; });
    };
    std::printf("kv_torture: seed %llu, leases %s\n", static_cast<unsigned long long>(options.seed),
                options.leases ? "on" : "off");
    TortureRig rig(
        {.directory = std::string(TIMBER_TEST_DIRECTORY) + "/" + std::to_string(::getpid()),
         .seed = options.seed,
         .proxied = any_needs(Fault::kProxy),
         .torture_disks = any_needs(Fault::kTortureDisk) || !options.mistake.empty(),
         .mistake = options.mistake,
         .small_disks = any_needs(Fault::kSmallDisk),
         .leases = options.leases});
    rig.begin();
    SystemClock clock;
    const Instant end =
        clock.now() + std::chrono::nanoseconds(static_cast<int64_t>(options.seconds * 1e9));
    for (size_t turn = 0; clock.now() < end; ++turn) {
        const size_t count = options.faults.size();
        const Fault& fault = *options.faults[turn < count ? turn : rig.random().below(count)];
        rig.round(std::string(fault.name), fault.play);
    }
    rig.finish();
    print_records(rig);
    // An idle run shows nothing.
    constexpr double kOperationsPerSecondMin = 50;
    if (static_cast<double>(rig.counts().done) < kOperationsPerSecondMin * options.seconds)
        fail("too little was done");
}

bool parse_faults(std::string_view text, Options& options) {
    options.all = text == "all";
    if (options.all) return true;
    options.faults.clear();
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        const Fault* fault = find_fault(text.substr(0, comma));
        if (fault == nullptr) return false;
        options.faults.push_back(fault);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return !options.faults.empty();
}

// Runs, or says why not.
void run_if_allowed(const Options& options) {
    const bool small = std::ranges::any_of(
        options.faults, [](const Fault* fault) { return fault->needs == Fault::kSmallDisk; });
    if (small) {
        if (const auto trouble = SmallDisk::enter()) {
            std::printf("SKIPPED: no disk of a given size: %s\n", trouble->c_str());
            return;
        }
    }
    run_once(options);
}

void run_all(const Options& options) {
    uint64_t seed = options.seed;
    for (const AllRun& each : kAllRuns) {
        Options one{.seconds = options.seconds * each.share, .seed = seed++, .leases = each.leases};
        parse_faults(each.faults, one);
        run_if_allowed(one);
    }
}

// In processes of their own, since a failure ends the process.
int run_mistakes(uint64_t seed) {
    bool all_caught = true;
    for (const MistakeRun& each : kMistakeRuns) {
        bool caught = false;
        for (int tries = 1; tries <= kMistakeTries && !caught; ++tries) {
            const Finished run =
                run_program({"/proc/self/exe", "--fault", each.faults, "--seconds", "8", "--seed",
                             std::to_string(seed++), "--mistake", each.mistake});
            const size_t why = run.output.find("no order explains it");
            caught = run.code == 1 && why != std::string::npos;
            if (caught)
                std::printf("%s: caught in run %d: %s", each.mistake, tries,
                            run.output.substr(why).c_str());
            else
                std::printf("%s: not caught in run %d: %s", each.mistake, tries,
                            run.output.c_str());
        }
        all_caught = all_caught && caught;
    }
    return all_caught ? 0 : 1;
}

int run(int argc, char** argv) {
    Options options;
    if (argc == 4 && std::string_view(argv[1]) == "--mistakes")
        return run_mistakes(std::strtoull(argv[3], nullptr, 10));
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view flag = argv[i];
        const std::string_view value = argv[i + 1];
        if (flag == "--seed") {
            options.seed = std::strtoull(argv[i + 1], nullptr, 10);
        } else if (flag == "--seconds") {
            options.seconds = std::strtod(argv[i + 1], nullptr);
        } else if (flag == "--leases") {
            options.leases = value == "on";
        } else if (flag == "--mistake") {
            options.mistake = value;
        } else if (flag != "--fault" || !parse_faults(value, options)) {
            print_help();
            return 2;
        }
    }
    if (!options.all && options.faults.empty()) {
        print_help();
        return 2;
    }
    if (options.all)
        run_all(options);
    else
        run_if_allowed(options);
    std::printf("kv_torture: ok\n");
    return 0;
}

}  // namespace
}  // namespace timber::process

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    return timber::process::run(argc, argv);
}
