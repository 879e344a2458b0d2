// Changes of who belongs to the cluster: an operator that adds, promotes and removes peers, hands
// leadership on, and replaces a Store whose disk was lost.
#include <algorithm>

#include "tests/sim/run.h"

namespace timber::sim {

using namespace std::chrono_literals;
using raft::ConfChangeType;
using raftstore::PeerMeta;
using raftstore::Region;
using raftstore::RegionId;
using raftstore::StoreId;

void Run::start_members() {
    last_peer_ = profile_.machines;
    members_free_ = !profile_.has(Trouble::kWipe);
    if (profile_.has(Trouble::kWipe)) {
        cluster_->at(1ms * random_.between(300, 1200), [this] { wipe_one(); });
    }
    if (profile_.has(Trouble::kMembership) || profile_.has(Trouble::kWipe)) {
        cluster_->spawn([this] { operate(); });
    }
}

// One of the first members loses its disk, comes back under its old name, and is given up later.
// Nobody's membership has changed by then, so the others are a majority whatever they know.
void Run::wipe_one() {
    if (calm_) return;
    // A cluster whose formation was cut short is formed anew by its operator.
    for (size_t place = 0; place < profile_.voters; ++place) {
        if (!cluster_->machine(place).has_taken_part()) {
            return cluster_->at(5ms, [this] { wipe_one(); });
        }
    }
    // Often one without which there was no majority, and then with those that lag.
    if (random_.percent(80)) {
        const std::vector<size_t> minority = cut_minority();
        const size_t one =
            (minority.back() + 1 + random_.below(profile_.voters - minority.size())) %
            profile_.voters;
        ++cut_number_;
        cluster_->at(1ms * random_.between(60, 300), [this, minority, one] {
            if (calm_) return;
            lose_disk(one);
            leave_with(minority, one);
        });
    } else {
        lose_disk(random_.below(profile_.voters));
    }
}

void Run::lose_disk(size_t place) {
    if (calm_) return;
    Machine& machine = cluster_->machine(place);
    if (machine.state() == Machine::State::kUp) kill(place, draw_death());
    if (machine.state() != Machine::State::kDown) {
        return cluster_->at(1ms, [this, place] { lose_disk(place); });
    }
    happened(Trouble::kWipe);
    wiped_ = place;
    cluster_->wipe(place);
    cluster_->at(1ms * random_.between(400, 1500), [this, place] {
        retired_[place] = true;
        kill(place, Death::kProcessDeath);
        members_free_ = true;
    });
}

void Run::operate() {
    while (!over_) {
        cluster_->sleep(1ms * random_.between(10, 250));
        if (!members_free_) continue;
        // In calm only what was lost is replaced, so that everybody can get even.
        const RegionId region(random_.below(profile_.regions) + 1);
        if (calm_ && !wiped_) return;
        operate_on(region);
    }
}

void Run::operate_on(RegionId region) {
    std::optional<raftstore::PeerStatus> status;
    size_t leader = 0;
    cluster_->between_steps([&] {
        const auto found = leader_of(region);
        if (!found) return;
        leader = *found;
        status = cluster_->machine(leader).peer(region);
    });
    if (!status) return;
    const Region& now = status->region;
    if (wiped_) {
        const PeerMeta* lost = now.find_store(StoreId(*wiped_ + 1));
        if (lost != nullptr) return change(leader, now, ConfChangeType::kRemove, *lost);
    }
    if (calm_ || !profile_.has(Trouble::kMembership)) return;
    const size_t voters = static_cast<size_t>(
        std::ranges::count_if(now.peers, [](const PeerMeta& each) { return !each.learner; }));
    std::vector<size_t> free;
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (!retired_[place] && now.find_store(StoreId(place + 1)) == nullptr)
            free.push_back(place);
    }
    for (const PeerMeta& each : now.peers) {
        if (!each.learner || random_.one_in(3)) continue;
        PeerMeta promoted = each;
        promoted.learner = false;
        return change(leader, now, ConfChangeType::kAddVoter, promoted);
    }
    if (!free.empty() && (voters <= 2 || random_.one_in(2))) {
        const size_t place = free[random_.below(free.size())];
        const bool learner = random_.percent(70);
        const PeerMeta added{.id = raftstore::PeerId(++last_peer_),
                             .store = StoreId(place + 1),
                             .learner = learner,
                             .address = SimNetwork::address_of(place)};
        return change(leader, now,
                      learner ? ConfChangeType::kAddLearner : ConfChangeType::kAddVoter, added);
    }
    if (voters <= 2) return;
    change(leader, now, ConfChangeType::kRemove, now.peers[random_.below(now.peers.size())]);
}

void Run::change(size_t leader, const Region& region, ConfChangeType type, const PeerMeta& peer) {
    happened(Trouble::kMembership);
    raftstore::ChangePeerRequest request{
        .header = {.region = region.id, .epoch = region.epoch}, .type = type, .peer = peer};
    cluster_->call(leader, std::move(request), 500ms);
}

void Run::transfer(RegionId region) {
    const auto leader = leader_of(region);
    if (!leader) return;
    const auto status = cluster_->machine(*leader).peer(region);
    if (!status || status->region.peers.empty()) return;
    happened(Trouble::kTransfer);
    const auto& peers = status->region.peers;
    raftstore::TransferLeaderRequest request{{.region = region, .epoch = status->region.epoch},
                                             peers[random_.below(peers.size())].id};
    cluster_->spawn([this, leader = *leader, request = std::move(request)] {
        cluster_->call(leader, request, 300ms);
    });
}

}  // namespace timber::sim
