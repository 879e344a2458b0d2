// What the owner of a storage engine does in its life.
#include <algorithm>

#include "src/base/io/log.h"
#include "tests/crash/engine/engine_world.h"

namespace timber::storage {

// Virtual time after which an answer is overdue: longer than any stall and any retry.
static constexpr Duration kPatience = std::chrono::seconds(60);

void Life::do_deeds() {
    for (size_t deed = 0; deed < deeds_ && !failure_; ++deed) {
        do_deed(scenario_.draw(random_));
        if (!failure_) check_after_deed();
    }
    if (failure_) return;
    if (!faulted_ && !was_short_ && random_.one_in(3)) {
        quiet_end();
    } else {
        watcher_.at(*this, {Moment::Kind::kEnd, disk_->steps()});
    }
}

void Life::quiet_end() {
    wait_for_answers();
    if (!failure_) check_all();
    if (!failure_) close_engine();
    if (!failure_) watcher_.at(*this, {Moment::Kind::kQuiet, disk_->steps()});
}

// The owner decides and acts in one task of its loop: what it decided upon cannot change between.
void Life::on_loop(std::move_only_function<void()> deed) { loop_->run(std::move(deed)); }

void Life::do_deed(Deed deed) {
    log_info("life: step {} deed {}", disk_->steps(), static_cast<int>(deed));
    switch (deed) {
        case Deed::kCommit: return on_loop([this] { commit_some(); });
        case Deed::kBulk:
            for (uint64_t i = random_.between(4, 20); i > 0 && !failure_; --i)
                on_loop([this] { commit_some(); });
            return;
        case Deed::kOverwrite: return on_loop([this] { overwrite(); });
        case Deed::kApply: return apply_some();
        case Deed::kCompact: return on_loop([this] { compact_some(); });
        case Deed::kCreate:
            on_loop([this] { create(); });
            if (random_.one_in(2)) wait_for_answers();
            return;
        case Deed::kDestroy:
            on_loop([this] { destroy(); });
            if (random_.one_in(3)) apply_some();
            if (random_.one_in(2)) wait_for_answers();
            return;
        case Deed::kInstall: return install();
        case Deed::kLocal: return on_loop([this] { local(); });
        case Deed::kFlush: return on_loop([this] { flush(); });
        case Deed::kWait: return wait_for_answers();
        case Deed::kStep: return step_world(random_.between(1, 60));
        case Deed::kRest: return let_time_pass(std::chrono::milliseconds(random_.between(1, 100)));
        case Deed::kRead: return read_some();
        case Deed::kCheck:
            wait_for_answers();
            if (!failure_) check_all();
            return;
        case Deed::kReopen: return reopen();
        case Deed::kFault: return plan_fault();
        case Deed::kSpace: return change_space();
        case Deed::kCount: break;
    }
    TIMBER_UNREACHABLE();
}

void Life::check_after_deed() {
    if (engine_failed_ || engine_->poisoned()) {
        if (random_.one_in(2)) disk_->clear_faults();
        engine_failed_ = true;
        reopen();
        if (failure_) return;
    }
    on_loop([this] {
        engine_->check_invariants();
        const auto wanted = std::exchange(compactions_wanted_, {});
        for (const auto& [region, index] : wanted)
            if (random_.one_in(2)) compact(region, index);
    });
    if (random_.one_in(40)) earlier_image_ = disk_->image();
}

void Life::commit_some(RegionId but_not) {
    // A Store without Regions has nothing to do.
    if (alive_regions() == 0) return create();
    WriteBatch batch;
    ModelCommit commit;
    for (uint64_t i = random_.between(1, 3); i > 0; --i) {
        const auto region = draw_region(true);
        if (!region || *region == but_not || commit.regions.contains(*region)) continue;
        // The engine shows no log of a Region whose creation is under way.
        if (!engine_->region(*region) ||
            engine_->region(*region)->last_index <
                model_.latest().regions.at(*region).base->state.applied)
            continue;
        add_entries(batch, commit, *region, random_.one_in(6) ? 0 : random_.between(1, 6));
    }
    if (!commit.regions.empty())
        this->commit(std::move(batch), std::move(commit), random_.one_in(6));
}

void Life::overwrite() {
    const auto region = draw_region(true);
    if (!region) return;
    const RegionHistory& latest = model_.latest().regions.at(*region);
    const raft::LogIndex keep =
        std::max({latest.hard_state.commit, applied_of(*region), latest.base->state.applied});
    if (latest.last_index <= keep) return;
    const raft::LogIndex first = keep + 1 + random_.below(latest.last_index - keep);
    const raft::Term term = std::max(latest.last_term, latest.hard_state.term) + 1;
    std::vector<raft::Entry> entries;
    for (uint64_t i = 0; i < random_.between(1, 3); ++i)
        entries.push_back(draw_entry(*region, first + i, term));
    WriteBatch batch;
    ModelCommit commit;
    ModelChange& change = commit.regions[*region];
    change.entries = entries;
    change.hard_state = latest.hard_state;
    change.hard_state->term = term;
    change.hard_state->vote = raft::NodeId();
    batch.append(*region, entries);
    batch.set_hard_state(*region, *change.hard_state);
    this->commit(std::move(batch), std::move(commit));
}

void Life::compact_some() {
    const auto region = draw_region(true);
    if (!region) return;
    const RegionHistory& latest = model_.latest().regions.at(*region);
    const raft::LogIndex base = latest.base->state.applied;
    if (latest.hard_state.commit <= base) return;
    compact(*region, base + 1 + random_.below(latest.hard_state.commit - base));
}

void Life::compact(RegionId region, raft::LogIndex index) {
    const auto place = model_.latest().regions.find(region);
    if (place == model_.latest().regions.end() || !place->second.alive || installing(region))
        return;
    const RegionHistory& latest = place->second;
    const auto known = latest.term(index);
    if (!known || index > latest.hard_state.commit) return;
    const raft::Term term = std::max({latest.last_term, latest.hard_state.term, raft::Term(1)});
    const std::vector<raft::Entry> entries = {
        {.term = term,
         .index = latest.last_index + 1,
         .payload = Commands().truncate({index, *known}).payload()}};
    WriteBatch batch;
    ModelCommit commit;
    commit.regions[region].entries = entries;
    batch.append(region, entries);
    this->commit(std::move(batch), std::move(commit));
}

uint64_t Life::alive_regions() const {
    return static_cast<uint64_t>(std::ranges::count_if(
        model_.latest().regions, [](const auto& each) { return each.second.alive; }));
}

void Life::create() {
    const auto region = draw_region(false);
    if (!region || model_.pending(*region)) return;
    AppliedState state;
    raft::HardState hard_state;
    if (random_.one_in(2)) {
        state = {.applied = raft::LogIndex(5),
                 .applied_term = raft::Term(5),
                 .truncated = {raft::LogIndex(5), raft::Term(5)},
                 .region_state = "created"};
        hard_state = {.term = raft::Term(5), .vote = {}, .commit = raft::LogIndex(5)};
    }
    WriteBatch batch;
    batch.create_region(*region, state, hard_state);
    ModelCommit commit;
    commit.regions[*region].create = state;
    commit.regions[*region].hard_state = hard_state;
    this->commit(std::move(batch), std::move(commit));
}

void Life::destroy() {
    const auto region = draw_region(true);
    if (!region || model_.pending(*region)) return;
    if (alive_regions() < 2 && !random_.one_in(4)) return;
    WriteBatch batch;
    batch.destroy_region(*region, {range_begin(*region), range_end(*region)}, "tombstone");
    ModelCommit commit;
    commit.regions[*region].tombstone = "tombstone";
    this->commit(std::move(batch), std::move(commit));
}

void Life::local() {
    WriteBatch batch;
    ModelCommit commit;
    const uint64_t key = random_.below(4);
    if (random_.one_in(3)) {
        batch.remove_local(key);
        commit.locals[key] = std::nullopt;
    } else {
        const std::string value = "local " + std::to_string(random_.next());
        batch.put_local(key, value);
        commit.locals[key] = value;
    }
    this->commit(std::move(batch), std::move(commit), random_.one_in(2));
}

void Life::flush() {
    ++unanswered_;
    engine_->flush([this](Status status) {
        --unanswered_;
        if (status) ++counts_.flushes;
        if (dead_ || status || status.error().code == ErrorCode::kClosed) return;
        if (!may_fail(status.error())) fail("a flush gave " + status.error().to_string());
    });
}

void Life::apply_some() {
    for (uint64_t i = random_.between(1, 2); i > 0 && !failure_; --i)
        if (const auto region = draw_region(true)) apply(*region, random_.between(1, 12));
    // What is committed may be applied until the Region's end is durable.
    for (const auto& [id, changing] : std::map(changing_))
        if (changing.end && !failure_ && random_.one_in(2)) apply(id, random_.between(1, 12));
}

void Life::apply(RegionId id, uint64_t count) {
    if (const auto changing = changing_.find(id); changing != changing_.end())
        if (!changing->second.end) return;
    const auto summary = engine_->region(id);
    if (!summary || engine_failed_) return;
    const raft::LogIndex applied = summary->applied.applied;
    const raft::LogIndex to = std::min(summary->hard_state.commit, applied + count);
    if (to <= applied) return;
    const std::vector<raft::Entry> entries = read_entries(id, applied + 1, to + 1);
    if (entries.empty() || failure_) return;
    on_loop([&] { apply_entries(id, entries); });
}

void Life::apply_entries(RegionId id, const std::vector<raft::Entry>& entries) {
    if (engine_->poisoned()) return;
    const RegionSummary summary = *engine_->region(id);
    // It has come to its end meanwhile.
    if (summary.last_index < entries.back().index) return;
    const bool ending = changing_.contains(id);
    const History& history = ending ? model_.sure() : model_.latest();
    AppliedState state = summary.applied;
    memtable::WriteBatch effects;
    for (const raft::Entry& entry : entries) {
        if (entry != history.regions.at(id).entries.at(entry.index))
            return fail("an entry was read back as another");
        TIMBER_ASSERT(applier_.apply(id, entry, state, effects).ok());
        state.applied = entry.index;
        state.applied_term = entry.term;
    }
    const Status done = engine_->apply(id, state, effects);
    if (done) {
        ++counts_.applies;
        return model_.applied(id, state.applied);
    }
    if (done.error().code != ErrorCode::kBusy && !may_fail(done.error()))
        fail("applying gave " + done.error().to_string());
}

void Life::read_some() {
    const auto region = draw_region(true);
    if (!region) return;
    const auto summary = engine_->region(*region);
    if (!summary || summary->last_index <= summary->applied.truncated.index) return;
    const raft::LogIndex low =
        summary->applied.truncated.index + 1 +
        random_.below(summary->last_index - summary->applied.truncated.index);
    const auto entries = read_entries(*region, low, summary->last_index + 1);
    if (failure_ || entries.empty() || model_.pending(*region) || changing_.contains(*region))
        return;
    const RegionHistory& sure = model_.sure().regions.at(*region);
    for (const raft::Entry& entry : entries) {
        const auto expected = sure.entries.find(entry.index);
        if (expected == sure.entries.end() || entry != expected->second)
            return fail("an entry was read back as another");
    }
}

// Every entry of the log, from the disk where memory has let go of it.
void Life::read_all() {
    for (const auto& [id, region] : model_.sure().regions) {
        if (!region.alive) continue;
        const RegionSummary summary = *engine_->region(id);
        raft::LogIndex next = summary.applied.truncated.index + 1;
        while (next <= summary.last_index && !failure_) {
            const auto entries = read_entries(id, next, summary.last_index + 1);
            if (entries.empty()) break;  // an error that may be
            for (const raft::Entry& entry : entries)
                if (entry != region.entries.at(entry.index))
                    return fail("an entry was read back as another");
            next = entries.back().index + 1;
        }
    }
}

void Life::check_all() {
    if (engine_failed_ || faulted_ || unanswered_ > 0) return;
    RecoveredEngine found;
    on_loop([&] { gather(found); });
    const Status read = read_rows(found.rows);
    if (!read) return fail("reading everything gave " + read.error().to_string());
    ++counts_.checks;
    const Status compared = model_.holds_now(found);
    if (!compared) fail("while it runs: " + compared.error().detail);
}

void Life::wait_for_answers() {
    const Instant deadline = world_->now() + kPatience;
    while (unanswered_ > 0 && !failure_ && !engine_failed_) {
        // Without space, an install or a flush waits for it.
        if (short_of_space_ && world_->now() > deadline) return;
        if (world_->now() > deadline || !world_->step()) return fail("an answer never comes");
    }
}

void Life::step_world(uint64_t count) {
    for (; count > 0 && !failure_; --count)
        if (!world_->step()) return;
}

void Life::let_time_pass(Duration duration) { world_->run_for(duration); }

void Life::plan_fault() {
    faulted_ = true;
    struct Choice {
        DiskOperation operation;
        const char* path;
    };
    static constexpr std::array<Choice, 9> kChoices = {{{DiskOperation::kWrite, "log/"},
                                                        {DiskOperation::kWrite, ".sst"},
                                                        {DiskOperation::kSync, ".sst"},
                                                        {DiskOperation::kWrite, "MANIFEST"},
                                                        {DiskOperation::kSync, "MANIFEST"},
                                                        {DiskOperation::kWrite, ""},
                                                        {DiskOperation::kRead, "log/"},
                                                        {DiskOperation::kAllocate, ""},
                                                        {DiskOperation::kOpen, ""}}};
    const Choice& choice = kChoices[random_.below(kChoices.size())];
    Fault fault{.operation = choice.operation, .path_contains = choice.path};
    fault.nth = random_.between(1, 4);
    if (random_.one_in(5)) fault.kind = FaultKind::kStall;
    disk_->inject(fault);
}

void Life::change_space() {
    std::optional<uint64_t>& capacity = disk_->options().capacity_bytes;
    if (!capacity) {
        capacity = 0;
        short_of_space_ = was_short_ = true;
        return;
    }
    capacity.reset();
    // Whatever was full, it goes on by itself.
    const Instant deadline = world_->now() + kPatience;
    while (!failure_ && !engine_failed_ && !faulted_ &&
           (engine_->pace(100).stopped || engine_->stats().log.no_space)) {
        if (world_->now() > deadline || !world_->step())
            fail("writes stay stopped although there is space again");
    }
    if (failure_ || engine_failed_ || faulted_) return;
    short_of_space_ = false;
    wait_for_answers();
}

}  // namespace timber::storage
