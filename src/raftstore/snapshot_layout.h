#pragma once
// The files of a snapshot as one stream of bytes: a place in it is a file and an offset, or one
// number.
//
// Thread: plain values.
#include <cstdint>
#include <optional>
#include <vector>

#include "src/raftstore/transport.h"

namespace timber::raftstore {

class SnapshotLayout {
  public:
    explicit SnapshotLayout(const SnapshotManifest& manifest) {
        for (const SnapshotManifest::File& file : manifest.files) {
            begins_.push_back(total_);
            total_ += file.file_bytes;
        }
    }

    uint64_t total() const { return total_; }
    size_t files() const { return begins_.size(); }
    uint64_t end_of(size_t file) const {
        return file + 1 < begins_.size() ? begins_[file + 1] : total_;
    }

    struct Place {
        uint32_t file = 0;
        uint64_t offset = 0;
    };
    // The end of the stream is a place behind the last file.
    Place place(uint64_t position) const {
        TIMBER_ASSERT_OP(position, <=, total_);
        size_t file = 0;
        while (file < begins_.size() && end_of(file) <= position) ++file;
        if (file == begins_.size()) return {static_cast<uint32_t>(file), 0};
        return {static_cast<uint32_t>(file), position - begins_[file]};
    }
    // Nothing for a place that is none.
    std::optional<uint64_t> position(uint64_t file, uint64_t offset) const {
        if (file == begins_.size() && offset == 0) return total_;
        if (file >= begins_.size() || offset >= end_of(file) - begins_[file]) return std::nullopt;
        return begins_[file] + offset;
    }

  private:
    std::vector<uint64_t> begins_;
    uint64_t total_ = 0;
};

}  // namespace timber::raftstore
