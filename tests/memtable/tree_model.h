#pragma once
// A tree of tables without tables: keys alone, moved about by the real picker, shape and cuts. It
// tells what a shape costs in bytes written, without any I/O, and whether the picker keeps its
// promises on the way.
//
// Each key counts as one entry of `entry_bytes`. A key that is written twice is kept once.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memtable/compaction_picker.h"
#include "memtable/options.h"
#include "memtable/version.h"

namespace timber::memtable {

class TreeModel {
  public:
    static constexpr uint64_t kEntryBytes = 1000;

    explicit TreeModel(const Options& options);

    // A memory table of these keys becomes a file of level 0.
    void flush(std::vector<uint64_t> keys);
    // Carries out the next compaction; gives the bytes that it wrote, nothing if there is none.
    std::optional<uint64_t> compact();
    void settle();
    void check() const;

    const VersionRef& version() const { return version_; }
    uint64_t bytes_flushed() const { return bytes_flushed_; }
    uint64_t bytes_compacted() const { return bytes_compacted_; }
    uint64_t level_written(size_t level) const { return level_written_[level]; }
    uint64_t largest_compaction() const { return largest_compaction_; }
    // Bytes written to files for each byte flushed.
    double write_amplification() const {
        return static_cast<double>(bytes_flushed_ + bytes_compacted_) /
               static_cast<double>(bytes_flushed_);
    }
    size_t keys() const;

  private:
    using Keys = std::vector<uint64_t>;

    void apply(const VersionEdit& edit);
    VersionEdit::Added new_file(size_t level, Keys keys);
    std::vector<Keys> cut(const Keys& merged, const Compaction& compaction) const;

    const Options options_;
    CompactionPicker picker_;
    CompactionClaims claims_;
    VersionRef version_;
    std::map<FileNumber, Keys> keys_;
    uint64_t file_next_ = 1;
    uint64_t sequence_ = 0;
    uint64_t bytes_flushed_ = 0;
    uint64_t bytes_compacted_ = 0;
    uint64_t largest_compaction_ = 0;
    std::array<uint64_t, kLevels> level_written_{};
};

// Big-endian, so that texts order as the numbers do.
std::string key_text(uint64_t key);

}  // namespace timber::memtable
