#pragma once
// What the manifest knows of a live table file, and the file opened.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memtable/table_reader.h"
#include "memtable/types.h"

namespace timber::memtable {

struct FileMeta {
    FileNumber number;
    FileId id;
    Family family = Family::kDefault;
    uint64_t file_bytes = 0;
    uint64_t entries = 0;
    uint64_t removes = 0;  // of the entries
    uint64_t range_removes = 0;
    uint64_t key_bytes = 0;
    uint64_t value_bytes = 0;
    // The range it touches; see TableSummary.
    std::string smallest;
    std::string largest;
    bool largest_exclusive = false;
    // Of everything in it; both the override if there is one.
    Sequence sequence_min;
    Sequence sequence_max;
    std::optional<Sequence> sequence_override;

    friend bool operator==(const FileMeta&, const FileMeta&) = default;

    // Whether [smallest, largest] and [begin, end) have a key in common.
    bool overlaps(std::string_view begin, std::string_view end) const {
        return before_end(smallest, end) && reaches(begin);
    }
    bool contains(std::string_view key) const { return smallest <= key && reaches(key); }
    // Whether the range's end lies at or behind `key`.
    bool reaches(std::string_view key) const {
        return largest_exclusive ? before_end(key, largest) : key <= largest;
    }
};

// "000123.sst"
std::string table_file_name(FileNumber number);
// The number in a table file's name; nothing if it is not one.
std::optional<FileNumber> parse_table_file_name(std::string_view name);

// Takes in the files that nobody reads any more: only a job may close a file, and the last one to
// let go of it may be any reader.
//
// Thread: any.
class ObsoleteFiles {
  public:
    virtual ~ObsoleteFiles() = default;
    // `dropped`: the manifest no longer holds the file, so it is to be removed once it is closed.
    virtual void let_go(std::shared_ptr<TableReader> reader, FileNumber number, uint64_t file_bytes,
                        bool dropped) = 0;
};

// Part of every version that shows the file; versions, views and running jobs share it, and the
// last one to let go of it hands it to ObsoleteFiles. Without one it closes the file itself: for
// jobs that hold it alone.
class TableFile {
  public:
    TableFile(FileMeta meta, std::shared_ptr<TableReader> reader, ObsoleteFiles* obsolete)
        : meta_(std::move(meta)), reader_(std::move(reader)), obsolete_(obsolete) {}
    ~TableFile() {
        if (obsolete_ != nullptr)
            obsolete_->let_go(std::move(reader_), meta_.number, meta_.file_bytes, dropped_);
    }
    TableFile(const TableFile&) = delete;
    TableFile& operator=(const TableFile&) = delete;

    const FileMeta& meta() const { return meta_; }
    TableReader& reader() const { return *reader_; }

    // The manifest no longer holds it. By the owner's loop, before its last reference can go.
    void drop() const { dropped_ = true; }

  private:
    FileMeta meta_;
    std::shared_ptr<TableReader> reader_;
    ObsoleteFiles* obsolete_;
    mutable bool dropped_ = false;
};
using TableFileRef = std::shared_ptr<const TableFile>;
// Of all files together, as they lie on the disk.
uint64_t bytes_of(std::span<const TableFileRef> files);

}  // namespace timber::memtable
