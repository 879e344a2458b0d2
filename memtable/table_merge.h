#pragma once
// Merges sorted entries of one family into new table files of one level, in steps: what a flush
// does for each family, and a compaction once.
//
// Thread, failure: background_job.h.
// Invariants: TM1  all versions of a user key are in one file.
//             TM2  files do not overlap, range removes included.
#include <memory>
#include <optional>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/compaction_stream.h"
#include "memtable/drop_rules.h"
#include "memtable/merging_iterator.h"
#include "memtable/older_data.h"
#include "memtable/output_cuts.h"
#include "memtable/table_outputs.h"

namespace timber::memtable {

class TableMerge {
  public:
    struct Request {
        Family family = Family::kDefault;
        size_t level = 0;  // of the output
        std::unique_ptr<MergingIterator> merged;
        DropRules rules;
        // What lies below; nothing: anything may.
        std::optional<OlderData> older;
        // Where files are cut; nothing: one file for all.
        std::optional<OutputCuts> cuts;
    };

    TableMerge(const JobEnvironment& environment, Request request, uint64_t seed);

    // Works until so many bytes of entries were read.
    Result<BackgroundJob::Progress> step(uint64_t bytes);
    void abandon() { outputs_.abandon(); }

    TableOutputs& outputs() { return outputs_; }
    uint64_t bytes_read() const { return stream_.bytes_read(); }
    uint64_t entries_read() const { return stream_.entries_read(); }
    uint64_t entries_written() const { return entries_written_; }

  private:
    Status write_until(uint64_t bytes_read);
    Status write_entry();
    bool cuts_before(std::string_view user_key);
    Status begin_next_file(std::string_view user_key);
    void note_bytes(size_t bytes);

    Request request_;
    TableOutputs outputs_;
    CompactionStream stream_;
    bool begun_ = false;
    // How often the writer is asked for the size of its file: every so many bytes of entries.
    uint64_t look_bytes_;
    uint64_t unseen_bytes_ = 0;
    uint64_t file_bytes_ = 0;
    uint64_t entries_written_ = 0;
};

}  // namespace timber::memtable
