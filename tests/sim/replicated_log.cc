#include "tests/sim/replicated_log.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/sim/check/map_state.h"
#include "tests/support/trace_hash.h"

namespace timber::sim {

using raftstore::RegionId;

static constexpr size_t kCheckpointEntries = 128;

static std::string playing;

void set_playing(std::string what) { playing = std::move(what); }

void broken(const std::string& what) {
    std::fprintf(stderr, "BROKEN: %s%s%s\n", what.c_str(), playing.empty() ? "" : ", playing ",
                 playing.c_str());
    std::abort();
}

std::string row_key(memtable::Family family, std::string_view key) {
    static constexpr char kPrefixes[] = {'d', 'l', 'w', 'm'};
    return kPrefixes[memtable::index_of(family)] + std::string(key);
}

static std::string place(RegionId region, raft::LogIndex index) {
    return "Region " + std::to_string(region.value()) + ", index " + std::to_string(index.value());
}

static uint64_t fingerprint(const raft::Entry& entry) {
    TraceHash hash;
    hash.mix(entry.term.value());
    hash.mix(static_cast<uint64_t>(entry.type));
    hash.mix(hash_text(entry.payload.text()));
    return hash.value();
}

static std::vector<Effect> effects_of(const raft::Entry& entry) {
    if (entry.type != raft::EntryType::kNormal || entry.payload.empty()) return {};
    const auto command = raftstore::decode_command(entry.payload);
    if (!command.ok()) broken("an entry cannot be read: " + command.error().to_string());
    const auto* write = std::get_if<raftstore::DecodedWrite>(&*command);
    if (write == nullptr) return {};
    std::vector<Effect> effects;
    for (const raftstore::WriteOperation& each : write->operations) {
        Effect effect{row_key(each.family, each.key), std::nullopt};
        if (each.kind == raftstore::WriteOperation::Kind::kPut)
            effect.value = std::string(each.value);
        effects.push_back(std::move(effect));
    }
    return effects;
}

static void apply_effects(Rows& rows, const std::vector<Effect>& effects) {
    for (const Effect& each : effects) {
        if (each.value) {
            rows[each.key] = *each.value;
        } else {
            rows.erase(each.key);
        }
    }
}

void ReplicatedLog::add(RegionId region, Log& log, const raft::Entry& entry) {
    Logged logged{entry.term, fingerprint(entry), effects_of(entry)};
    for (const Effect& each : logged.effects) {
        if (!each.value || repeats_allowed_) continue;
        if (forbidden_.contains(*each.value)) {
            broken("R4: " + *each.value + " was said to be surely not done, and is at " +
                   place(region, entry.index));
        }
        const auto [found, added] = indices_.emplace(*each.value, entry.index.value());
        if (!added && found->second != entry.index.value()) {
            broken("R4: " + *each.value + " was sent once and is in the log twice, at " +
                   place(region, entry.index) + " and at " + std::to_string(found->second));
        }
    }
    apply_effects(log.rows, logged.effects);
    log.entries.push_back(std::move(logged));
    if (log.entries.size() % kCheckpointEntries == 0) {
        log.checkpoints.emplace(log.entries.size(), log.rows);
    }
    ++entries_;
    if (entry.type == raft::EntryType::kConfChange) ++membership_changes_;
}

void ReplicatedLog::applied(RegionId region, const raft::Entry& entry, raft::LogIndex before) {
    if (before.value() != 0 && entry.index <= before) {
        broken("R2: applied again, or backwards: " + place(region, entry.index));
    }
    Log& log = logs_[region];
    const uint64_t first = raftstore::kInitialIndex.value() + 1;
    if (entry.index.value() < first)
        broken("R2: before the log begins: " + place(region, entry.index));
    const size_t position = entry.index.value() - first;
    if (position > log.entries.size()) broken("R2: a gap before " + place(region, entry.index));
    if (position == log.entries.size()) return add(region, log, entry);
    if (log.entries[position].fingerprint != fingerprint(entry)) {
        broken("R1: two entries at " + place(region, entry.index));
    }
}

const ReplicatedLog::Logged& ReplicatedLog::entry_at(RegionId region, raft::LogIndex index) const {
    const auto log = logs_.find(region);
    const uint64_t first = raftstore::kInitialIndex.value() + 1;
    if (log == logs_.end() || index.value() < first ||
        index.value() - first >= log->second.entries.size()) {
        broken("nobody has applied " + place(region, index));
    }
    return log->second.entries[index.value() - first];
}

void ReplicatedLog::acknowledged(RegionId region, const raftstore::Response& response,
                                 const std::vector<Effect>& effects) {
    const Logged& logged = entry_at(region, response.index);
    bool same = logged.effects.size() == effects.size();
    for (size_t i = 0; same && i < effects.size(); ++i) {
        same =
            logged.effects[i].key == effects[i].key && logged.effects[i].value == effects[i].value;
    }
    if (!same) {
        broken("R3: acknowledged, and not there: " + place(region, response.index) + ": " +
               describe({.effects = effects}));
    }
}

void ReplicatedLog::surely_not_done(const std::vector<Effect>& effects) {
    for (const Effect& each : effects) {
        if (!each.value || repeats_allowed_) continue;
        if (indices_.contains(*each.value)) {
            broken("R4: " + *each.value + " was applied and is said to be surely not done");
        }
        forbidden_.insert(*each.value);
    }
}

Rows ReplicatedLog::state_at(RegionId region, raft::LogIndex index) const {
    if (index == raftstore::kInitialIndex) return {};
    entry_at(region, index);
    const Log& log = logs_.at(region);
    const size_t count = index.value() - raftstore::kInitialIndex.value();
    if (count == log.entries.size()) return log.rows;
    Rows rows;
    size_t position = 0;
    auto checkpoint = log.checkpoints.upper_bound(count);
    if (checkpoint != log.checkpoints.begin()) {
        --checkpoint;
        position = checkpoint->first;
        rows = checkpoint->second;
    }
    for (; position < count; ++position) apply_effects(rows, log.entries[position].effects);
    return rows;
}

raft::Term ReplicatedLog::term_at(RegionId region, raft::LogIndex index) const {
    if (index == raftstore::kInitialIndex) return raftstore::kInitialTerm;
    return entry_at(region, index).term;
}

raft::LogIndex ReplicatedLog::last(RegionId region) const {
    const auto log = logs_.find(region);
    return raftstore::kInitialIndex + (log == logs_.end() ? 0 : log->second.entries.size());
}

std::optional<uint64_t> ReplicatedLog::index_of(const std::string& value) const {
    const auto found = indices_.find(value);
    if (found == indices_.end()) return std::nullopt;
    return found->second;
}

void ReplicatedLog::region_is(RegionId region, raft::LogIndex index, const std::string& encoded) {
    const auto [found, added] = logs_[region].regions.emplace(index.value(), encoded);
    if (!added && found->second != encoded) {
        broken("replicas differ in the Region itself at " + place(region, index));
    }
}

}  // namespace timber::sim
