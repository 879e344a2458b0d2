#pragma once
// One compaction: which files of a level are merged with which of the next one; and what the
// compactions under way lay claim to.
//
// Thread:     a Compaction is a value, unchanged once its job runs. Claims belong to the loop.
// Lifetime:   a Compaction holds on to its files and to the version it was picked in.
// Invariants: C1  every file of the output level that overlaps the range is an input; of a move,
//                 none overlaps a file that is moved. (Not for level 0 into itself.)
//             C2  with a level-0 file all older ones that overlap it are inputs.
//             C3  no file is claimed twice, and outputs of one level do not overlap.
//             C4  no level-0 input is newer than Version::flushed(): a memory table that is older
//                 than it (it was ingested) would come to lie above it when it is flushed.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memtable/file_meta.h"
#include "memtable/version.h"
#include "memtable/version_edit.h"

namespace timber::memtable {

enum class CompactionReason : uint8_t {
    kLevel0,     // too many files in level 0
    kLevelSize,  // a level is over its target
    kMerge0,     // small files of level 0 into one, until the way down is worth it
    kRemoves,    // files that are mostly removes, or hold range removes
    kRange,      // asked for
};

struct Compaction {
    Family family = Family::kDefault;
    uint8_t level_from = 0;
    uint8_t level_to = 0;
    CompactionReason reason = CompactionReason::kLevelSize;
    // The files of `level_from` go to `level_to` as they are: an edit and no job.
    bool move = false;
    // Level 0: newest first; deeper ones: by key.
    std::vector<TableFileRef> inputs_from;
    std::vector<TableFileRef> inputs_to;
    // Of the level after `level_to`, what overlaps the range: outputs are cut along their bounds.
    std::vector<TableFileRef> grandparents;
    // Covers every input. Of a move, files in between may belong to others.
    KeyRange range;
    // In which it was picked.
    VersionRef version;

    // Of the inputs.
    uint64_t bytes() const;
    // For a move: the whole of what is to be done.
    VersionEdit move_edit() const;
    void check_invariants() const;

  private:
    void check_output_level() const;
};

// The range that a file touches, as [begin, end).
KeyRange range_of(const FileMeta& file);
// The smallest range that covers both.
KeyRange hull(const KeyRange& left, const KeyRange& right);
bool overlap(const KeyRange& left, const KeyRange& right);

// What compactions and ingests under way hold: input files, and where their outputs go.
class CompactionClaims {
  public:
    using Id = StrongId<struct CompactionClaimTag, uint64_t>;

    Id claim(const Compaction& compaction);
    // Files that will be put into a level from elsewhere: an ingest between its choice of the level
    // and the end of its edit.
    Id claim_output(Family family, size_t level, KeyRange range);
    void release(Id id);

    bool busy(FileNumber file) const;
    // Whether an output may come to lie in the range at that level.
    bool output_overlaps(Family family, size_t level, const KeyRange& range) const;
    size_t running(Family family, size_t level_from) const;
    bool empty() const { return claims_.empty(); }

  private:
    struct Claim {
        Id id;
        Family family;
        std::optional<size_t> level_from;
        size_t level_to;
        std::vector<KeyRange> ranges;   // where outputs may come to lie
        std::vector<FileNumber> files;  // sorted
    };

    std::vector<Claim> claims_;
    std::vector<FileNumber> busy_;  // of all, sorted
    uint64_t last_id_ = 0;
};

// The deepest level that files of `range` may be put into, newer than all that is there: nothing of
// it or above it, and no output of what is claimed, overlaps them. 0 if there is none.
size_t ingest_level(const Version& version, const CompactionClaims& claims, Family family,
                    const KeyRange& range);

}  // namespace timber::memtable
