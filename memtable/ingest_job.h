#pragma once
// Prepares the replacement of a range: verifies the files that the owner brought, makes them
// durable, and writes small tables that hold what hides the old content and the owner's rows.
//
// Nothing of this refers to a sequence yet: the manifest edit gives every file its own
// (ingest_change.h).
//
// Thread, failure: background_job.h.
// Invariants: I1  an outcome's files are durable, their names included.
//             I2  abandon() removes the small tables and keeps the owner's files.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/internal_key.h"
#include "memtable/store.h"
#include "memtable/table_writer.h"
#include "src/base/checksum.h"
#include "src/base/random.h"

namespace timber::memtable {

// An ingest replaces the content of these; the server's own rows belong to no range.
inline constexpr std::array kIngestedFamilies = {Family::kDefault, Family::kLock, Family::kWrite};

// What can be told of a request without its files: kInvalidArgument, kTooLarge.
Status check_request(const IngestRequest& request);

class IngestJob final : public SteppedJob {
  public:
    struct Outcome {
        // None of them with its override yet.
        std::vector<FileMeta> files;  // the request's
        std::vector<FileMeta> range_removes;
        std::vector<FileMeta> rows;
    };

    // The request passed check_request() and outlives the job. `seed` is for the identities of the
    // small tables.
    IngestJob(const JobEnvironment& environment, const IngestRequest& request, uint64_t seed);
    ~IngestJob() override;

    Result<Progress> step() override;
    void abandon() override;
    const JobCounts& counts() const override { return counts_; }
    // Once, after kDone.
    Outcome take_outcome() { return std::move(outcome_); }

    // The request's rows, by family and key, each once: of several operations the last one counts.
    struct Row {
        Family family;
        EntryKind kind;
        std::string_view key;
        std::string_view value;
    };
    std::span<const Row> rows() const { return rows_; }

  private:
    // The file that is being verified.
    struct Reading {
        FileHandle file;
        uint64_t offset = 0;  // what lies before it is in the checksum
        Checksum64 checksum{};
    };

    Status verify_some(const IngestFile& file);
    Status begin_reading(const IngestFile& file);
    // For a step's worth of bytes, or to the end.
    Status read_some(const IngestFile& file);
    Status finish_reading(const IngestFile& file);
    void close_reading();
    // Adds it to the outcome if it is what the request says.
    Status describe(const IngestFile& file);
    Status check_overlaps() const;
    Status write_small_tables();
    Status write_rows(Family family);
    Result<FileMeta> write_table(Family family, std::move_only_function<Status(TableWriter&)> fill);
    std::string path_of(FileNumber number) const;

    const JobEnvironment environment_;
    // Before the first file: see DirectorySync.
    const uint64_t sync_failures_before_ = environment_.names.failures();
    const IngestRequest& request_;
    Random random_;
    const std::vector<Row> rows_;
    size_t file_index_ = 0;
    std::optional<Reading> reading_;
    Outcome outcome_;
    std::vector<std::string> paths_written_;
    JobCounts counts_;
};

}  // namespace timber::memtable
