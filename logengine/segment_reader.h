#pragma once
// Reads one segment into memory, a few large reads ahead of whoever walks it.
//
// Thread:   one job.
// Memory:   one segment, reused from segment to segment.
#include <array>
#include <string>

#include "logengine/segment_file.h"
#include "src/base/aligned_buffer.h"

namespace timber::logengine {

class SegmentReader {
  public:
    SegmentReader(Disk& disk, const Geometry& geometry, size_t read_bytes)
        : disk_(disk), geometry_(geometry), read_bytes_(read_bytes) {}
    ~SegmentReader();

    // Begins reading `segment`, from its start; what is loaded of one that is open stays so.
    void open(const Segment& segment);
    // Makes the first `bytes` of the segment readable; fewer than the segment has is kCorrupted.
    Status load(uint64_t bytes);
    // What was loaded.
    ByteView bytes() const { return {buffer_.data(), loaded_}; }
    MutableBytes mutable_bytes() { return {buffer_.data(), loaded_}; }
    const Segment& segment() const { return *segment_; }

  private:
    static constexpr size_t kReadsAhead = 4;

    void submit_more();
    Status finish_oldest();
    void drain();

    Disk& disk_;
    const Geometry& geometry_;
    size_t read_bytes_;
    AlignedBuffer buffer_;
    const Segment* segment_ = nullptr;
    std::array<IoOp, kReadsAhead> ops_;
    uint64_t submitted_ = 0;  // bytes asked for, from the start
    uint64_t loaded_ = 0;     // bytes there, from the start
    size_t oldest_ = 0;       // the operation that was submitted first
    size_t in_flight_ = 0;
};

}  // namespace timber::logengine
