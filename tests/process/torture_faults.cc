#include "tests/process/torture_faults.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <filesystem>

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

// --- cut ---

uint64_t store_of(TortureRig& rig, size_t i) { return rig.server(i).place().store; }

CutOrder draw_cut(Random& random) {
    return {.kind = random.one_in(2) ? CutOrder::Kind::kHold : CutOrder::Kind::kHangUp};
}

void cut_all_of(TortureRig& rig, size_t victim) {
    const CutOrder order = draw_cut(rig.random());
    // Both ways, or only what it says, or only what it hears.
    const uint64_t ways = rig.random().below(4);
    for (size_t i = 0; i < rig.size(); ++i) {
        if (i == victim) continue;
        if (ways != 1) rig.proxy().order(store_of(rig, victim), store_of(rig, i), order);
        if (ways != 2) rig.proxy().order(store_of(rig, i), store_of(rig, victim), order);
    }
}

void cut_pair(TortureRig& rig, size_t one) {
    const size_t other = (one + 1 + rig.random().below(rig.size() - 1)) % rig.size();
    const CutOrder order = draw_cut(rig.random());
    rig.proxy().order(store_of(rig, one), store_of(rig, other), order);
    if (rig.random().one_in(2)) rig.proxy().order(store_of(rig, other), store_of(rig, one), order);
}

void delay_all(TortureRig& rig) {
    const CutOrder order{.kind = CutOrder::Kind::kDelay,
                         .delay = std::chrono::milliseconds(rig.random().between(1, 60))};
    for (size_t i = 0; i < rig.size(); ++i)
        for (size_t j = 0; j < rig.size(); ++j)
            rig.proxy().order(store_of(rig, i), store_of(rig, j), order);
}

void play_cut(TortureRig& rig) {
    const size_t victim = rig.leader_or_any();
    switch (rig.random().below(6)) {
        case 0: delay_all(rig); break;
        case 1: cut_pair(rig, victim); break;
        case 2:
            for (int flap = 0; flap < 8; ++flap) {
                cut_pair(rig, rig.any_server());
                rig.pause(20ms, 150ms);
                rig.proxy().pass_all();
            }
            break;
        default: cut_all_of(rig, victim); break;
    }
    rig.pause(300ms, 3000ms);
    rig.proxy().pass_all();
}

// --- wipe ---

// A server's data are gone; whether it stays away or comes back in its old place with a new Store,
// it must not take part, and another replaces it.
void play_wipe(TortureRig& rig) {
    const size_t lost = rig.leader_or_any();
    const uint64_t old_store = store_of(rig, lost);
    rig.kill(lost);
    for (const auto& entry :
         std::filesystem::directory_iterator(rig.server(lost).place().directory + "/data"))
        std::filesystem::remove_all(entry);
    // Only where the cluster began can a Store be made that says it is a member.
    const bool comes_back = old_store <= 3 && rig.random().one_in(2);
    if (comes_back) {
        rig.cluster().format(lost);
        rig.start(lost);
    } else {
        rig.server(lost).start();
        if (rig.server(lost).wait() != 1) fail("a server without its Store must not start");
    }
    rig.pause(0ms, 500ms);
    ServerProcess& joining = rig.cluster().add_joining(rig.next_store());
    const ServerPlace& place = joining.place();
    rig.start(rig.size() - 1);
    const Finished replaced = rig.cluster().ctl(
        {"member", "replace", std::to_string(old_store), std::to_string(place.store),
         rig.cluster().peer_address(place), "--timeout", "30s"});
    if (replaced.code != 0) fail("member replace: " + replaced.output);
    if (comes_back) rig.kill(lost);
    rig.cluster().forget(lost);
    // Clients look around every two seconds; they must meet the new one before all others that they
    // know are gone.
    rig.pause(2000ms, 2500ms);
}

// --- power ---

void play_power(TortureRig& rig) {
    std::vector<size_t> servers =
        rig.random().one_in(2) ? all_of(rig) : std::vector<size_t>{rig.leader_or_any()};
    // The processes of some have died before and recovered what they had not synced.
    for (const size_t i : servers) {
        if (!rig.random().one_in(4)) continue;
        rig.kill(i);
        rig.start(i);
        rig.pause(0ms, 200ms);
    }
    for (const size_t i : servers) rig.kill(i);
    for (const size_t i : servers) rig.lose_power(i);
    rig.pause(0ms, 1000ms);
    for (const size_t i : servers) rig.start(i);
}

// --- slow ---

void play_slow(TortureRig& rig) {
    std::vector<size_t> servers =
        rig.random().one_in(3) ? all_of(rig) : std::vector<size_t>{rig.leader_or_any()};
    for (const size_t i : servers)
        rig.delay_syncs(i, std::chrono::milliseconds(rig.random().between(5, 300)));
    rig.pause(500ms, 2500ms);
    for (const size_t i : servers) rig.delay_syncs(i, 0ms);
}

// --- full ---

void play_full(TortureRig& rig) {
    std::vector<size_t> servers =
        rig.random().one_in(2) ? all_of(rig) : std::vector<size_t>{rig.leader_or_any()};
    for (const size_t i : servers) rig.small_disk(i).fill();
    rig.pause(500ms, 2000ms);
    if (rig.random().one_in(2)) {
        // A server starts with no space free.
        const size_t one = servers[rig.random().below(servers.size())];
        rig.kill(one);
        rig.start(one);
    }
    rig.expect_reads();
    for (const size_t i : servers) rig.small_disk(i).drain();
}

constexpr std::array kFaults{
    Fault{"kill", "SIGKILL of the leader, of any server, or of all", &play_kill},
    Fault{"restart", "SIGTERM and start, of one or of each in turn", &play_restart},
    Fault{"stop", "SIGSTOP, and SIGCONT after a while", &play_stop},
    Fault{"cut", "servers cut off from each other, by a proxy that holds back, hangs up, delays",
          &play_cut, Fault::kProxy},
    Fault{"wipe", "a server loses its data and is replaced by another", &play_wipe},
    Fault{"power", "SIGKILL and the loss of what was not synced, of one or of all", &play_power,
          Fault::kTortureDisk},
    Fault{"slow", "syncs that take long, of one or of all", &play_slow, Fault::kTortureDisk},
    Fault{"full", "disks without any space, of one or of all, also while it starts", &play_full,
          Fault::kSmallDisk},
};

}  // namespace

std::span<const Fault> faults() { return kFaults; }

const Fault* find_fault(std::string_view name) {
    const auto found = std::ranges::find(kFaults, name, &Fault::name);
    return found == kFaults.end() ? nullptr : &*found;
}

}  // namespace timber::process
