#include "tests/memtable/background_world.h"

#include <algorithm>

#include "memtable/compaction_inputs.h"
#include "memtable/compaction_stream.h"
#include "memtable/level_shape.h"
#include "memtable/output_cuts.h"
#include "memtable/view_reader.h"
#include "src/base/assert.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

// What the stream leaves of it all; `cut` is asked before each user key.
template <typename Cut>
std::vector<TableContents> run_stream(MergingIterator& merged, const DropRules& rules,
                                      OlderData* older, Cut cut) {
    CompactionStream stream(merged, rules, older);
    stream.pause_at(UINT64_MAX);
    std::vector<TableContents> outputs(1);
    std::vector<std::string> begins(1);
    uint64_t bytes = 0;
    for (stream.begin(); stream.state() == CompactionStream::State::kEntry; stream.next()) {
        if (stream.first_of_key() && cut(user_key_of(stream.key()), bytes)) {
            begins.emplace_back(user_key_of(stream.key()));
            outputs.emplace_back();
            bytes = 0;
        }
        outputs.back().entries.emplace_back(stream.key(), stream.value());
        bytes += stream.key().size() + stream.value().size();
    }
    TIMBER_ASSERT(merged.status().ok());
    for (const RangeRemove& remove : rules.kept_range_removes(older))
        for (size_t at = 0; at < outputs.size(); ++at) {
            const std::string end = at + 1 < outputs.size() ? begins[at + 1] : "";
            RangeRemove part{std::max(remove.begin, begins[at]),
                             compare_ends(remove.end, end) < 0 ? remove.end : end, remove.sequence};
            if (before_end(part.begin, part.end)) outputs[at].removes.push_back(std::move(part));
        }
    std::erase_if(outputs, [](const TableContents& output) { return output.empty(); });
    return outputs;
}

void append_removes(std::vector<RangeRemove>& to, const RangeRemoveSet& from) {
    for (RangeRemove& remove : from.to_removes()) to.push_back(std::move(remove));
}

}  // namespace

TableFileRef FakeWorkshop::add(Family family, TableContents contents) {
    ++files_;
    return tables_.add(family, std::move(contents));
}

Result<JobOutcome> FakeWorkshop::flush(FlushJob::Request request) {
    JobOutcome outcome;
    const Family family = BackgroundWorld::kFamily;
    MergingIterator merged;
    std::vector<RangeRemove> removes;
    for (const auto& table : request.tables) {
        merged.add(table->new_iterator(family));
        if (table->has_range_removes(family))
            append_removes(removes, *table->range_removes(family));
    }
    const DropRules rules(request.snapshots, request.flushed, RangeRemoveSet(std::move(removes)));
    OlderData older(request.version, family, 0);
    for (TableContents& contents :
         run_stream(merged, rules, &older, [](std::string_view, uint64_t) { return false; })) {
        outcome.files.push_back(add(family, std::move(contents)));
        outcome.edit.added.push_back({0, outcome.files.back()->meta()});
    }
    outcome.edit.flushed = request.flushed;
    outcome.edit.sequence_last = std::max(request.flushed, request.version->sequence_last());
    return outcome;
}

Result<JobOutcome> FakeWorkshop::compact(CompactionJob::Request request) {
    const Compaction& what = request.compaction;
    JobOutcome outcome;
    MergingIterator merged;
    std::vector<RangeRemove> removes;
    const auto take = [&](const std::vector<TableFileRef>& files, uint8_t level) {
        for (const TableFileRef& file : files) {
            merged.add(tables_.new_iterator(*file, {}));
            append_removes(removes, tables_.range_removes(*file));
            outcome.edit.removed.push_back({what.family, level, file->meta().number});
        }
    };
    take(what.inputs_from, what.level_from);
    take(what.inputs_to, what.level_to);
    const DropRules rules(request.snapshots, what.version->flushed(), RangeRemoveSet(removes));
    std::optional<OlderData> older;
    if (what.level_to != 0) older.emplace(what.version, what.family, what.level_to + 1u);
    const uint64_t target = options_.families[index_of(what.family)].table_bytes_target;
    OutputCuts cuts(what.grandparents, target, kGrandparentTables * target);
    const auto cut = [&](std::string_view key, uint64_t bytes) {
        if (what.level_to == 0 || !cuts.before(key, bytes)) return false;
        cuts.begin();
        return true;
    };
    for (TableContents& contents : run_stream(merged, rules, older ? &*older : nullptr, cut)) {
        outcome.files.push_back(add(what.family, std::move(contents)));
        outcome.edit.added.push_back({what.level_to, outcome.files.back()->meta()});
    }
    return outcome;
}

TableFileRef FakeWorkshop::write(Family family, TableContents contents, Sequence) {
    return add(family, std::move(contents));
}

Options small_options(Random& random) {
    Options options;
    options.memory_table_bytes = random.one_in(2) ? 1500 : 50'000;
    options.level1_bytes = random.between(500, 10'000);
    options.level0_files_compact = random.between(2, 4);
    options.level_bytes_multiplier = random.between(2, 5);
    for (FamilyOptions& family : options.families) {
        family.table_bytes_target = random.between(100, 1200);
        if (random.one_in(2)) family.compression.fill(Compression::kNone);
    }
    return options;
}

BackgroundWorld::BackgroundWorld(uint64_t seed, const Options& options, Workshop& workshop)
    : random_(seed),
      options_(options),
      workshop_(workshop),
      picker_(options),
      keys_(draw_keys(random_, random_.between(3, 150))),
      active_(std::make_shared<MemoryTable>(seed)) {
    std::ranges::sort(keys_);
    keys_.erase(std::ranges::unique(keys_).begin(), keys_.end());
    window_keys_ = random_.one_in(2) ? keys_.size() : random_.between(1, 8);
    ranges_permille_ = random_.one_in(3) ? 0 : random_.between(1, 80);
    ingests_some_ = !random_.one_in(3);
    value_bytes_max_ = random_.between(1, options.memory_table_bytes / 20);
    batch_max_ = random_.one_in(3) ? 1 : random_.between(1, 10);
}

// In some worlds what is written at a time lies close together.
const std::string& BackgroundWorld::draw_key() {
    if (random_.one_in(20)) window_ = random_.below(keys_.size());
    return keys_[(window_ + random_.below(window_keys_)) % keys_.size()];
}

bool BackgroundWorld::step() {
    const uint64_t draw = random_.below(100);
    if (draw < 45) {
        if (writing_) write();
    } else if (draw < 58) {
        seal();
    } else if (draw < 68) {
        flush();
    } else if (draw < 71) {
        take_snapshot();
    } else if (draw < 75) {
        drop_snapshot();
    } else if (draw < 86) {
        if (running_.size() < 3) start_compaction();
    } else if (draw < 96) {
        finish_compaction();
    } else if (ingests_some_) {
        ingest_ ? finish_ingest() : start_ingest();
    }
    if (random_.one_in(4)) check();
    return complaint_.empty();
}

KeyRange BackgroundWorld::draw_range() {
    KeyRange range{draw_key(), random_.one_in(8) ? "" : draw_key()};
    if (!range.end.empty() && range.end < range.begin) std::swap(range.begin, range.end);
    if (range.begin == range.end) range.end += '\0';
    return range;
}

// While an ingest is under way nothing is written into its range.
void BackgroundWorld::write() {
    for (uint64_t count = random_.between(1, batch_max_); count > 0; --count) {
        HistoryOperation operation{last_ + 1, WriteBatch::Kind::kPut, draw_key(), {}};
        if (random_.below(1000) < ranges_permille_) {
            const KeyRange range = draw_range();
            if (ingest_ && overlap(range, ingest_->range)) continue;
            operation = {last_ + 1, WriteBatch::Kind::kRemoveRange, range.begin, range.end};
            active_->add_range_remove(kFamily, operation.sequence, range.begin, range.end);
        } else {
            if (ingest_ && ingest_->range.contains(operation.key)) continue;
            const bool put = !random_.one_in(4);
            if (put) {
                operation.value = "value " + std::to_string(operation.sequence.value());
                operation.value.append(random_.below(value_bytes_max_), '.');
            }
            if (!put) operation.kind = WriteBatch::Kind::kRemove;
            active_->add(kFamily, operation.sequence, put ? EntryKind::kPut : EntryKind::kRemove,
                         operation.key, operation.value);
        }
        ++last_;
        history_.add(std::move(operation));
    }
}

void BackgroundWorld::seal() {
    if (active_->empty()) return;
    active_->seal();
    sealed_.push_back(active_);
    sealed_at_.push_back(last_);
    active_ = std::make_shared<MemoryTable>(random_.next());
}

void BackgroundWorld::flush() {
    if (sealed_.empty()) return;
    const auto count = static_cast<std::ptrdiff_t>(random_.between(1, sealed_.size()));
    FlushJob::Request request{.tables = {sealed_.begin(), sealed_.begin() + count},
                              .version = version_,
                              .snapshots = snapshots_,
                              .flushed = sealed_at_[static_cast<size_t>(count - 1)]};
    Result<JobOutcome> outcome = workshop_.flush(std::move(request));
    if (!outcome.ok()) {
        ++failures_;
        return;
    }
    apply(std::move(outcome->edit), outcome->files);
    sealed_.erase(sealed_.begin(), sealed_.begin() + count);
    sealed_at_.erase(sealed_at_.begin(), sealed_at_.begin() + count);
}

void BackgroundWorld::take_snapshot() {
    if (snapshots_.size() < 4 && (snapshots_.empty() || snapshots_.back() < last_))
        snapshots_.push_back(last_);
}

void BackgroundWorld::drop_snapshot() {
    if (snapshots_.empty()) return;
    snapshots_.erase(snapshots_.begin() +
                     static_cast<std::ptrdiff_t>(random_.below(snapshots_.size())));
}

Sequence BackgroundWorld::snapshot_oldest() const {
    return snapshots_.empty() ? kSequenceMax : snapshots_.front();
}

bool BackgroundWorld::start_compaction() {
    std::optional<Compaction> compaction = picker_.pick({version_, claims_, snapshot_oldest()});
    if (!compaction.has_value()) return false;
    start(*std::move(compaction));
    return true;
}

void BackgroundWorld::start(Compaction compaction) {
    if (!any_mistake()) compaction.check_invariants();
    ++compactions_;
    moves_ += compaction.move;
    rewrites_in_place_ += compaction.level_from == compaction.level_to && compaction.level_to != 0;
    merges0_ += compaction.reason == CompactionReason::kMerge0;
    const CompactionClaims::Id claim = claims_.claim(compaction);
    running_.push_back({claim, {std::move(compaction), snapshots_}});
    most_at_once_ = std::max(most_at_once_, running_.size());
}

void BackgroundWorld::finish_compaction() {
    if (running_.empty()) return;
    const auto at = running_.begin() + static_cast<std::ptrdiff_t>(random_.below(running_.size()));
    Running running = std::move(*at);
    running_.erase(at);
    claims_.release(running.claim);
    if (running.request.compaction.move) return apply(running.request.compaction.move_edit(), {});
    Result<JobOutcome> outcome = workshop_.compact(std::move(running.request));
    if (outcome.ok()) return apply(std::move(outcome->edit), outcome->files);
    ++failures_;
}

void BackgroundWorld::start_ingest() {
    if (!writing_) return;
    const KeyRange range = draw_range();
    const size_t level = ingest_level(*version_, claims_, kFamily, range);
    ingest_ = {claims_.claim_output(kFamily, level, range), range, level};
}

// The range remove goes to a file of its own and to memory, the rows to the level that was chosen.
void BackgroundWorld::finish_ingest() {
    const KeyRange range = ingest_->range;
    const Sequence hides = last_ + 1;
    const Sequence rows_at = last_ + 2;
    last_ = rows_at;
    TableContents cover;
    cover.removes.push_back({range.begin, range.end, hides});
    TableContents rows;
    active_->add_range_remove(kFamily, hides, range.begin, range.end);
    history_.add({hides, WriteBatch::Kind::kRemoveRange, range.begin, range.end});
    for (const std::string& key : keys_) {
        if (!range.contains(key) || random_.one_in(3)) continue;
        std::string internal_key;
        append_internal_key(internal_key, key, rows_at, EntryKind::kPut);
        const std::string value = "ingested " + std::to_string(rows_at.value());
        rows.entries.emplace_back(internal_key, value);
        history_.add({rows_at, WriteBatch::Kind::kPut, key, value});
    }
    sort_entries(rows.entries);
    std::vector<TableFileRef> files;
    VersionEdit edit;
    const auto add = [&](size_t level, TableContents contents, Sequence sequence) {
        if (contents.empty()) return;
        files.push_back(workshop_.write(kFamily, std::move(contents), sequence));
        edit.added.push_back({static_cast<uint8_t>(level), files.back()->meta()});
    };
    add(0, std::move(cover), hides);
    add(ingest_->level, std::move(rows), rows_at);
    edit.sequence_last = std::max(last_, version_->sequence_last());
    claims_.release(ingest_->claim);
    ingest_.reset();
    ++ingests_;
    apply(std::move(edit), files);
}

void BackgroundWorld::apply(VersionEdit edit, const std::vector<TableFileRef>& files) {
    edit.file_next = workshop_.file_next();
    if (!edit.sequence_last.has_value() || *edit.sequence_last < version_->sequence_last())
        edit.sequence_last = version_->sequence_last();
    Result<VersionRef> next = version_->apply(edit, [&](const FileMeta& meta) {
        for (const TableFileRef& file : files)
            if (file->meta().number == meta.number) return Result<TableFileRef>(file);
        return Result<TableFileRef>(make_error(ErrorCode::kMissing, "no such file"));
    });
    if (!next.ok()) return complain("an edit does not fit: " + next.error().to_string());
    version_ = *std::move(next);
    version_->check_invariants();
}

void BackgroundWorld::complain(std::string what) {
    if (complaint_.empty()) complaint_ = std::move(what);
}

ViewRef BackgroundWorld::view() const {
    auto view = std::make_shared<View>();
    view->active = active_;
    view->sealed.assign(sealed_.rbegin(), sealed_.rend());
    view->version = version_;
    return view;
}

void BackgroundWorld::check() {
    if (!complaint_.empty()) return;
    const ViewRef now = view();
    std::vector<Sequence> readers = snapshots_;
    readers.push_back(last_);
    for (Sequence reader : readers) {
        const Rows rows = history_.at(reader);
        for (const std::string& key : keys_) {
            PinnedValue value;
            const Result<bool> found =
                read_view(*now, {kFamily, key, reader}, value, workshop_.tables());
            if (!found.ok()) return complain("a read fails: " + found.error().to_string());
            const auto row = rows.find(key);
            const bool good =
                *found ? row != rows.end() && row->second == value.view() : row == rows.end();
            if (!good) return complain("another answer at " + std::to_string(reader.value()));
        }
    }
}

void BackgroundWorld::settle() {
    if (ingest_) finish_ingest();
    seal();
    while (!sealed_.empty()) flush();
    while (!snapshots_.empty()) drop_snapshot();
    constexpr size_t kRoundsMax = 2000;
    for (size_t round = 0; round < kRoundsMax; ++round) {
        while (!running_.empty()) finish_compaction();
        check();
        if (!complaint_.empty() || !start_compaction()) return;
    }
    complain("compactions go on for ever");
}

void BackgroundWorld::compact_range(const KeyRange& range) {
    constexpr size_t kRoundsMax = 2000;
    for (size_t round = 0; round < kRoundsMax; ++round) {
        while (!running_.empty()) finish_compaction();
        RangePick picked = picker_.pick_range({version_, claims_, snapshot_oldest()},
                                              {kFamily, range, version_->flushed()});
        check();
        if (!complaint_.empty() || picked.done) return;
        if (!picked.compaction.has_value()) return complain("blocked by nothing");
        start(*std::move(picked.compaction));
    }
    complain("compactions of a range go on for ever");
}

bool BackgroundWorld::shape_is_good() const {
    const LevelShape shape = level_shape(*version_, kFamily, options_, claims_);
    for (size_t level = 1; level < kLevels; ++level)
        if (shape.scores[level] > 1) return false;
    return shape.scores[0] < 1 ||
           version_->files(kFamily, 0).size() < options_.level0_files_slow / 2;
}

std::vector<size_t> BackgroundWorld::levels_in_use(const KeyRange& range) const {
    std::vector<size_t> levels;
    for (size_t level = 0; level < kLevels; ++level)
        if (!version_->overlapping(kFamily, level, range.begin, range.end).empty())
            levels.push_back(level);
    return levels;
}

}  // namespace timber::memtable
