// What the owner commits, and what it reads back.
#include <algorithm>

#include "memtable/table_reader.h"
#include "memtable/table_writer.h"
#include "src/base/io/log.h"
#include "tests/crash/engine/engine_world.h"

namespace timber::storage {

using memtable::Family;

std::string Life::range_begin(RegionId region) {
    return "R" + std::to_string(region.value()) + "/";
}
std::string Life::range_end(RegionId region) { return "R" + std::to_string(region.value()) + "0"; }

// One that may be committed to, if there is one.
std::optional<RegionId> Life::draw_region(bool alive) {
    std::vector<RegionId> candidates;
    for (uint64_t number = 1; number <= scenario_.regions; ++number) {
        const RegionId id(number);
        const auto place = model_.latest().regions.find(id);
        const bool is_alive = place != model_.latest().regions.end() && place->second.alive;
        const bool quiet = alive && (quiet_regions_ >> number & 1) != 0 && !random_.one_in(50);
        if (is_alive == alive && !installing(id) && !quiet) candidates.push_back(id);
    }
    if (candidates.empty()) return std::nullopt;
    return candidates[random_.below(candidates.size())];
}

raft::LogIndex Life::applied_of(RegionId region) const {
    const auto summary = engine_->region(region);
    return summary ? summary->applied.applied : raft::LogIndex();
}

raft::Entry Life::draw_entry(RegionId region, raft::LogIndex index, raft::Term term) {
    Commands commands;
    const uint64_t count = random_.one_in(8) ? 0 : random_.between(1, 3);
    for (uint64_t i = 0; i < count; ++i) {
        const auto family = static_cast<Family>(random_.below(kDataFamilies));
        const std::string key = range_begin(region) + std::to_string(random_.below(40));
        if (random_.one_in(5)) {
            commands.remove(family, key);
        } else if (random_.one_in(25)) {
            commands.remove_range(family, key, range_end(region));
        } else {
            std::string value =
                std::to_string(++values_made_) + "-" + std::to_string(random_.next());
            value.resize(random_.below(scenario_.value_bytes_max + 1), 'v');
            commands.put(family, key, value);
        }
    }
    if (random_.one_in(10)) commands.region_state("state " + std::to_string(random_.below(1000)));
    return {.term = term,
            .index = index,
            .type = random_.one_in(20) ? raft::EntryType::kConfChange : raft::EntryType::kNormal,
            .payload = commands.payload()};
}

// Some way further, and no further than what is durable.
raft::HardState Life::draw_hard_state(RegionId region, const std::vector<raft::Entry>& entries) {
    const RegionHistory& latest = model_.latest().regions.at(region);
    raft::HardState hard_state = latest.hard_state;
    if (!entries.empty()) hard_state.term = std::max(hard_state.term, entries.back().term);
    if (random_.one_in(6)) {
        ++hard_state.term;
        hard_state.vote = raft::NodeId(random_.below(4));
    }
    raft::LogIndex durable = engine_->region(region)->last_index;
    if (!entries.empty()) durable = std::min(durable, entries.front().index - 1);
    durable = std::min(durable, latest.last_index);
    if (durable > hard_state.commit)
        hard_state.commit = hard_state.commit + random_.below(durable - hard_state.commit + 1);
    return hard_state;
}

void Life::add_entries(WriteBatch& batch, ModelCommit& commit, RegionId region, uint64_t count) {
    const RegionHistory& latest = model_.latest().regions.at(region);
    std::vector<raft::Entry> entries;
    raft::Term term = std::max(latest.last_term, latest.hard_state.term);
    if (term == raft::Term()) term = raft::Term(1);
    for (uint64_t i = 0; i < count; ++i)
        entries.push_back(draw_entry(region, latest.last_index + i + 1, term));
    ModelChange& change = commit.regions[region];
    change.entries = entries;
    batch.append(region, entries);
    if (entries.empty() || !model_.pending(region) || random_.one_in(2)) {
        change.hard_state = draw_hard_state(region, entries);
        batch.set_hard_state(region, *change.hard_state);
    }
}

void Life::commit(WriteBatch batch, ModelCommit commit, bool urgent) {
    commit.number = model_.next_number();
    const uint64_t number = commit.number;
    for (auto& [id, change] : commit.regions) {
        if (change.create || change.install || change.tombstone) {
            changing_[id] = {number, change.install != nullptr, change.tombstone.has_value()};
        } else if (!changing_.contains(id)) {
            change.applied = applied_of(id);
        }
    }
    ++unanswered_;
    model_.accepted(commit);
    Status accepted = engine_->commit(
        std::move(batch),
        [this, number](Status status) {
            --unanswered_;
            if (!dead_) answered(number, status);
        },
        urgent);
    if (accepted) return;
    --unanswered_;
    std::erase_if(changing_, [&](const auto& each) { return each.second.number == number; });
    const ErrorCode code = accepted.error().code;
    if (code != ErrorCode::kBusy && code != ErrorCode::kTooLarge && !may_fail(accepted.error()))
        fail("a commit was refused: " + accepted.error().to_string());
    if (Status known = model_.refused(number); !known) fail(known.error().detail);
}

void Life::answered(uint64_t number, const Status& status) {
    log_info("life: step {} commit {} answered: {}", disk_->steps(), number,
             status ? "durable" : status.error().to_string());
    const size_t changes =
        std::erase_if(changing_, [&](const auto& each) { return each.second.number == number; });
    if (status) {
        ++counts_.commits;
        counts_.changes += changes;
        if (Status known = model_.acknowledged(number); !known) fail(known.error().detail);
        return;
    }
    const ErrorCode code = status.error().code;
    if (code == ErrorCode::kClosed) return;
    if (!may_fail(status.error())) return fail("a commit gave " + status.error().to_string());
    if (code != ErrorCode::kNoSpace) return;  // unknown: the next opening tells
    if (Status known = model_.refused(number); !known) fail(known.error().detail);
}

Status Life::write_snapshot(RegionId region, const RegionContents& contents,
                            std::vector<SnapshotFile>& files) {
    for (size_t family = 0; family < kDataFamilies; ++family) {
        if (contents.rows[family].empty()) continue;
        memtable::Store::ReservedFile reserved = engine_->state().reserve_file();
        const memtable::FileId id{region.value() + 1000, random_.next()};
        TIMBER_TRY(
            const std::unique_ptr<memtable::TableWriter> writer,
            memtable::TableWriter::create(*disk_, reserved.path, {id, static_cast<Family>(family)},
                                          scenario_.engine.state.families[family].table(0)));
        std::string internal_key;
        for (const auto& [key, value] : contents.rows[family]) {
            internal_key.clear();
            memtable::append_internal_key(internal_key, key, memtable::Sequence(0),
                                          memtable::EntryKind::kPut);
            TIMBER_CHECK(writer->add(internal_key, value));
        }
        TIMBER_TRY(const memtable::TableSummary summary, writer->finish());
        TIMBER_CHECK(disk_->sync_directory("store/state"));
        files.push_back({reserved.number, static_cast<Family>(family), id, summary.file_bytes,
                         summary.file_checksum});
    }
    return {};
}

void Life::install() {
    const auto region = draw_region(true);
    if (!region || model_.pending(*region)) return;
    const RegionHistory& latest = model_.latest().regions.at(*region);
    auto contents = std::make_shared<RegionContents>();
    const raft::LogIndex index =
        std::max({latest.last_index, latest.hard_state.commit, raft::LogIndex(1)}) +
        random_.below(10);
    raft::Term term = std::max({latest.last_term, latest.hard_state.term, raft::Term(1)});
    if (random_.one_in(3)) ++term;
    contents->state = {.applied = index,
                       .applied_term = term,
                       .truncated = {index, term},
                       .region_state = "snapshot " + std::to_string(random_.below(1000))};
    const uint64_t keys = random_.below(random_.one_in(3) ? 100 : 8);
    for (uint64_t i = 0; i < keys; ++i)
        contents->rows[random_.below(kDataFamilies)].insert_or_assign(
            range_begin(*region) + std::to_string(random_.below(60)),
            "installed " + std::to_string(random_.next()));
    SnapshotInstall install{.state = contents->state,
                            .range = {range_begin(*region), range_end(*region)}};
    Status written;
    world_->run_job([&] { written = write_snapshot(*region, *contents, install.files); });
    if (!written) {
        if (!may_fail(written.error()))
            fail("writing a snapshot gave " + written.error().to_string());
        return;
    }
    on_loop([&] {
        // Its record may take a while to become durable, behind others or by itself.
        if (random_.one_in(3))
            for (uint64_t i = random_.between(1, 20); i > 0; --i) commit_some(*region);
        if (random_.one_in(2))
            disk_->inject({.operation = DiskOperation::kWrite,
                           .path_contains = "log/segment",
                           .kind = FaultKind::kStall});
        commit_install(*region, contents, std::move(install));
    });
}

void Life::commit_install(RegionId region, std::shared_ptr<const RegionContents> contents,
                          SnapshotInstall install) {
    // While the files were written, time has passed.
    if (engine_->poisoned() || engine_failed_) return;
    WriteBatch batch;
    ModelCommit commit;
    ModelChange& change = commit.regions[region];
    change.hard_state = model_.latest().regions.at(region).hard_state;
    change.hard_state->term = std::max(change.hard_state->term, contents->state.applied_term);
    change.hard_state->commit = contents->state.applied;
    change.install = std::move(contents);
    batch.install_snapshot(region, std::move(install));
    batch.set_hard_state(region, *change.hard_state);
    this->commit(std::move(batch), std::move(commit));
}

std::vector<raft::Entry> Life::read_entries(RegionId region, raft::LogIndex low,
                                            raft::LogIndex high) {
    const Instant deadline = world_->now() + std::chrono::seconds(60);
    for (;;) {
        Result<std::vector<raft::Entry>> read = std::vector<raft::Entry>();
        const size_t calls = entries_ready_;
        bool there = true;
        loop_->run([&] {
            // The Region may have been changed meanwhile.
            const auto summary = engine_->region(region);
            there = low > summary->applied.truncated.index && high <= summary->last_index + 1;
            if (there) read = engine_->entries(region, low, high, random_.between(1, 20'000));
        });
        if (!there) return {};
        if (read) return *read;
        if (read.error().code != ErrorCode::kBusy) {
            if (!may_fail(read.error())) fail("reading entries gave " + read.error().to_string());
            return {};
        }
        while (entries_ready_ == calls && !failure_) {
            if (world_->now() > deadline || !world_->step())
                fail("entries are said to be read, and never come");
            if (installing(region)) return {};
        }
        if (failure_) return {};
    }
}

}  // namespace timber::storage
