// What goes wrong around the machines of a run, and who starts them again.
#include <algorithm>

#include "tests/sim/run.h"

namespace timber::sim {

using namespace std::chrono_literals;
using raftstore::RegionId;

static constexpr size_t kPageBytes = 4096;

void Run::start_troubles() {
    const NetworkFaults usual = cluster_->network().faults;
    NetworkFaults& faults = cluster_->network().faults;
    faults.lose_per_mille = profile_.lose_per_mille;
    faults.double_per_mille = profile_.double_per_mille;
    faults.reorder = profile_.has(Trouble::kReorder);
    faults.tell_unreachable = random_.one_in(2);
    if (profile_.has(Trouble::kStraggle)) {
        faults.straggle_per_mille = random_.between(2, 60);
        faults.straggle_max = 1ms * random_.between(5, 400);
        faults.delay_max = 1us * random_.between(300, 4000);
    }
    if (usual.lose_per_mille != faults.lose_per_mille) happened(Trouble::kLoss);
    if (faults.double_per_mille > 0) happened(Trouble::kDouble);
    if (faults.reorder) happened(Trouble::kReorder);
    if (faults.straggle_per_mille > 0) happened(Trouble::kStraggle);
    if (profile_.drift_per_mille > 0) happened(Trouble::kDrift);
    make_trouble();
}

void Run::make_trouble() {
    if (calm_) return;
    const uint64_t gap = static_cast<uint64_t>(profile_.gap_max.count());
    cluster_->at(Duration(gap / 4 + random_.below(gap)), [this] { make_trouble(); });
    // What takes several things to come together is tried more often.
    if (profile_.has(Trouble::kThinMajority) && random_.percent(20)) {
        return make(Trouble::kThinMajority);
    }
    if (profile_.has(Trouble::kFreezeLeader) && random_.percent(20)) {
        return make(Trouble::kFreezeLeader);
    }
    for (int tries = 0; tries < 20; ++tries) {
        const auto kind = static_cast<Trouble>(random_.below(kTroubles));
        if (!profile_.has(kind)) continue;
        return make(kind);
    }
}

void Run::make(Trouble trouble) {
    const std::optional<size_t> place = any_up();
    if (!place) return;
    switch (trouble) {
        case Trouble::kPartition: return cut(false);
        case Trouble::kOneWay: return cut(true);
        case Trouble::kCutLeader: return cut_leader();
        case Trouble::kThinMajority: return thin_majority();
        case Trouble::kFreezeLeader: return freeze_leader();
        case Trouble::kLossyLink:
            happened(trouble);
            cluster_->network().set_loss(*place, random_.below(cluster_->machines()),
                                         random_.between(100, 900));
            return heal_later();
        case Trouble::kProcessDeath: happened(trouble); return kill(*place, Death::kProcessDeath);
        case Trouble::kPowerCut: happened(trouble); return kill(*place, Death::kPowerCut);
        case Trouble::kAllLosePower: happened(trouble); return all_lose_power();
        case Trouble::kRestart: happened(trouble); return cluster_->machine(*place).stop();
        case Trouble::kDieInLog: return trap(trouble, "/log/");
        case Trouble::kDieInState: return trap(trouble, "/state/");
        case Trouble::kDieInSnapshot: return trap(trouble, random_.one_in(2) ? "snap" : ".sst");
        case Trouble::kStall: return stall(*place, random_.one_in(3) ? "/state/" : "");
        case Trouble::kDiskError: return break_disk(*place);
        case Trouble::kFullDisk: happened(trouble); return fill_disk(*place);
        case Trouble::kFullEverywhere:
            happened(trouble);
            for (size_t each = 0; each < cluster_->machines(); ++each) fill_disk(each);
            if (random_.one_in(3)) {
                cluster_->at(1ms * random_.between(20, 500), [this] {
                    if (!calm_) all_lose_power();
                });
            }
            return;
        case Trouble::kPause: return pause(*place);
        case Trouble::kTransfer: return transfer(RegionId(random_.below(profile_.regions) + 1));
        case Trouble::kHandOver:
            happened(trouble);
            return cluster_->machine(*place).store().hand_over(1ms * random_.between(1, 300),
                                                               [] {});
        // Of the whole run, or made elsewhere.
        case Trouble::kLoss:
        case Trouble::kStraggle:
        case Trouble::kDouble:
        case Trouble::kReorder:
        case Trouble::kDieInRecovery:
        case Trouble::kDrift:
        case Trouble::kWipe:
        case Trouble::kMembership:
        case Trouble::kCount: return;
    }
}

std::optional<size_t> Run::any_up() {
    std::vector<size_t> up;
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (cluster_->machine(place).up()) up.push_back(place);
    }
    if (up.empty()) return std::nullopt;
    return up[random_.below(up.size())];
}

std::optional<size_t> Run::leader_of(RegionId region) {
    std::vector<size_t> leaders;
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (cluster_->machine(place).leads(region)) leaders.push_back(place);
    }
    if (leaders.empty()) return std::nullopt;
    return leaders[random_.below(leaders.size())];
}

// --- The network ---

void Run::cut(bool one_way) {
    happened(one_way ? Trouble::kOneWay : Trouble::kPartition);
    const size_t places = cluster_->machines();
    std::vector<bool> side;
    for (size_t place = 0; place < places; ++place) side.push_back(random_.one_in(2));
    for (size_t from = 0; from < places; ++from) {
        for (size_t to = 0; to < places; ++to) {
            if (side[from] == side[to] || (one_way && !side[from])) continue;
            cluster_->network().block(from, to, true);
        }
    }
    heal_later();
}

// The one that leads, alone or with one more, on the wrong side.
void Run::cut_leader() {
    const auto leader = leader_of(RegionId(random_.below(profile_.regions) + 1));
    if (!leader) return;
    happened(Trouble::kCutLeader);
    const size_t places = cluster_->machines();
    const size_t friend_of = random_.one_in(2) ? *leader : random_.below(places);
    for (size_t place = 0; place < places; ++place) {
        if (place == *leader || place == friend_of) continue;
        for (const size_t one : {*leader, friend_of}) {
            cluster_->network().block(one, place, true);
            if (random_.percent(80)) cluster_->network().block(place, one, true);
        }
    }
    heal_later();
}

void Run::heal_later() {
    const uint64_t number = ++cut_number_;
    cluster_->at(1ms * random_.between(50, 900), [this, number] {
        if (number == cut_number_) cluster_->network().heal();
    });
}

// Less than half of the first members, alone, and seldom the one that leads.
std::vector<size_t> Run::cut_minority() {
    std::vector<size_t> minority;
    const size_t lagging = (profile_.voters - 1) / 2;
    const auto leader = leader_of(RegionId(random_.below(profile_.regions) + 1));
    size_t first = random_.below(profile_.voters);
    if (leader && *leader < profile_.voters && random_.percent(90)) {
        first = *leader + 1 + random_.below(profile_.voters - lagging);
    }
    for (size_t i = 0; i < lagging; ++i) minority.push_back((first + i) % profile_.voters);
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (std::ranges::find(minority, place) != minority.end()) continue;
        for (const size_t each : minority) {
            cluster_->network().block(each, place, true);
            cluster_->network().block(place, each, true);
        }
    }
    return minority;
}

// The cut goes over to the other side of `one`: with the minority it is just enough.
void Run::leave_with(const std::vector<size_t>& minority, size_t one) {
    SimNetwork& network = cluster_->network();
    network.heal();
    const auto here = [&](size_t place) {
        return place == one || std::ranges::find(minority, place) != minority.end();
    };
    for (size_t from = 0; from < cluster_->machines(); ++from) {
        for (size_t to = 0; to < cluster_->machines(); ++to) {
            if (here(from) != here(to)) network.block(from, to, true);
        }
    }
    heal_later();
}

// What was acknowledged meanwhile, the one that dies must have on its disk: the rest is out of
// reach.
void Run::thin_majority() {
    if (profile_.voters < 3) return;
    happened(Trouble::kThinMajority);
    const std::vector<size_t> minority = cut_minority();
    const size_t one =
        (minority.back() + 1 + random_.below(profile_.voters - minority.size())) % profile_.voters;
    const bool full = profile_.has(Trouble::kFullDisk) || profile_.has(Trouble::kFullEverywhere);
    Duration until_death = 1ms * random_.between(60, 400);
    if (full && random_.percent(60)) {
        // What is preallocated has to be used up first, and it dies before there is space again.
        until_death += 1ms * random_.between(100, 500);
        cluster_->at(1ms * random_.between(1, 30), [this, one, until_death] {
            if (!calm_) fill_disk(one, until_death);
        });
    }
    const uint64_t number = ++cut_number_;
    cluster_->at(until_death, [this, minority, one, number] {
        if (calm_ || number != cut_number_) return;
        kill(one, draw_death());
        leave_with(minority, one);
    });
}

void Run::freeze_leader() {
    const auto leader = leader_of(RegionId(random_.below(profile_.regions) + 1));
    if (!leader) return;
    happened(Trouble::kFreezeLeader);
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (place != *leader) cluster_->network().block(place, *leader, true);
    }
    const uint64_t number = ++cut_number_;
    const uint64_t life = cluster_->machine(*leader).lives();
    cluster_->at(1ms * random_.between(1, 15), [this, place = *leader, life, number] {
        Machine& machine = cluster_->machine(place);
        if (calm_ || machine.lives() != life || !machine.up()) return;
        machine.loop().set_paused(true);
        // Long enough for clients to give it up, an election and a compaction.
        cluster_->at(1ms * random_.between(500, 1600), [this, place, life, number] {
            if (number == cut_number_) cluster_->network().heal();
            Machine& frozen = cluster_->machine(place);
            if (frozen.lives() == life && frozen.state() == Machine::State::kUp) {
                frozen.loop().set_paused(false);
            }
        });
    });
}

// --- Deaths ---

void Run::kill(size_t place, Death death) { cluster_->machine(place).die(death); }

void Run::all_lose_power() {
    for (size_t place = 0; place < cluster_->machines(); ++place) kill(place, Death::kPowerCut);
}

void Run::trap(Trouble trouble, std::string path) {
    const std::optional<size_t> place = any_up();
    if (!place || cluster_->machine(*place).trap_set()) return;
    happened(trouble);
    cluster_->machine(*place).set_trap(draw_death(), random_.between(1, 12), std::move(path));
}

// Starts what is down, and ends what has failed.
void Run::supervise() {
    if (over_) return;
    cluster_->at(5ms, [this] { supervise(); });
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        Machine& machine = cluster_->machine(place);
        if (machine.up() && machine.failed()) machine.stop();
        if (machine.state() != Machine::State::kDown || retired_[place]) continue;
        Instant& at = restart_at_[place];
        if (at == Instant{}) {
            const uint64_t wait = random_.one_in(3) ? random_.below(700) : random_.below(60);
            at = cluster_->world().now() + 1ms * (calm_ ? 20 : wait);
        }
        if (cluster_->world().now() >= at) bring_back(place);
    }
}

void Run::bring_back(size_t place) {
    restart_at_[place] = {};
    const int64_t drift = static_cast<int64_t>(profile_.drift_per_mille);
    const int64_t own =
        drift == 0
            ? 0
            : static_cast<int64_t>(random_.below(static_cast<uint64_t>(2 * drift + 1))) - drift;
    cluster_->set_clock(place, static_cast<uint64_t>(1000 + own));
    if (!calm_ && profile_.has(Trouble::kDieInRecovery) && random_.percent(30)) {
        happened(Trouble::kDieInRecovery);
        cluster_->machine(place).set_trap(draw_death(), random_.between(1, 80), "");
    }
    cluster_->start(place);
}

// --- Disks ---

void Run::stall(size_t place, const std::string& path) {
    happened(Trouble::kStall);
    SimDisk& disk = cluster_->machine(place).disk();
    const Duration length = 1ms * random_.between(20, 400);
    for (const DiskOperation operation : {DiskOperation::kWrite, DiskOperation::kSync}) {
        disk.inject({.operation = operation,
                     .path_contains = path,
                     .count = random_.between(1, 4),
                     .kind = FaultKind::kStall});
    }
    disk.options().stall = length;
}

void Run::break_disk(size_t place) {
    happened(Trouble::kDiskError);
    static constexpr DiskOperation kOperations[] = {
        DiskOperation::kRead,          DiskOperation::kWrite,  DiskOperation::kSync,
        DiskOperation::kSyncDirectory, DiskOperation::kRename, DiskOperation::kOpen};
    static constexpr const char* kPaths[] = {"", "/log/", "/state/", "MANIFEST", ".sst"};
    cluster_->machine(place).disk().fail_nth(random_.between(1, 5),
                                             kOperations[random_.below(std::size(kOperations))],
                                             kPaths[random_.below(std::size(kPaths))]);
}

// What is there now and a little more.
void Run::fill_disk(size_t place, Duration at_least) {
    Machine& machine = cluster_->machine(place);
    if (full_[place] || retired_[place]) return;
    const bool down = machine.state() == Machine::State::kDown;
    const DiskImage& image = down ? machine.image() : machine.disk().image();
    uint64_t used = 0;
    for (const std::string& path : image.paths()) used += round_up(image.size(path), kPageBytes);
    const uint64_t room = random_.one_in(2) ? 0 : random_.below(40) * kPageBytes;
    full_[place] = true;
    machine.set_trouble(true);
    cluster_->disk_options(place).capacity_bytes = used + room;
    if (!down) machine.disk().options().capacity_bytes = used + room;
    cluster_->at(at_least + 1ms * random_.below(1400), [this, place] { empty_disk(place); });
}

void Run::empty_disk(size_t place) {
    if (!full_[place]) return;
    full_[place] = false;
    Machine& machine = cluster_->machine(place);
    cluster_->disk_options(place).capacity_bytes.reset();
    if (machine.state() != Machine::State::kDown) machine.disk().options().capacity_bytes.reset();
    // The log is over its limit for a while longer.
    cluster_->at(3s, [this, place] {
        if (!full_[place]) cluster_->machine(place).set_trouble(false);
    });
}

void Run::pause(size_t place) {
    happened(Trouble::kPause);
    Machine& machine = cluster_->machine(place);
    machine.loop().set_paused(true);
    const uint64_t life = machine.lives();
    cluster_->at(1ms * random_.between(20, 900), [this, place, life] {
        Machine& paused = cluster_->machine(place);
        if (paused.lives() == life && paused.state() == Machine::State::kUp) {
            paused.loop().set_paused(false);
        }
    });
}

}  // namespace timber::sim
