#include "src/storage/state_path.h"

#include <algorithm>
#include <utility>

#include "src/base/mistake.h"

namespace timber::storage {

static void check_applied(const Region& region, const AppliedState& state) {
    TIMBER_ASSERT(region.log.alive && region.waiting.empty());
    TIMBER_ASSERT_OP(state.applied, >, region.state.applied);
    TIMBER_ASSERT_OP(state.applied, <=, region.log.last_index);                 // E1, E2
    TIMBER_ASSERT_OP(state.truncated.index, >=, region.state.truncated.index);  // E6
    TIMBER_ASSERT_OP(state.truncated.index, <=, state.applied);                 // E6
    TIMBER_ASSERT_OP(state.applied_term, ==, region.entries.at(state.applied).term);
    TIMBER_ASSERT_OP(state.region_state.size(), <=, kRegionStateBytesMax);
    if (state.truncated.index > region.state.truncated.index)
        TIMBER_ASSERT_OP(state.truncated.term, ==, region.entries.at(state.truncated.index).term);
}

// Its end is in the log, and the state store has no room yet to carry it out.
static bool ending(const Region& region) {
    if (region.waiting.empty()) return false;
    const Region::Waiting& first = region.waiting.front();
    return first.commit->parts[first.part].changes.destroy.has_value();
}

Status StatePath::apply(RegionId id, AppliedState state, const memtable::WriteBatch& effects) {
    Region& region = parts_.region(id);
    // The owner hears of the end only once it is carried out, and cannot have known.
    if (ending(region)) return make_error(ErrorCode::kBusy, "the Region comes to its end");
    check_applied(region, state);
    scratch_ = effects;
    RegionRow row = EngineParts::row_of(region, state);
    if (TIMBER_MISTAKE(engine_row_ahead) && row.state.applied < region.log.last_index)
        ++row.state.applied;
    scratch_.put(memtable::Family::kMeta, region_row_key(id), encode_row(row));
    applying_ = &region;
    applying_to_ = &state;
    const Result<memtable::Sequence> written = parts_.store->write(scratch_);
    applying_ = nullptr;
    if (!written) {
        const Error& error = written.error();
        if (error.code == ErrorCode::kBusy || error.code == ErrorCode::kTooLarge ||
            error.code == ErrorCode::kClosed)
            return error;
        parts_.fail(parts_.as_poisoned(error));
        return *parts_.poisoned;
    }
    region.state = std::move(state);
    commits_.owes_progress(region);
    parts_.drop_unneeded(region);
    return {};
}

StatePath::Seal StatePath::take_seal() const {
    Seal seal{.last = parts_.store->sequence_last()};
    for (const auto& [id, region] : parts_.regions) {
        if (!region.log.alive) continue;
        const AppliedState& state = applying_ == &region ? *applying_to_ : region.state;
        if (state.applied > region.applied_flushed)
            seal.regions.push_back({id, region.log.change, state.applied, state.truncated.index});
    }
    return seal;
}

// Entries that are not applied yet, and changes by value that are not in the store.
logengine::Lsn StatePath::needed_from() const {
    logengine::Lsn lowest = parts_.noted_lsn + 1;
    if (const auto pending = commits_.lowest_pending()) lowest = std::min(lowest, *pending);
    for (const auto& [id, region] : parts_.regions) {
        if (region.entries.empty()) continue;
        const AppliedState& state = applying_ == &region ? *applying_to_ : region.state;
        raft::LogIndex index = std::max(state.applied + 1, region.entries.first());
        for (; index <= region.entries.last(); ++index)
            lowest = std::min(lowest, region.entries.at(index).location.lsn);
    }
    return lowest;
}

memtable::LogMark StatePath::sealed() {
    Seal seal = take_seal();
    // Asked for again with nothing written in between.
    if (!seals_.empty() && seals_.back().last == seal.last) seals_.pop_back();
    seals_.push_back(std::move(seal));
    return memtable::LogMark(needed_from().value());
}

void StatePath::flushed(memtable::Sequence flushed) {
    while (!seals_.empty() && seals_.front().last <= flushed) {
        for (const Seal::Applied& applied : seals_.front().regions) {
            Region& region = parts_.region(applied.region);
            if (region.log.change != applied.change) continue;
            region.applied_flushed = std::max(region.applied_flushed, applied.applied);
            region.truncated_flushed = std::max(region.truncated_flushed, applied.truncated);
            parts_.drop_unneeded(region);
        }
        seals_.pop_front();
    }
    commits_.flushed(flushed);
}

}  // namespace timber::storage
