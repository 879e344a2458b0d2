#pragma once
// What a store does in the background, without the store: it writes, seals, flushes, compacts,
// ingests and takes snapshots in an order that a seed decides, several compactions at once, with
// the real picker; and it reads every key at every snapshot, again and again, against the history.
//
// Who carries out the work is the workshop: fakes in memory, or the real jobs on a disk.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memtable/compaction_job.h"
#include "memtable/compaction_picker.h"
#include "memtable/flush_job.h"
#include "memtable/view.h"
#include "src/base/random.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"

namespace timber::memtable {

class Workshop {
  public:
    virtual ~Workshop() = default;
    virtual Result<JobOutcome> flush(FlushJob::Request request) = 0;
    virtual Result<JobOutcome> compact(CompactionJob::Request request) = 0;
    // A file from elsewhere, all of it at one sequence.
    virtual TableFileRef write(Family family, TableContents contents, Sequence sequence) = 0;
    virtual const TableAccess& tables() const = 0;
    virtual FileNumber file_next() const = 0;
};

// Works in memory; what is dropped and where outputs are cut is decided by the real rules.
class FakeWorkshop final : public Workshop {
  public:
    explicit FakeWorkshop(const Options& options) : options_(options) {}

    Result<JobOutcome> flush(FlushJob::Request request) override;
    Result<JobOutcome> compact(CompactionJob::Request request) override;
    TableFileRef write(Family family, TableContents contents, Sequence sequence) override;
    const TableAccess& tables() const override { return tables_; }
    FileNumber file_next() const override { return FileNumber(files_ + 1); }

  private:
    TableFileRef add(Family family, TableContents contents);

    const Options& options_;
    FakeTables tables_{4};
    uint64_t files_ = 0;
};

// Small tables and levels, so that little data goes a long way.
Options small_options(Random& random);

class BackgroundWorld {
  public:
    static constexpr Family kFamily = Family::kWrite;

    BackgroundWorld(uint64_t seed, const Options& options, Workshop& workshop);

    // One thing happens. False if something was found wrong, now or before.
    bool step();
    // Flushes all, lets go of snapshots, and compacts until nothing is left to do.
    void settle();
    void compact_range(const KeyRange& range);
    // Writes no more, but goes on with all else.
    void stop_writing() { writing_ = false; }

    const std::string& complaint() const { return complaint_; }
    const VersionRef& version() const { return version_; }
    size_t compactions() const { return compactions_; }
    size_t most_at_once() const { return most_at_once_; }
    size_t moves() const { return moves_; }
    size_t rewrites_in_place() const { return rewrites_in_place_; }
    size_t merges0() const { return merges0_; }
    size_t ingests() const { return ingests_; }
    size_t failures() const { return failures_; }
    // Whether every level is within its limits.
    bool shape_is_good() const;
    // Of files that overlap the range.
    std::vector<size_t> levels_in_use(const KeyRange& range) const;
    void check();

  private:
    struct Running {
        CompactionClaims::Id claim;
        CompactionJob::Request request;
    };
    struct Ingest {
        CompactionClaims::Id claim;
        KeyRange range;
        size_t level;
    };

    KeyRange draw_range();
    const std::string& draw_key();
    void write();
    void seal();
    void flush();
    void take_snapshot();
    void drop_snapshot();
    bool start_compaction();
    void start(Compaction compaction);
    void finish_compaction();
    void start_ingest();
    void finish_ingest();
    void apply(VersionEdit edit, const std::vector<TableFileRef>& files);
    void complain(std::string what);
    Sequence snapshot_oldest() const;
    ViewRef view() const;

    Random random_;
    const Options& options_;
    Workshop& workshop_;
    CompactionPicker picker_;
    CompactionClaims claims_;
    std::vector<std::string> keys_;
    size_t window_ = 0;  // the first of those that are written at present
    size_t window_keys_ = 0;
    uint64_t ranges_permille_ = 0;  // of what is written
    bool ingests_some_ = false;
    uint64_t value_bytes_max_ = 0;
    uint64_t batch_max_ = 0;
    History history_;
    Sequence last_;
    bool writing_ = true;
    std::shared_ptr<MemoryTable> active_;
    std::vector<std::shared_ptr<const MemoryTable>> sealed_;  // oldest first
    std::vector<Sequence> sealed_at_;
    VersionRef version_ = std::make_shared<Version>();
    std::vector<Sequence> snapshots_;  // ascending
    std::vector<Running> running_;
    std::optional<Ingest> ingest_;
    std::string complaint_;
    size_t compactions_ = 0;
    size_t most_at_once_ = 0;
    size_t moves_ = 0;
    size_t rewrites_in_place_ = 0;
    size_t merges0_ = 0;
    size_t ingests_ = 0;
    size_t failures_ = 0;
};

}  // namespace timber::memtable
