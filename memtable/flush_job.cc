#include "memtable/flush_job.h"

#include <algorithm>
#include <optional>

#include "memtable/table_merge.h"
#include "src/base/assert.h"
#include "src/base/mistake.h"
#include "src/base/random.h"

namespace timber::memtable {

class FlushJob::Core {
  public:
    Core(const JobEnvironment& environment, Request request, uint64_t seed);

    Result<Progress> step();
    void abandon();
    JobOutcome take_outcome();
    const JobCounts& counts() const { return counts_; }

  private:
    bool has_anything(Family family) const;
    void begin(Family family);
    Result<Progress> step_family();
    void count();

    const JobEnvironment environment_;
    // Before the first file: see DirectorySync.
    const uint64_t sync_failures_before_ = environment_.names.failures();
    const Request request_;
    Random random_;
    size_t family_ = 0;  // the one that is being written
    // Kept to the end, so that the files of all are abandoned if one fails.
    std::array<std::optional<TableMerge>, kFamilies> merges_;
    JobCounts counts_;
};

FlushJob::Core::Core(const JobEnvironment& environment, Request request, uint64_t seed)
    : environment_(environment), request_(std::move(request)), random_(seed) {
    Sequence before;
    for (const std::shared_ptr<const MemoryTable>& table : request_.tables) {
        TIMBER_ASSERT(table->sealed());
        if (table->empty()) continue;
        TIMBER_ASSERT(table->sequence_min() > before);
        TIMBER_ASSERT(table->sequence_max() <= request_.flushed);
        before = table->sequence_max();
    }
}

bool FlushJob::Core::has_anything(Family family) const {
    return std::ranges::any_of(request_.tables, [&](const auto& table) {
        return table->entries(family) > 0 || table->has_range_removes(family);
    });
}

void FlushJob::Core::begin(Family family) {
    auto merged = std::make_unique<MergingIterator>();
    std::vector<RangeRemove> removes;
    for (const std::shared_ptr<const MemoryTable>& table : request_.tables) {
        if (TIMBER_MISTAKE(store_family_flushed_later) && family == Family::kWrite &&
            table->sequence_max() == request_.flushed)
            continue;
        merged->add(table->new_iterator(family));
        if (!table->has_range_removes(family)) continue;
        std::vector<RangeRemove> more = table->range_removes(family)->to_removes();
        removes.insert(removes.end(), std::make_move_iterator(more.begin()),
                       std::make_move_iterator(more.end()));
    }
    TableMerge::Request merge{.family = family,
                              .level = 0,
                              .merged = std::move(merged),
                              .rules = DropRules(request_.snapshots, request_.flushed,
                                                 RangeRemoveSet(std::move(removes)))};
    merge.older.emplace(request_.version, family, 0);
    merges_[index_of(family)].emplace(environment_, std::move(merge), random_.next());
}

Result<BackgroundJob::Progress> FlushJob::Core::step() {
    while (family_ < kFamilies && !has_anything(kAllFamilies[family_])) ++family_;
    if (family_ < kFamilies) {
        TIMBER_TRY(const Progress progress, step_family());
        if (progress == Progress::kMore || family_ < kFamilies) return Progress::kMore;
    }
    if (!TIMBER_MISTAKE(store_directory_not_synced))
        TIMBER_CHECK(environment_.names.sync(sync_failures_before_));
    return Progress::kDone;
}

Result<BackgroundJob::Progress> FlushJob::Core::step_family() {
    std::optional<TableMerge>& merge = merges_[family_];
    if (!merge) begin(kAllFamilies[family_]);
    Result<Progress> progress = merge->step(environment_.options.job_step_bytes);
    count();
    if (progress.ok() && *progress == Progress::kDone) ++family_;
    return progress;
}

void FlushJob::Core::count() {
    counts_ = {};
    for (std::optional<TableMerge>& merge : merges_) {
        if (!merge) continue;
        counts_.bytes_written += merge->outputs().bytes_written();
        counts_.entries_read += merge->entries_read();
        counts_.entries_written += merge->entries_written();
        counts_.files_written += merge->outputs().files().size();
    }
}

void FlushJob::Core::abandon() {
    for (std::optional<TableMerge>& merge : merges_)
        if (merge) merge->abandon();
}

JobOutcome FlushJob::Core::take_outcome() {
    JobOutcome outcome;
    for (std::optional<TableMerge>& merge : merges_) {
        if (!merge) continue;
        for (TableFileRef& file : merge->outputs().take()) outcome.files.push_back(std::move(file));
    }
    for (const TableFileRef& file : outcome.files) outcome.edit.added.push_back({0, file->meta()});
    outcome.edit.flushed = request_.flushed;
    outcome.edit.log_floor = request_.log_floor;
    outcome.edit.sequence_last = std::max(request_.flushed, request_.version->sequence_last());
    return outcome;
}

FlushJob::FlushJob(const JobEnvironment& environment, Request request, uint64_t seed)
    : core_(std::make_unique<Core>(environment, std::move(request), seed)) {}
FlushJob::~FlushJob() = default;

Result<BackgroundJob::Progress> FlushJob::step() { return core_->step(); }
void FlushJob::abandon() { core_->abandon(); }
JobOutcome FlushJob::take_outcome() { return core_->take_outcome(); }
const JobCounts& FlushJob::counts() const { return core_->counts(); }

}  // namespace timber::memtable
