#include "memtable/compaction_job.h"

#include <algorithm>
#include <optional>

#include "memtable/compaction_inputs.h"
#include "memtable/level_iterator.h"
#include "memtable/table_merge.h"
#include "src/base/assert.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

constexpr size_t kReadaheadBytes = 1_MiB;

}  // namespace

class CompactionJob::Core {
  public:
    Core(const JobEnvironment& environment, Request request, uint64_t seed)
        : environment_(environment), request_(std::move(request)), seed_(seed) {
        TIMBER_ASSERT(!compaction().move);
        compaction().check_invariants();
    }

    Result<Progress> step();
    void abandon() {
        if (merge_) merge_->abandon();
        merge_.reset();
    }
    JobOutcome take_outcome();
    const JobCounts& counts() const { return counts_; }
    const Compaction& compaction() const { return request_.compaction; }

  private:
    void begin();
    RangeRemoveSet covers() const;
    void add_input_files(MergingIterator& merged, const DropRules& rules);
    std::vector<TableFileRef> read_files(const std::vector<TableFileRef>& files,
                                         const DropRules& rules);
    void count();

    const JobEnvironment environment_;
    // Before the first file: see DirectorySync.
    const uint64_t sync_failures_before_ = environment_.names.failures();
    const Request request_;
    const uint64_t seed_;
    // What is read of each level; the rest is hidden as a whole.
    std::vector<TableFileRef> read_from_;
    std::vector<TableFileRef> read_to_;
    uint64_t input_bytes_ = 0;        // of their files,
    uint64_t input_entry_bytes_ = 0;  // of their entries
    std::optional<TableMerge> merge_;
    JobCounts counts_;
};

RangeRemoveSet CompactionJob::Core::covers() const {
    std::vector<RangeRemove> removes;
    const auto add = [&](const std::vector<TableFileRef>& files) {
        for (const TableFileRef& file : files) {
            if (file->meta().range_removes == 0) continue;
            std::vector<RangeRemove> more = environment_.tables.range_removes(*file).to_removes();
            removes.insert(removes.end(), std::make_move_iterator(more.begin()),
                           std::make_move_iterator(more.end()));
        }
    };
    add(compaction().inputs_from);
    add(compaction().inputs_to);
    return RangeRemoveSet(std::move(removes));
}

std::vector<TableFileRef> CompactionJob::Core::read_files(const std::vector<TableFileRef>& files,
                                                          const DropRules& rules) {
    std::vector<TableFileRef> read;
    for (const TableFileRef& file : files) {
        const FileMeta& meta = file->meta();
        if (meta.entries == 0 || rules.hides_all_of(meta)) continue;
        input_bytes_ += meta.file_bytes;
        input_entry_bytes_ += meta.key_bytes + meta.value_bytes + kTrailerBytes * meta.entries;
        read.push_back(file);
    }
    return read;
}

void CompactionJob::Core::add_input_files(MergingIterator& merged, const DropRules& rules) {
    const TableReadOptions options{.fill_cache = false, .readahead_bytes = kReadaheadBytes};
    read_from_ = read_files(compaction().inputs_from, rules);
    read_to_ = read_files(compaction().inputs_to, rules);
    const auto add_level = [&](const std::vector<TableFileRef>& files) {
        if (!files.empty())
            merged.add(
                std::make_unique<LevelIterator>(files, options, kSequenceMax, environment_.tables));
    };
    if (compaction().level_from == 0) {
        for (const TableFileRef& file : read_from_)
            merged.add(environment_.tables.new_iterator(*file, options));
    } else {
        add_level(read_from_);
    }
    add_level(read_to_);
}

void CompactionJob::Core::begin() {
    const Compaction& what = compaction();
    const uint64_t target = environment_.options.families[index_of(what.family)].table_bytes_target;
    std::vector<Sequence> snapshots = request_.snapshots;
    if (TIMBER_MISTAKE(store_snapshot_ignored)) snapshots.clear();
    const bool carries_removes = !TIMBER_MISTAKE(store_range_remove_lost);
    TableMerge::Request merge{.family = what.family,
                              .level = what.level_to,
                              .merged = std::make_unique<MergingIterator>(),
                              .rules = DropRules(std::move(snapshots), what.version->flushed(),
                                                 carries_removes ? covers() : RangeRemoveSet())};
    add_input_files(*merge.merged, merge.rules);
    // Within level 0, older files may lie beside the inputs.
    if (what.level_to != 0) {
        merge.older.emplace(what.version, what.family, what.level_to + 1u);
        merge.cuts.emplace(what.grandparents, target, kGrandparentTables * target);
    }
    merge_.emplace(environment_, std::move(merge), seed_);
}

Result<BackgroundJob::Progress> CompactionJob::Core::step() {
    if (!merge_) begin();
    Result<Progress> progress = merge_->step(environment_.options.job_step_bytes);
    count();
    if (!progress.ok() || *progress == Progress::kMore) return progress;
    if (!TIMBER_MISTAKE(store_directory_not_synced))
        TIMBER_CHECK(environment_.names.sync(sync_failures_before_));
    return Progress::kDone;
}

void CompactionJob::Core::count() {
    const double read_part = input_entry_bytes_ == 0 ? 1
                                                     : static_cast<double>(merge_->bytes_read()) /
                                                           static_cast<double>(input_entry_bytes_);
    counts_.bytes_read = static_cast<uint64_t>(static_cast<double>(input_bytes_) * read_part);
    counts_.bytes_written = merge_->outputs().bytes_written();
    counts_.entries_read = merge_->entries_read();
    counts_.entries_written = merge_->entries_written();
    counts_.files_written = merge_->outputs().files().size();
}

JobOutcome CompactionJob::Core::take_outcome() {
    const Compaction& what = compaction();
    JobOutcome outcome;
    outcome.files = merge_->outputs().take();
    for (const TableFileRef& file : what.inputs_from)
        outcome.edit.removed.push_back({what.family, what.level_from, file->meta().number});
    for (const TableFileRef& file : what.inputs_to)
        outcome.edit.removed.push_back({what.family, what.level_to, file->meta().number});
    for (const TableFileRef& file : outcome.files)
        outcome.edit.added.push_back({what.level_to, file->meta()});
    merge_.reset();
    return outcome;
}

CompactionJob::CompactionJob(const JobEnvironment& environment, Request request, uint64_t seed)
    : core_(std::make_unique<Core>(environment, std::move(request), seed)) {}
CompactionJob::~CompactionJob() = default;

Result<BackgroundJob::Progress> CompactionJob::step() { return core_->step(); }
void CompactionJob::abandon() { core_->abandon(); }
JobOutcome CompactionJob::take_outcome() { return core_->take_outcome(); }
const JobCounts& CompactionJob::counts() const { return core_->counts(); }
const Compaction& CompactionJob::compaction() const { return core_->compaction(); }

}  // namespace timber::memtable
