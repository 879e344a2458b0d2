// What is watched while a machine lives: what its Store says, and what is in its state.
#include <algorithm>

#include "src/base/assert.h"
#include "tests/sim/machine.h"

namespace timber::sim {

using raftstore::PeerMeta;
using raftstore::PeerState;
using raftstore::Region;
using raftstore::RegionId;
using raftstore::StoreId;

MachineCounts& MachineCounts::operator+=(const MachineCounts& more) {
    starts += more.starts;
    process_deaths += more.process_deaths;
    power_cuts += more.power_cuts;
    stops += more.stops;
    deaths_while_opening += more.deaths_while_opening;
    deaths_by_trap += more.deaths_by_trap;
    failures += more.failures;
    openings_failed += more.openings_failed;
    leaders_lost += more.leaders_lost;
    leader_changes += more.leader_changes;
    snapshots_installed += more.snapshots_installed;
    strangers += more.strangers;
    states_checked += more.states_checked;
    return *this;
}

size_t Machine::callbacks_open() const { return life_ == nullptr ? 0 : life_->callbacks_open; }

void Machine::Life::failed(const Error& error) {
    if (!alive) return;
    ++machine.around_.counts.failures;
    machine.failed_ = error;
}

void Machine::Life::leader_changed(const Region& region, const std::optional<PeerMeta>& leader) {
    if (!alive) return;
    const bool leads_now = leader && leader->store == machine.store_id();
    if (leads_now) {
        ++machine.around_.counts.leader_changes;
        leading.insert(region.id);
    } else if (leading.erase(region.id) > 0 && writes_open > 0) {
        ++machine.around_.counts.leaders_lost;
    }
}

void Machine::Life::stranger(StoreId, const std::string&) {
    if (alive) ++machine.around_.counts.strangers;
}

void Machine::Life::applied(RegionId region, const raft::Entry& entry) {
    if (!alive) return;
    raft::LogIndex& last = last_applied[region];
    machine.around_.log.applied(region, entry, last);
    last = entry.index;
    machine.around_.world.trace(entry.index.value() * 31 + entry.term.value());
}

void Machine::note_leaders_lost() {
    if (!life_->leading.empty() && life_->writes_open > 0) ++around_.counts.leaders_lost;
}

bool Machine::leads(RegionId region) const { return up() && life_->leading.contains(region); }

std::optional<raftstore::PeerStatus> Machine::peer(RegionId region) {
    for (raftstore::PeerStatus& each : store().status().peers) {
        if (each.region.id == region) return std::move(each);
    }
    return std::nullopt;
}

void Machine::watch() {
    TIMBER_ASSERT(up());
    store().check_invariants();
    const raftstore::StoreStatus status = store().status();
    Life& life = *life_;
    around_.counts.snapshots_installed += status.snapshots_received - life.snapshots_seen;
    life.snapshots_seen = status.snapshots_received;
    has_taken_part_ |= status.introductions_due.empty();
    for (const raftstore::PeerStatus& each : status.peers) {
        if (each.proposals_pending > options_.proposals_max) broken("T4: too many proposals");
        if (each.truncated.index > each.raft.applied)
            broken("E6: compacted beyond what is applied");
    }
    // A command is in the mailbox, held back by the state store's pace, or with its Peer.
    const size_t commands_most =
        2 * options_.commands_queued_max + status.peers.size() * options_.proposals_max;
    // What a loop that stands still refuses waits for its turn, too.
    const Instant now = around_.world.now();
    if (life.loop->paused()) life.paused_at = now;
    const bool moving = now - life.paused_at > std::chrono::milliseconds(200);
    if (moving && life.callbacks_open > commands_most) broken("T4: too many commands");
    const uint64_t log_most =
        2 * options_.engine.log_bytes_max + 8 * options_.engine.log.segment_bytes;
    if (!trouble_ && status.engine.log_bytes_live > log_most) {
        broken("the log holds " + std::to_string(status.engine.log_bytes_live) + " bytes of " +
               std::to_string(log_most));
    }
}

void Machine::check_all_states() {
    for (const RegionId region : store().engine().regions()) check_state(region);
}

void Machine::check_state(RegionId region) {
    TIMBER_ASSERT(up());
    Life* const life = life_.get();
    auto held = hold();
    memtable::SnapshotRef snapshot = store().engine().state().snapshot();
    around_.world.executor().run("check_state", [this, life, region, held = std::move(held),
                                                 snapshot = std::move(snapshot)]() mutable {
        compare_state(*life, region, *snapshot);
        snapshot.reset();
        held.reset();
    });
}

// The rows of a Region in all families of users. An error of the disk ends the comparison.
static Result<Rows> read_rows(const memtable::Store& store, const memtable::Snapshot& snapshot,
                              const Region& region) {
    Rows rows;
    for (const memtable::Family family :
         {memtable::Family::kDefault, memtable::Family::kLock, memtable::Family::kWrite}) {
        const auto iterator = store.new_iterator(
            {.snapshot = &snapshot, .lower = region.start_key, .upper = region.end_key}, family);
        for (iterator->seek_to_first(); iterator->valid(); iterator->next()) {
            rows.emplace(row_key(family, iterator->key()), std::string(iterator->value()));
        }
        TIMBER_CHECK(iterator->status());
    }
    return rows;
}

static std::string first_difference(const Rows& here, const Rows& expected) {
    for (const auto& [key, value] : expected) {
        const auto found = here.find(key);
        if (found == here.end()) return key + " is missing, it should be " + value;
        if (found->second != value) return key + " is " + found->second + ", it should be " + value;
    }
    for (const auto& [key, value] : here) {
        if (!expected.contains(key)) return key + " is " + value + ", it should be absent";
    }
    return {};
}

void Machine::compare_state(Life& life, RegionId region, const memtable::Snapshot& snapshot) {
    const storage::StorageEngine& engine = life.store->engine();
    const Result<storage::AppliedState> applied = engine.applied_state(snapshot, region);
    if (!applied.ok()) return;  // the disk, or a Region that has never applied anything
    const auto local = raftstore::decode_region_local_state(applied->region_state);
    if (!local.ok()) broken("a Region's state cannot be read: " + local.error().to_string());
    // Without state it has no range either, and never wrote anything.
    if (local->region.peers.empty()) return;
    const Result<Rows> rows = read_rows(engine.state(), snapshot, local->region);
    if (!rows.ok()) return;
    ++around_.counts.states_checked;
    const std::string where = "Store " + std::to_string(place_ + 1) + ", Region " +
                              std::to_string(region.value()) + " at " +
                              std::to_string(applied->applied.value());
    if (local->state == PeerState::kTombstone) {
        if (!rows->empty()) broken("a removed peer left data behind: " + where);
        return;
    }
    const std::string difference =
        first_difference(*rows, around_.log.state_at(region, applied->applied));
    if (!difference.empty()) {
        broken("state differs from the log up to its applied index: " + where + ": " + difference);
    }
    if (around_.log.term_at(region, applied->applied) != applied->applied_term) {
        broken("the applied term is not the entry's: " + where);
    }
    around_.log.region_is(region, applied->applied,
                          raftstore::encode_region_local_state({.region = local->region}));
}

}  // namespace timber::sim
