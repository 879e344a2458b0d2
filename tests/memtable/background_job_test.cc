// Flushes and compactions, step by step, on a simulated disk, with errors at each of their I/O
// steps.
#include <gtest/gtest.h>

#include "memtable/compaction_job.h"
#include "memtable/flush_job.h"
#include "memtable/table_writer.h"
#include "src/base/mistake.h"
#include "tests/memtable/background_world.h"
#include "tests/memtable/support/internal_keys.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {
namespace {

constexpr std::string_view kDirectory = "/store";

// Runs jobs to their end and looks at what they leave. Everything within a job of the world.
class DiskWorkshop final : public Workshop {
  public:
    DiskWorkshop(SimDisk& disk, const Options& options, uint64_t seed)
        : disk_(disk), options_(options), random_(seed) {
        EXPECT_TRUE(disk_.make_directory(kDirectory).ok());
    }

    Result<JobOutcome> flush(FlushJob::Request request) override {
        FlushJob job(environment_, std::move(request), random_.next());
        return run(job);
    }
    Result<JobOutcome> compact(CompactionJob::Request request) override {
        CompactionJob job(environment_, std::move(request), random_.next());
        return run(job);
    }
    TableFileRef write(Family family, TableContents contents, Sequence sequence) override;
    const TableAccess& tables() const override { return open_tables(); }
    FileNumber file_next() const override { return numbers_.next(); }

    // How often in a hundred jobs one of their operations fails.
    void set_faults(uint64_t percent) { fault_percent_ = percent; }
    size_t steps() const { return steps_; }
    const JobCounts& counts() const { return counts_; }
    std::vector<std::string> names() const { return *disk_.list(kDirectory); }

  private:
    void expect_idle() const {
        const SimDisk::InFlight now = disk_.in_flight();
        EXPECT_EQ(now.reads + now.writes + now.syncs + now.allocations, 0u);  // J1
    }
    Result<JobOutcome> run(BackgroundJob& job);
    void plan_fault();

    SimDisk& disk_;
    const Options& options_;
    Random random_;
    BlockCache cache_{1_MiB};
    FileNumbers numbers_{FileNumber(1)};
    DirectorySync names_{disk_, std::string(kDirectory)};
    JobEnvironment environment_{.disk = disk_,
                                .options = options_,
                                .cache = cache_,
                                .numbers = numbers_,
                                .names = names_,
                                .store_id = 7};
    uint64_t fault_percent_ = 0;
    size_t steps_ = 0;
    JobCounts counts_;
};

void DiskWorkshop::plan_fault() {
    static constexpr DiskOperation kOperations[] = {DiskOperation::kRead, DiskOperation::kWrite,
                                                    DiskOperation::kSync, DiskOperation::kOpen,
                                                    DiskOperation::kSyncDirectory};
    if (!random_.percent(fault_percent_)) return;
    disk_.fail_nth(random_.between(1, 4), kOperations[random_.below(std::size(kOperations))], "",
                   random_.one_in(2) ? ErrorCode::kNoSpace : ErrorCode::kIoError);
}

Result<JobOutcome> DiskWorkshop::run(BackgroundJob& job) {
    const std::vector<std::string> before = names();
    plan_fault();
    for (;;) {
        const Result<BackgroundJob::Progress> progress = job.step();
        ++steps_;
        expect_idle();
        if (!progress.ok()) {
            disk_.clear_faults();
            job.abandon();
            expect_idle();
            EXPECT_EQ(names(), before);  // J2
            return progress.error();
        }
        if (*progress == BackgroundJob::Progress::kDone) break;
    }
    disk_.clear_faults();
    counts_ = job.counts();
    JobOutcome outcome = job.take_outcome();
    EXPECT_EQ(names().size(), before.size() + outcome.files.size());
    return outcome;
}

TableFileRef DiskWorkshop::write(Family family, TableContents contents, Sequence sequence) {
    FileMeta meta;
    meta.number = numbers_.take();
    meta.id = {8, random_.next()};
    meta.family = family;
    const std::string path = join_path(kDirectory, table_file_name(meta.number));
    auto writer = *TableWriter::create(disk_, path, {meta.id, family},
                                       options_.families[index_of(family)].table(0));
    for (const auto& [key, value] : contents.entries) EXPECT_TRUE(writer->add(key, value).ok());
    for (const RangeRemove& remove : contents.removes)
        writer->add_range_remove(remove.begin, remove.end, remove.sequence);
    const TableSummary summary = *writer->finish();
    meta.file_bytes = summary.file_bytes;
    meta.entries = summary.entries;
    meta.removes = summary.removes;
    meta.range_removes = summary.range_removes;
    meta.key_bytes = summary.key_bytes;
    meta.value_bytes = summary.value_bytes;
    meta.smallest = summary.smallest;
    meta.largest = summary.largest;
    meta.largest_exclusive = summary.largest_exclusive;
    meta.sequence_min = meta.sequence_max = sequence;
    meta.sequence_override = sequence;
    auto reader = *TableReader::open(disk_, path,
                                     {.id = meta.id,
                                      .family = family,
                                      .file_bytes = meta.file_bytes,
                                      .sequence_override = sequence},
                                     cache_);
    return std::make_shared<TableFile>(meta, std::move(reader), nullptr);
}

Options disk_options(Random& random) {
    Options options = small_options(random);
    options.directory = kDirectory;
    options.job_step_bytes = random.between(50, 5000);
    for (FamilyOptions& family : options.families) {
        family.block_bytes = 256;
        family.table_bytes_target = random.between(5000, 20'000);  // a table has 4 KiB at least
    }
    options.level1_bytes = random.between(10'000, 60'000);
    options.memory_table_bytes = 20'000;
    return options;
}

// A store's background on a disk.
struct DiskStore {
    explicit DiskStore(uint64_t seed)
        : sim(seed), random(seed), options(disk_options(random)), disk(sim) {}

    // Plays `steps`; what was complained about.
    std::string play(size_t steps, uint64_t fault_percent) {
        std::string complaint;
        sim.run_job([&] {
            DiskWorkshop workshop(disk, options, random.next());
            workshop.set_faults(fault_percent);
            BackgroundWorld world(random.next(), options, workshop);
            for (size_t step = 0; step < steps && world.step(); ++step) {
            }
            workshop.set_faults(0);
            world.settle();
            complaint = world.complaint();
            failures = world.failures();
            compactions = world.compactions();
            job_steps = workshop.steps();
        });
        return complaint;
    }

    SimWorld sim;
    Random random;
    Options options;
    SimDisk disk;
    size_t failures = 0;
    size_t compactions = 0;
    size_t job_steps = 0;
};

TEST(BackgroundJobs, ReadersSeeTheSameWhateverTheJobsDo) {
    size_t compactions = 0;
    size_t job_steps = 0;
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        DiskStore store(seed);
        ASSERT_EQ(store.play(800, 0), "");
        EXPECT_EQ(store.disk.files_open(), 0u);
        compactions += store.compactions;
        job_steps += store.job_steps;
    }
    EXPECT_GE(compactions, 2000u);
    EXPECT_GE(job_steps, 2 * compactions);
}

TEST(BackgroundJobs, AFailureLeavesNoFileAndLosesNothing) {
    size_t failures = 0;
    for (uint64_t seed = 101; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        DiskStore store(seed);
        ASSERT_EQ(store.play(800, 40), "");
        EXPECT_EQ(store.disk.files_open(), 0u);
        failures += store.failures;
    }
    EXPECT_GE(failures, 500u);
}

size_t stores_that_notice(Mistake mistake, uint64_t stores) {
    mistake_active = mistake;
    size_t noticed = 0;
    for (uint64_t seed = 1; seed <= stores; ++seed) {
        DiskStore store(seed);
        noticed += !store.play(800, 0).empty();
    }
    mistake_active = Mistake::kCount;
    return noticed;
}

TEST(BackgroundJobs, MistakesAreNoticed) {
    EXPECT_GE(stores_that_notice(Mistake::store_snapshot_ignored, 10), 9u);
    EXPECT_GE(stores_that_notice(Mistake::store_family_flushed_later, 10), 9u);
    EXPECT_GE(stores_that_notice(Mistake::store_range_remove_lost, 10), 9u);
    EXPECT_GE(stores_that_notice(Mistake::store_versions_split, 10), 9u);
}

// A compaction and a flush with a little of everything, whose every I/O operation fails in turn.
class FailingJobs : public testing::Test {
  protected:
    FailingJobs() {
        options_.directory = kDirectory;
        options_.job_step_bytes = 4000;
        for (FamilyOptions& family : options_.families) {
            family.table_bytes_target = 20'000;
            family.compression.fill(Compression::kNone);
        }
    }

    TableFileRef file(DiskWorkshop& workshop, uint64_t sequence) {
        TableContents contents;
        for (int key = 1000; key < 1400; ++key)
            contents.entries.emplace_back(internal_key("key" + std::to_string(key), sequence),
                                          std::string(100, static_cast<char>('a' + sequence)));
        contents.removes.push_back({"key1100", "key1300", Sequence(sequence)});
        return workshop.write(Family::kDefault, std::move(contents), Sequence(sequence));
    }

    CompactionJob::Request compaction(DiskWorkshop& workshop) {
        Compaction compaction;
        compaction.level_to = 6;
        compaction.inputs_from = {file(workshop, 3), file(workshop, 2)};
        compaction.inputs_to = {file(workshop, 1)};
        compaction.range = {"key1000", "key2"};
        VersionEdit edit;
        edit.added = {{0, compaction.inputs_from[0]->meta()},
                      {0, compaction.inputs_from[1]->meta()},
                      {6, compaction.inputs_to[0]->meta()}};
        edit.sequence_last = edit.flushed = Sequence(3);
        edit.file_next = workshop.file_next();
        compaction.version = *Version().apply(edit, [&](const FileMeta& meta) {
            for (const TableFileRef& input : compaction.inputs_from)
                if (input->meta() == meta) return Result<TableFileRef>(input);
            return Result<TableFileRef>(compaction.inputs_to.front());
        });
        return {std::move(compaction), {}};
    }

    static FlushJob::Request flush() {
        auto table = std::make_shared<MemoryTable>(1);
        for (uint64_t key = 1; key < 400; ++key)
            table->add(kAllFamilies[key % 3], Sequence(key), EntryKind::kPut, std::to_string(key),
                       std::string(100, 'v'));
        table->add_range_remove(Family::kMeta, Sequence(400), "a", "b");
        table->seal();
        return {
            .tables = {table}, .version = std::make_shared<Version>(), .flushed = Sequence(400)};
    }

    // Runs `run` with the nth operation of a kind failing, for each n until none is left.
    template <typename Run>
    size_t fail_each(DiskOperation operation, Run run) {
        for (uint64_t nth = 1;; ++nth) {
            SimWorld sim(nth);
            SimDisk disk(sim);
            bool ended = false;
            sim.run_job([&] {
                DiskWorkshop workshop(disk, options_, nth);
                ended = run(disk, workshop, [&] { disk.fail_nth(nth, operation); });
            });
            EXPECT_EQ(disk.files_open(), 0u);
            if (ended) return nth - 1;
        }
    }

    Options options_;
};

TEST_F(FailingJobs, ACompactionThatFailsAnywhereLeavesNothingBehind) {
    const auto run = [&](SimDisk&, DiskWorkshop& workshop, auto fail) {
        CompactionJob::Request request = compaction(workshop);
        fail();
        return workshop.compact(std::move(request)).ok();
    };
    EXPECT_GE(fail_each(DiskOperation::kRead, run), 3u);
    EXPECT_GE(fail_each(DiskOperation::kWrite, run), 3u);
    EXPECT_GE(fail_each(DiskOperation::kSync, run), 2u);
    EXPECT_GE(fail_each(DiskOperation::kOpen, run), 4u);
    EXPECT_GE(fail_each(DiskOperation::kSyncDirectory, run), 1u);
}

TEST_F(FailingJobs, AFlushThatFailsAnywhereLeavesNothingBehind) {
    const auto run = [&](SimDisk&, DiskWorkshop& workshop, auto fail) {
        fail();
        return workshop.flush(flush()).ok();
    };
    EXPECT_GE(fail_each(DiskOperation::kWrite, run), 3u);
    EXPECT_GE(fail_each(DiskOperation::kSync, run), 3u);
    EXPECT_GE(fail_each(DiskOperation::kOpen, run), 6u);
    EXPECT_GE(fail_each(DiskOperation::kSyncDirectory, run), 1u);
}

TEST_F(FailingJobs, AJobCountsWhatItDoes) {
    SimWorld sim(1);
    SimDisk disk(sim);
    sim.run_job([&] {
        DiskWorkshop workshop(disk, options_, 1);
        CompactionJob::Request request = compaction(workshop);
        const uint64_t input_bytes = request.compaction.bytes();
        const JobOutcome outcome = *workshop.compact(std::move(request));
        const JobCounts& counts = workshop.counts();
        EXPECT_EQ(counts.bytes_read, input_bytes);
        EXPECT_EQ(counts.entries_read, 1200u);
        // Of each key, the newest; of equal sequences, the range remove hides nothing.
        EXPECT_EQ(counts.entries_written, 400u);
        EXPECT_EQ(counts.files_written, outcome.files.size());
        EXPECT_GE(outcome.files.size(), 2u);
        uint64_t bytes = 0;
        for (const TableFileRef& file : outcome.files) bytes += file->meta().file_bytes;
        EXPECT_EQ(counts.bytes_written, bytes);
        EXPECT_EQ(outcome.edit.removed.size(), 3u);
        EXPECT_EQ(outcome.edit.added.size(), outcome.files.size());
    });
}

TEST_F(FailingJobs, AFlushOfNothingThatMattersGivesAnEditWithoutFiles) {
    SimWorld sim(1);
    SimDisk disk(sim);
    sim.run_job([&] {
        DiskWorkshop workshop(disk, options_, 1);
        auto table = std::make_shared<MemoryTable>(1);
        table->add(Family::kLock, Sequence(1), EntryKind::kPut, "key", "value");
        table->add(Family::kLock, Sequence(2), EntryKind::kRemove, "key", "");
        table->seal();
        const JobOutcome outcome = *workshop.flush({.tables = {table},
                                                    .version = std::make_shared<Version>(),
                                                    .flushed = Sequence(2),
                                                    .log_floor = LogMark(9)});
        EXPECT_TRUE(outcome.files.empty());
        EXPECT_EQ(outcome.edit.flushed, Sequence(2));
        EXPECT_EQ(outcome.edit.log_floor, LogMark(9));
    });
}

// Files of the output level that a range remove covers as a whole are not read, not even where
// they are damaged.
TEST_F(FailingJobs, WhatARangeRemoveCoversIsNotRead) {
    SimWorld sim(1);
    SimDisk disk(sim);
    sim.run_job([&] {
        DiskWorkshop workshop(disk, options_, 1);
        CompactionJob::Request request = compaction(workshop);
        Compaction& what = request.compaction;
        TableContents cover;
        cover.removes.push_back({"key", "kez", Sequence(4)});
        what.inputs_from.insert(what.inputs_from.begin(),
                                workshop.write(Family::kDefault, cover, Sequence(4)));
        what.range = {"key", "kez"};
        VersionEdit edit;
        edit.added = {{0, what.inputs_from.front()->meta()}};
        edit.sequence_last = edit.flushed = Sequence(4);
        edit.file_next = workshop.file_next();
        what.version = *what.version->apply(
            edit, [&](const FileMeta&) { return Result<TableFileRef>(what.inputs_from.front()); });
        disk.inject({.operation = DiskOperation::kRead, .count = Fault::kForever});
        const Result<JobOutcome> outcome = workshop.compact(std::move(request));
        ASSERT_TRUE(outcome.ok());
        EXPECT_TRUE(outcome->files.empty());
        EXPECT_EQ(outcome->edit.removed.size(), 4u);
        EXPECT_EQ(workshop.counts().bytes_read, 0u);
    });
}

}  // namespace
}  // namespace timber::memtable
