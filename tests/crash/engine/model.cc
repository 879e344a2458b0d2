#include "tests/crash/engine/model.h"

#include <algorithm>

#include "tests/src/storage/commands.h"

namespace timber::storage {

void RegionContents::apply(RegionId region, const raft::Entry& entry) {
    CommandApplier applier;
    memtable::WriteBatch effects;
    TIMBER_ASSERT(applier.apply(region, entry, state, effects).ok());
    state.applied = entry.index;
    state.applied_term = entry.term;
    effects.for_each([&](const memtable::WriteBatch::Operation& operation) {
        Rows& family = rows[memtable::index_of(operation.family)];
        switch (operation.kind) {
            case memtable::WriteBatch::Kind::kPut:
                family.insert_or_assign(std::string(operation.key), operation.value);
                break;
            case memtable::WriteBatch::Kind::kRemove:
                family.erase(std::string(operation.key));
                break;
            case memtable::WriteBatch::Kind::kRemoveRange:
                family.erase(
                    family.lower_bound(operation.key),
                    operation.value.empty() ? family.end() : family.lower_bound(operation.value));
                break;
        }
    });
}

void RegionHistory::change(RegionId region, const ModelChange& change) {
    if (change.create || change.install) {
        auto contents = std::make_shared<RegionContents>();
        if (change.create) {
            contents->state = *change.create;
        } else {
            *contents = *change.install;
        }
        const raft::HardState kept = hard_state;
        *this = {.alive = true,
                 .changes = changes + 1,
                 .last_index = contents->state.truncated.index,
                 .last_term = contents->state.truncated.term,
                 .base = contents,
                 .applied_logged = contents->state.applied};
        if (change.install) hard_state = kept;
    }
    if (change.tombstone) *this = {.changes = changes + 1, .tombstone = *change.tombstone};
    if (!change.entries.empty()) {
        entries.erase(entries.lower_bound(change.entries.front().index), entries.end());
        for (const raft::Entry& entry : change.entries) entries.emplace(entry.index, entry);
        last_index = change.entries.back().index;
        last_term = change.entries.back().term;
    }
    if (change.hard_state) hard_state = *change.hard_state;
    applied_logged = std::max(applied_logged, change.applied);
    if (alive) move_base(region);
}

// No recovery goes back behind what the log says: without this, models grow with the history.
void RegionHistory::move_base(RegionId region) {
    constexpr uint64_t kEntriesBetween = 32;
    if (applied_logged < base->state.applied + kEntriesBetween) return;
    base = std::make_shared<const RegionContents>(contents(region, applied_logged));
    entries.erase(entries.begin(), entries.upper_bound(base->state.truncated.index));
}

RegionContents RegionHistory::contents(RegionId region, raft::LogIndex applied) const {
    RegionContents contents = *base;
    for (raft::LogIndex index = contents.state.applied + 1; index <= applied; ++index)
        contents.apply(region, entries.at(index));
    return contents;
}

std::optional<raft::Term> RegionHistory::term(raft::LogIndex index) const {
    if (base != nullptr && index == base->state.applied) return base->state.applied_term;
    const auto place = entries.find(index);
    if (place == entries.end()) return std::nullopt;
    return place->second.term;
}

void History::add(const ModelCommit& commit) {
    for (const auto& [id, change] : commit.regions) regions[id].change(id, change);
    for (const auto& [key, value] : commit.locals) {
        if (value) {
            locals[key] = *value;
        } else {
            locals.erase(key);
        }
    }
}

void EngineModel::accepted(ModelCommit commit) {
    latest_.add(commit);
    pending_.push_back(std::make_shared<const ModelCommit>(std::move(commit)));
}

Status EngineModel::acknowledged(uint64_t number) {
    if (doomed_.contains(number))
        return make_error(ErrorCode::kCorrupted,
                          "a commit was acknowledged behind one that was refused");
    while (!pending_.empty() && pending_.front()->number <= number) {
        sure_.add(*pending_.front());
        pending_.erase(pending_.begin());
    }
    return {};
}

Status EngineModel::refused(uint64_t number) {
    if (doomed_.erase(number) > 0) return {};
    const auto place = std::ranges::find_if(
        pending_, [&](const auto& commit) { return commit->number == number; });
    if (place == pending_.end())
        return make_error(ErrorCode::kCorrupted,
                          "a commit was refused, and one behind it acknowledged");
    std::set<RegionId> regions;
    for (const auto& [id, change] : (*place)->regions) regions.insert(id);
    for (auto later = pending_.erase(place); later != pending_.end();) {
        const bool builds_on_it = std::ranges::any_of(
            (*later)->regions, [&](const auto& each) { return regions.contains(each.first); });
        if (!builds_on_it) {
            ++later;
            continue;
        }
        for (const auto& [id, change] : (*later)->regions) regions.insert(id);
        doomed_.insert((*later)->number);
        later = pending_.erase(later);
    }
    latest_ = sure_;
    for (const auto& commit : pending_) latest_.add(*commit);
    return {};
}

void EngineModel::applied(RegionId region, raft::LogIndex index) {
    applied_[region] = {sure_.regions.at(region).changes, index};
}

bool EngineModel::pending(RegionId region) const {
    return std::ranges::any_of(
        pending_, [&](const auto& commit) { return commit->regions.contains(region); });
}

Status EngineModel::recovered(const RecoveredEngine& engine) {
    History history = sure_;
    Status first;
    for (size_t k = 0;; ++k) {
        Status compared = compare(history, engine);
        if (compared) break;
        if (k == 0) first = std::move(compared);
        if (k == pending_.size()) return first;
        history.add(*pending_[k]);
    }
    sure_ = std::move(history);
    pending_.clear();
    doomed_.clear();
    for (const auto& [id, summary] : engine.regions) {
        RegionHistory& region = sure_.regions.at(id);
        if (!region.alive) continue;
        region.hard_state.commit = summary.hard_state.commit;
        applied(id, summary.applied.applied);
    }
    latest_ = sure_;
    return {};
}

static Error broken(RegionId region, const std::string& what) {
    return make_error(ErrorCode::kCorrupted,
                      "Region " + std::to_string(region.value()) + ": " + what);
}

static std::string numbers(uint64_t expected, uint64_t found) {
    return ", expected " + std::to_string(expected) + ", found " + std::to_string(found);
}

Status EngineModel::compare_region(RegionId id, const RegionHistory& history,
                                   const RecoveredEngine& engine, DataRows& rows) const {
    const auto place = engine.regions.find(id);
    if (place == engine.regions.end()) return broken(id, "it is gone");
    const RegionSummary& found = place->second;
    if (!history.alive) {
        if (found.last_index != raft::LogIndex() || found.applied.applied != raft::LogIndex() ||
            found.applied.region_state != history.tombstone)
            return broken(id, "its tombstone is another");
        return {};
    }
    const raft::LogIndex applied = found.applied.applied;
    if (found.hard_state.term != history.hard_state.term ||
        found.hard_state.vote != history.hard_state.vote)
        return broken(id, "its term or vote is another" + numbers(history.hard_state.term.value(),
                                                                  found.hard_state.term.value()));
    if (found.hard_state.commit != std::max(history.hard_state.commit, applied))
        return broken(id, "its commit index is another" + numbers(history.hard_state.commit.value(),
                                                                  found.hard_state.commit.value()));
    if (found.last_index != history.last_index || found.last_term != history.last_term)
        return broken(id, "its last entry is another" +
                              numbers(history.last_index.value(), found.last_index.value()));
    raft::LogIndex most = history.base->state.applied;
    if (const auto in_memory = applied_.find(id);
        in_memory != applied_.end() && in_memory->second.changes == history.changes)
        most = std::max(most, in_memory->second.index);
    if (applied < history.applied_logged)
        return broken(id, "less is applied than the log says" +
                              numbers(history.applied_logged.value(), applied.value()));
    if (applied > most)
        return broken(id, "more is applied than ever was" + numbers(most.value(), applied.value()));
    const RegionContents contents = history.contents(id, applied);
    if (contents.state != found.applied) return broken(id, "its applied state is another");
    const auto& terms = engine.terms.at(id);
    for (raft::LogIndex index = contents.state.truncated.index + 1; index <= history.last_index;
         ++index) {
        const auto term = terms.find(index);
        if (term == terms.end())
            return broken(id, "entry " + std::to_string(index.value()) + " is gone");
        if (term->second != history.term(index))
            return broken(id, "entry " + std::to_string(index.value()) + " has another term");
    }
    for (size_t family = 0; family < kDataFamilies; ++family)
        rows[family].insert(contents.rows[family].begin(), contents.rows[family].end());
    return {};
}

static Status compare_rows(const Rows& expected, const Rows& found) {
    for (const auto& [key, value] : expected) {
        const auto place = found.find(key);
        if (place == found.end())
            return make_error(ErrorCode::kCorrupted, "key '" + key + "' is gone");
        if (place->second != value)
            return make_error(ErrorCode::kCorrupted, "key '" + key + "' has another value");
    }
    for (const auto& [key, value] : found)
        if (!expected.contains(key))
            return make_error(ErrorCode::kCorrupted, "key '" + key + "' should not be there");
    return {};
}

Status EngineModel::compare(const History& history, const RecoveredEngine& engine) const {
    if (history.locals != engine.locals)
        return make_error(ErrorCode::kCorrupted, "the local rows are others");
    for (const auto& [id, summary] : engine.regions)
        if (!history.regions.contains(id)) return broken(id, "it was never created");
    DataRows rows;
    for (const auto& [id, region] : history.regions)
        TIMBER_CHECK(compare_region(id, region, engine, rows));
    for (size_t family = 0; family < kDataFamilies; ++family)
        TIMBER_CHECK(compare_rows(rows[family], engine.rows[family]));
    return {};
}

}  // namespace timber::storage
