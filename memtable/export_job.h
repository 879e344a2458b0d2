#pragma once
// Writes what a snapshot shows of a range into table files of their own, for another store to
// ingest: each key once, at sequence 0.
//
// An export may take long, so it holds on to its snapshot alone: each step looks at the store's
// view of that moment, and files that compactions have replaced meanwhile can go.
//
// Thread, failure: background_job.h.
// Lifetime:   the store outlives it.
// Invariants: E1  of a family, the files are in order and do not overlap.
//             E2  a failed export leaves none of its files.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/store.h"
#include "memtable/table_writer.h"
#include "src/base/random.h"

namespace timber::memtable {

class ExportJob final : public SteppedJob {
  public:
    // Iterators of the store.
    using Open =
        std::move_only_function<std::unique_ptr<StoreIterator>(const ReadOptions&, Family)>;

    // `seed` is for the identities of the files. The request's snapshot is not null.
    ExportJob(Disk& disk, const Options& options, uint64_t store_id, ExportRequest request,
              Open open, uint64_t seed);
    ~ExportJob() override;

    Result<Progress> step() override;
    void abandon() override;
    const JobCounts& counts() const override { return counts_; }
    // Once, after kDone.
    std::vector<ExportedFile> take_files() { return std::move(files_); }

  private:
    Result<Progress> copy_some();
    Status add(std::string_view key, std::string_view value);
    Status begin_file();
    Status finish_file();
    // Goes to the next family; false if there is none.
    bool next_family();

    Disk& disk_;
    const Options& options_;
    const uint64_t store_id_;
    const ExportRequest request_;
    Open open_;
    Random random_;

    size_t family_index_ = 0;  // of kExportedFamilies
    // The first key of the family that was not copied yet.
    std::string position_;
    std::unique_ptr<TableWriter> writer_;
    ExportedFile current_;
    std::string internal_key_;
    std::vector<ExportedFile> files_;
    JobCounts counts_;
};

}  // namespace timber::memtable
