#pragma once
// The table files that a job makes for one family and level, one after another.
//
// Thread, failure: background_job.h. Whatever it made is either taken or abandoned.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/range_removes.h"
#include "memtable/table_writer.h"
#include "src/base/random.h"

namespace timber::memtable {

class TableOutputs {
  public:
    // `range_removes` in order; each file gets its share.
    TableOutputs(const JobEnvironment& environment, Family family, size_t level, uint64_t seed,
                 std::vector<RangeRemove> range_removes);
    ~TableOutputs();

    // Whether a file is being written; and which.
    bool writing() const { return writer_ != nullptr; }
    TableWriter& writer() { return *writer_; }
    Status begin();
    // The file holds everything up to `next_begin`, where the next one will begin.
    Status end(std::string_view next_begin);
    // All is written; range removes that are left get a file of their own.
    Status finish();
    Status settle();
    void abandon();

    // Finished files.
    const std::vector<TableFileRef>& files() const { return files_; }
    std::vector<TableFileRef> take();
    uint64_t bytes_written() const;
    size_t level() const { return level_; }

  private:
    std::string path_of(FileNumber number) const;
    // The share of the file that is being written, and ends before `end` (empty: never).
    void add_range_removes(std::string_view end);
    bool range_removes_left() const { return next_remove_ < range_removes_.size(); }
    Status close_file();
    Result<TableFileRef> open(const TableSummary& summary) const;

    const JobEnvironment& environment_;
    const Family family_;
    const size_t level_;
    Random random_;
    std::vector<RangeRemove> range_removes_;
    size_t next_remove_ = 0;  // the first that is not wholly written
    std::unique_ptr<TableWriter> writer_;
    // Of the file that is being written.
    FileNumber number_;
    FileId id_;
    std::vector<FileNumber> made_;  // to be removed if abandoned
    std::vector<TableFileRef> files_;
    uint64_t bytes_written_ = 0;
};

}  // namespace timber::memtable
