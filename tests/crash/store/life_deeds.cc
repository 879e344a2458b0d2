// What the owner of a state store does in its life.
#include <algorithm>

#include "memtable/health.h"
#include "src/base/io/log.h"
#include "tests/crash/store/store_world.h"

namespace timber::memtable {

// Virtual time after which an answer is overdue: longer than any stall and any retry.
static constexpr Duration kPatience = std::chrono::seconds(60);
static constexpr size_t kSnapshotsMax = 3;

void Life::do_deeds() {
    for (size_t deed = 0; deed < deeds_ && !failure_; ++deed) {
        do_deed(scenario_.draw(random_));
        if (!failure_) check_after_deed();
    }
    if (failure_) return;
    if (!faulted_ && !short_of_space_ && random_.one_in(3)) {
        quiet_end();
    } else {
        watcher_.at(*this, {Moment::Kind::kEnd, disk_->steps()});
    }
}

void Life::run_script(const std::vector<ScriptedDeed>& script) {
    if (!open_store()) return;
    for (const ScriptedDeed& scripted : script) {
        random_ = Random(scripted.seed);
        do_deed(scripted.deed);
        if (!failure_) check_after_deed();
        if (failure_) return;
    }
    quiet_end();
    if (failure_) return;
    in_job([&] {
        for (const Family family : kAllFamilies) {
            Rows backward;
            fail(read_family({}, family, true, backward));
            if (!failure_ && backward != model_.now().rows(family))
                fail("read backward at the end, family " + std::string(to_string(family)) +
                     " is another");
        }
        Contents contents;
        fail(read_contents(nullptr, contents));
        if (!failure_ && contents != model_.now())
            fail("at the end: " + difference(model_.now(), contents));
    });
}

void Life::quiet_end() {
    iterators_.clear();
    snapshots_.clear();
    wait_for_answers();
    if (failure_) return;
    settle();
    const Instant deadline = world_->now() + kPatience;
    while (tables_too_many() > 0 && world_->now() < deadline)
        let_time_pass(std::chrono::milliseconds(100));
    if (!failure_) check_files();
    if (!failure_) watcher_.at(*this, {Moment::Kind::kQuiet, disk_->steps()});
}

void Life::do_deed(Deed deed) {
    log_info("life: step {} deed {}", disk_->steps(), static_cast<int>(deed));
    switch (deed) {
        case Deed::kWrite: return write_some(random_.between(1, 6), scenario_.value_bytes_max);
        case Deed::kBulk: return write_bulk();
        case Deed::kLarge: return write_some(1, 9000);
        case Deed::kRemoveRange: return remove_range();
        case Deed::kFlush: return flush();
        case Deed::kWait: return wait_for_answers();
        case Deed::kStep: return step_world(random_.between(1, 60));
        case Deed::kSettle: return settle();
        case Deed::kCompact: return compact();
        case Deed::kSnapshot: return snapshot();
        case Deed::kIterate: return iterate();
        case Deed::kRead: return read_some();
        case Deed::kScan: return scan();
        case Deed::kIngest: return ingest();
        case Deed::kExport: return export_range();
        case Deed::kReserve: return reserve();
        case Deed::kReopen: return reopen();
        case Deed::kFault: return plan_fault();
        case Deed::kSpace: return change_space();
        case Deed::kCount: break;
    }
    TIMBER_UNREACHABLE();
}

void Life::check_after_deed() {
    if (store_failed_ || store_->condition() == Condition::kFailed) {
        if (random_.one_in(2)) disk_->clear_faults();
        reopen();
        if (failure_) return;
    }
    loop_->run([this] { store_->check_invariants(); });
    if (!replaced_.empty()) read_replaced();
    if (random_.one_in(40)) earlier_image_ = disk_->image();
}

Store::Done Life::answer(const char* what) {
    ++unanswered_;
    return [this, what, answered = false](Status status) mutable {
        if (std::exchange(answered, true)) fail(std::string(what) + " was answered twice");
        --unanswered_;
        if (dead_ || status || status.error().code == ErrorCode::kClosed) return;
        if (!may_fail(status.error()))
            fail(std::string(what) + " gave " + status.error().to_string());
    };
}

bool Life::apart_from_ingest(Family family, std::string_view key) const {
    const auto& ingest = model_.ingest_pending();
    return ingest == nullptr || ingest->apart_from(family, key);
}

void Life::write_some(size_t operations, size_t value_bytes_max) {
    WriteBatch batch;
    for (size_t i = 0; i < operations; ++i) {
        const Family family = kAllFamilies[random_.below(kFamilies)];
        const std::string key = scenario_.draw_key(random_);
        std::string value = std::to_string(++values_made_) + "-" + std::to_string(random_.next());
        value.resize(random_.below(value_bytes_max + 1),
                     static_cast<char>('a' + values_made_ % 26));
        if (!apart_from_ingest(family, key)) continue;
        if (random_.one_in(4)) {
            batch.remove(family, key);
        } else {
            batch.put(family, key, value);
        }
    }
    if (!batch.empty()) write(batch);
}

void Life::write(const WriteBatch& batch) {
    const Instant deadline = world_->now() + kPatience;
    for (;;) {
        Result<Sequence> written = Sequence();
        // The owner moves its floor first: a table that is sealed within has the batch in it.
        loop_->run([&] {
            writing_ = true;
            written = store_->write(batch);
            writing_ = false;
        });
        if (written) return model_.written(batch, *written);
        const ErrorCode code = written.error().code;
        if (code == ErrorCode::kPoisoned && store_failed_) return;
        if (code != ErrorCode::kBusy)
            return fail("a write was refused: " + written.error().to_string());
        // Full memory: the flushes will make room, unless they cannot.
        if (short_of_space_ || faulted_ || failure_) return;
        if (world_->now() > deadline || !world_->step())
            return fail("writes stay refused although flushes could go on");
    }
}

void Life::write_bulk() {
    const uint64_t batches = random_.between(4, 40);
    const size_t bytes = random_.one_in(3) ? 2000 : scenario_.value_bytes_max;
    for (uint64_t i = 0; i < batches && !failure_; ++i) write_some(random_.between(1, 8), bytes);
}

void Life::remove_range() {
    WriteBatch batch;
    const auto remove = [&] {
        const Family family = kAllFamilies[random_.below(kFamilies)];
        const KeyRange range = scenario_.draw_range(random_);
        const auto& ingest = model_.ingest_pending();
        if (ingest != nullptr && !ingest->apart_from_range(family, range.begin, range.end)) return;
        batch.remove_range(family, range.begin, range.end);
    };
    remove();
    // In one batch with a put, before or behind it.
    const Family family = kAllFamilies[random_.below(kFamilies)];
    const std::string key = scenario_.draw_key(random_);
    if (random_.one_in(2) && apart_from_ingest(family, key)) batch.put(family, key, "in between");
    if (random_.one_in(3)) remove();
    if (!batch.empty()) write(batch);
}

void Life::flush() {
    loop_->run([this] { store_->flush(answer("a flush")); });
}

void Life::compact() {
    const Family family = kAllFamilies[random_.below(kFamilies)];
    const KeyRange range = scenario_.draw_range(random_);
    loop_->run([&] { store_->compact_range(family, range, answer("a compaction")); });
}

void Life::snapshot() {
    if (snapshots_.size() == kSnapshotsMax || (!snapshots_.empty() && random_.one_in(3))) {
        snapshots_.erase(snapshots_.begin() +
                         static_cast<ptrdiff_t>(random_.below(snapshots_.size())));
        return;
    }
    snapshots_.push_back({store_->snapshot(), model_.now_shared()});
}

// Keys that are there and keys that are not, now and at snapshots.
void Life::read_some() {
    for (int i = 0; i < 8 && !failure_; ++i) {
        const Family family = kAllFamilies[random_.below(kFamilies)];
        const std::string key = scenario_.draw_key(random_);
        ReadOptions options;
        std::shared_ptr<const Contents> contents;
        if (!snapshots_.empty() && random_.one_in(2)) {
            const HeldSnapshot& held = snapshots_[random_.below(snapshots_.size())];
            options.snapshot = held.snapshot.get();
            contents = held.contents;
        } else {
            contents = model_.now_shared();
        }
        options.cache_only = random_.one_in(4);
        // While an ingest is under way its range may be seen before or after it.
        if (options.snapshot == nullptr && !apart_from_ingest(family, key)) continue;
        in_job([&] {
            PinnedValue value;
            const Result<bool> found = store_->get(options, family, key, value);
            if (!found) {
                const ErrorCode code = found.error().code;
                const bool busy = options.cache_only && code == ErrorCode::kBusy;
                if (!busy && !may_fail(found.error()))
                    fail("reading a key gave " + found.error().to_string());
                return;
            }
            const Rows& rows = contents->rows(family);
            const auto expected = rows.find(key);
            if (*found != (expected != rows.end()))
                return fail("key '" + key + "' of family " + std::string(to_string(family)) +
                            (*found ? " is there and should not be" : " is not there"));
            if (*found && value.view() != expected->second)
                fail("key '" + key + "' of family " + std::string(to_string(family)) +
                     " has another value");
        });
    }
}

void Life::scan() {
    const bool at_snapshot = !snapshots_.empty() && random_.one_in(2);
    if (!at_snapshot && model_.ingest_pending() != nullptr) wait_for_answers();
    if (failure_) return;
    const Family family = kAllFamilies[random_.below(kFamilies)];
    const KeyRange range = random_.one_in(2) ? scenario_.draw_range(random_) : KeyRange{};
    const bool backward = random_.one_in(2);
    std::shared_ptr<const Contents> contents = model_.now_shared();
    SnapshotRef snapshot;
    if (at_snapshot) {
        const HeldSnapshot& held = snapshots_[random_.below(snapshots_.size())];
        contents = held.contents;
        snapshot = held.snapshot;
    }
    Rows expected;
    for (const auto& [key, value] : contents->rows(family))
        if (range.contains(key)) expected.emplace(key, value);
    in_job([&] {
        Rows found;
        const Status read =
            read_family({.snapshot = snapshot.get(), .lower = range.begin, .upper = range.end},
                        family, backward, found);
        if (!read) {
            if (!may_fail(read.error())) fail("a scan gave " + read.error().to_string());
        } else if (found != expected) {
            Contents left;
            Contents right;
            left.rows(family) = std::move(expected);
            right.rows(family) = std::move(found);
            fail(std::string(at_snapshot ? "a scan at a snapshot: " : "a scan: ") +
                 difference(left, right));
        }
    });
}

void Life::wait_for_answers() {
    const Instant deadline = world_->now() + kPatience;
    // What waits for space or for a disk that fails is answered when that is over.
    const auto over = [&] {
        return unanswered_ == 0 || failure_ || world_->now() > deadline || short_of_space_ ||
               faulted_;
    };
    if (!world_->run_until(over) || (!failure_ && !over()))
        return fail("something is never answered");
    if (!failure_ && unanswered_ != 0 && !short_of_space_ && !faulted_)
        fail("something is not answered in time");
}

void Life::settle() {
    loop_->run([this] { store_->settle(answer("settling")); });
    wait_for_answers();
}

void Life::step_world(uint64_t count) {
    for (uint64_t step = 0; step < count; ++step) world_->step();
}

// In pieces, because a slow processor may let a whole wait pass before a timer is served.
void Life::let_time_pass(Duration duration) {
    constexpr int kPieces = 4;
    for (int piece = 0; piece < kPieces; ++piece) world_->run_for(duration / kPieces);
}

// A file that will never be ingested: given back, or left behind for the next life to remove.
void Life::reserve() {
    Store::ReservedFile file;
    loop_->run([&] { file = store_->reserve_file(); });
    in_job([&] {
        const auto handle = disk_->open(file.path, {.create = true, .exclusive = true});
        if (!handle) {
            if (!may_fail(handle.error())) fail("a reserved name: " + handle.error().to_string());
            return;
        }
        const std::string noise(100, 'n');
        (void)await_write(*disk_, *handle, file.path, 0, as_bytes(noise)).ok();
        disk_->close(*handle);
    });
    if (random_.one_in(2)) {
        loop_->run([&] { store_->discard_file(file.number); });
    } else {
        reserved_.insert(file.number);
    }
}

void Life::plan_fault() {
    faulted_ = true;
    struct Choice {
        DiskOperation operation;
        const char* path;
    };
    constexpr std::array<Choice, 10> kChoices = {{{DiskOperation::kWrite, ".sst"},
                                                  {DiskOperation::kSync, ".sst"},
                                                  {DiskOperation::kRead, ".sst"},
                                                  {DiskOperation::kWrite, "MANIFEST"},
                                                  {DiskOperation::kSync, "MANIFEST"},
                                                  {DiskOperation::kWrite, ""},
                                                  {DiskOperation::kAllocate, ""},
                                                  {DiskOperation::kSyncDirectory, ""},
                                                  {DiskOperation::kRename, ""},
                                                  {DiskOperation::kOpen, ".sst"}}};
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
        short_of_space_ = true;
        return;
    }
    capacity.reset();
    const auto stuck = [&] {
        return !failure_ && !store_failed_ && store_->condition() == Condition::kNoSpace;
    };
    // The next try may lie as far ahead as delays grow, and what it begins takes some time.
    const Duration delay = scenario_.store.retry_delay;
    const Instant deadline = world_->now() + (Health::kDelayGrowthMax + 8) * delay;
    let_time_pass(8 * delay);
    while (stuck() && world_->now() < deadline) let_time_pass(delay);
    if (failure_ || store_failed_ || faulted_) return;
    if (stuck()) return fail("the store finds no space although there is some again");
    short_of_space_ = false;
    wait_for_answers();
}

// Tables on the disk that are neither live nor reserved.
size_t Life::tables_too_many() const {
    size_t tables = 0;
    for (const std::string& path : disk_->image().paths())
        tables += path.starts_with("store/") && path.ends_with(".sst") ? 1 : 0;
    const size_t wanted = tables_live() + reserved_.size();
    return tables > wanted ? tables - wanted : 0;
}

size_t Life::tables_live() const {
    size_t live = 0;
    for (const auto& family : store_->stats().levels)
        for (const LevelStats& level : family) live += level.files;
    return live;
}

// The files that are live, and those that somebody reserved; nothing else is left.
void Life::check_files() {
    if (tables_too_many() > 0)
        fail(std::to_string(tables_too_many()) + " tables on the disk besides " +
             std::to_string(tables_live()) + " live ones and " + std::to_string(reserved_.size()) +
             " reserved; " + std::to_string(store_->stats().files_obsolete) + " are said to go");
}

}  // namespace timber::memtable
