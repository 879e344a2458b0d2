#pragma once
// Walks the chain of groups through the segments, and looks at what lies behind its end.
//
// A group belongs to the chain if it is whole, in its own place, names the next LSN and its
// predecessor's checksum, and is of the epoch that wrote this part of the chain. The first place
// where no such group is found, in this segment or at the beginning of a later one, is the end.
//
// Thread:   one job.
#include <deque>
#include <optional>
#include <vector>

#include "logengine/directory.h"
#include "logengine/log_engine.h"
#include "logengine/recovery_table.h"
#include "logengine/retained_records.h"
#include "logengine/segment_reader.h"

namespace timber::logengine {

// A prepared segment as recovery finds it.
struct FoundSegment {
    std::unique_ptr<Segment> segment;
    std::optional<GroupHeader> first_group;  // header only; in its own place
};

class ChainScan {
  public:
    ChainScan(Disk& disk, const Geometry& geometry, const Superblock& superblock,
              size_t read_bytes);

    // The largest released LSN that the groups of `segment` state, from its first group on.
    Result<Lsn> newest_release(const Segment& segment);

    // Walks the chain from `segments[start]` on, all in order of their ids.
    Status walk(std::vector<FoundSegment>& segments, size_t start, BatchVisitor& visitor,
                RetainedRecords& retained);

    // What the walk found.
    size_t last_segment() const { return last_segment_; }  // the newest with a group of the chain
    size_t end_segment() const { return end_segment_; }    // where the next group was looked for
    uint64_t end_offset() const { return end_offset_; }
    AtEnd at_end() const { return at_end_; }
    Lsn next_lsn() const { return next_lsn_; }
    Lsn first_lsn() const { return first_lsn_; }
    Lsn released_lsn() const { return released_lsn_; }
    Lsn claimed_lsn() const { return claimed_lsn_; }  // the largest durable LSN claimed
    uint64_t checksum() const { return checksum_; }
    uint64_t batches() const { return batches_; }
    uint64_t bytes() const { return bytes_; }
    DirectoryBuilder& last_directory() { return last_directory_; }

    // After the walk: what groups behind the end say.
    struct Behind {
        Lsn claimed_lsn;         // the largest LSN that any of them claims was durable
        uint64_t survivors = 0;  // groups of the newest epoch that lie behind the gap
    };
    // `unnamed` are files without a readable identity: whatever they are, a claim in them counts.
    Result<Behind> look_behind(const std::vector<FoundSegment>& segments,
                               const std::vector<const Segment*>& unnamed);

    // Writes the accepted groups that nothing proves durable once more, byte for byte: a cache may
    // give us for clean what a failed write or sync lost.
    Status rewrite_unproven(const std::vector<FoundSegment>& segments);

  private:
    struct Extent {
        size_t segment;  // index
        uint64_t offset;
        size_t bytes;
    };
    struct Unproven {
        size_t segment;  // index
        uint64_t offset;
        size_t bytes;   // a multiple of the block size
        Lsn proven_by;  // durable once this batch is known to be
    };

    bool continues(const GroupHeader& header, const Segment& segment, uint64_t offset) const;
    Result<bool> walk_segment(std::vector<FoundSegment>& segments, size_t index,
                              BatchVisitor& visitor, RetainedRecords& retained);
    Status accept(const GroupHeader& header, size_t index, uint64_t offset, ByteView group,
                  BatchVisitor& visitor, RetainedRecords& retained);
    Status load_last_directory(const std::vector<FoundSegment>& segments);
    AtEnd classify(ByteView block) const;
    size_t next_in_chain(const std::vector<FoundSegment>& segments, size_t index) const;
    void look_at(ByteView blocks, const Segment& segment, uint64_t offset, Behind& behind) const;

    Disk& disk_;
    const Geometry& geometry_;
    const Superblock& superblock_;
    SegmentReader reader_;

    Lsn first_lsn_;
    Lsn next_lsn_;
    uint64_t checksum_ = 0;
    Lsn released_lsn_;
    Lsn claimed_lsn_;
    bool newest_epoch_ = false;  // the walk reached the part of the newest epoch
    uint64_t batches_ = 0;
    uint64_t bytes_ = 0;
    size_t last_segment_ = 0;
    size_t end_segment_ = 0;
    uint64_t end_offset_ = 0;
    AtEnd at_end_ = AtEnd::kZero;
    std::deque<Unproven> unproven_;
    std::optional<Extent> last_group_;
    DirectoryBuilder last_directory_;
};

}  // namespace timber::logengine
