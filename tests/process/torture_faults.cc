#include "tests/process/torture_faults.h"

#include <signal.h>

#include <algorithm>
#include <array>

namespace timber::process {

namespace {

using namespace std::chrono_literals;

// --- kill ---

void kill_and_start(TortureRig& rig, const std::vector<size_t>& servers) {
    for (const size_t i : servers) rig.kill(i);
    // Long enough for an election now and then, and short enough for none.
    rig.pause(0ms, 1500ms);
    for (const size_t i : servers) rig.start(i);
    // Death while it recovers.
    if (!rig.random().one_in(3)) return;
    rig.pause(0ms, 60ms);
    const size_t again = servers[rig.random().below(servers.size())];
    rig.kill(again);
    rig.start(again);
}

std::vector<size_t> all_of(TortureRig& rig) {
    std::vector<size_t> servers;
    for (size_t i = 0; i < rig.size(); ++i) servers.push_back(i);
    return servers;
}

void play_kill(TortureRig& rig) {
    switch (rig.random().below(4)) {
        case 0: return kill_and_start(rig, all_of(rig));
        case 1: return kill_and_start(rig, {rig.any_server()});
        default: return kill_and_start(rig, {rig.cluster().leader()});
    }
}

// --- restart ---

void play_restart(TortureRig& rig) {
    if (!rig.random().one_in(4)) {
        const size_t one = rig.leader_or_any();
        rig.end(one);
        rig.pause(0ms, 300ms);
        return rig.start(one);
    }
    // One after the other, as for a new version.
    for (size_t i = 0; i < rig.size(); ++i) {
        rig.end(i);
        rig.start(i);
        rig.pause(0ms, 200ms);
    }
}

// --- stop ---

void play_stop(TortureRig& rig) {
    std::vector<size_t> servers{rig.leader_or_any()};
    // A majority, now and then.
    if (rig.random().one_in(4)) {
        const size_t more = rig.any_server();
        if (more != servers[0]) servers.push_back(more);
    }
    for (const size_t i : servers) rig.server(i).signal(SIGSTOP);
    // Reads that wait for a server for three seconds go elsewhere: shorter, and the stopped one
    // still answers those that it has.
    rig.pause(300ms, 2700ms);
    for (const size_t i : servers) rig.server(i).signal(SIGCONT);
}

constexpr std::array kFaults{
    Fault{"kill", "SIGKILL of the leader, of any server, or of all", &play_kill},
    Fault{"restart", "SIGTERM and start, of one or of each in turn", &play_restart},
    Fault{"stop", "SIGSTOP, and SIGCONT after a while", &play_stop},
};

}  // namespace

std::span<const Fault> faults() { return kFaults; }

const Fault* find_fault(std::string_view name) {
    const auto found = std::ranges::find(kFaults, name, &Fault::name);
    return found == kFaults.end() ? nullptr : &*found;
}

}  // namespace timber::process
