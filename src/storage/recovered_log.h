#pragma once
// What the log says, read from its first batch to its last: the Regions' progress, where their
// entries are, the changes by value, the local rows and the identity.
//
// Thread:     the opening job, then the loop.
// Failure:    what cannot be, and what cannot be decoded, is an error that names the log's segment
//             and the offset of the record.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/storage/record_format.h"
#include "src/storage/recovered_entries.h"
#include "src/storage/types.h"

namespace timber::storage {

struct RecoveredRegion {
    std::optional<RegionProgress> progress;
    // By index; with what Raft needs no more, as far as the log still has it.
    RecoveredEntries entries;
    // The last change by value that the log holds.
    ChangeNumber change;
    logengine::Lsn change_lsn;
};

struct RecoveredChange {
    RegionId region;
    ChangeNumber number;
    RegionChange change;
    logengine::RecordLocation location;
};

using RegionRows = std::map<RegionId, RegionRow>;

class RecoveredLog {
  public:
    // `rows`: what the state store holds; they outlive this. Entries that are to be applied again
    // are kept as long as they fit into `bytes_max`.
    RecoveredLog(std::string directory, const RegionRows& rows, size_t bytes_max)
        : directory_(std::move(directory)), rows_(rows), bytes_left_(bytes_max) {}

    Status visit(const logengine::BatchCursor& batch);

    std::map<RegionId, RecoveredRegion>& regions() { return regions_; }
    // In the order of the log.
    std::vector<RecoveredChange>& changes() { return changes_; }
    std::map<uint64_t, std::string>& locals() { return locals_; }
    const std::optional<StoreIdentity>& identity() const { return identity_; }
    logengine::Lsn last_lsn() const { return last_lsn_; }
    logengine::SegmentId last_segment() const { return last_segment_; }
    bool empty() const { return regions_.empty() && locals_.empty() && !identity_; }

  private:
    Status visit(const logengine::Record& record);
    Status visit_entry(const logengine::Record& record);
    void append(RecoveredRegion& region, raft::LogIndex index, RecoveredEntry entry);
    void rewritten(RecoveredRegion& region, raft::LogIndex index, RecoveredEntry entry);
    void keep(RegionId id, const RecoveredRegion& region, RecoveredEntry& entry,
              raft::LogIndex index, const DecodedEntry& decoded);
    void let_go(const RecoveredEntry& entry) {
        if (entry.kept) bytes_left_ += raft::entry_bytes(*entry.kept);
    }
    Status visit_progress(const logengine::Record& record);
    Status visit_change(const logengine::Record& record);
    Status visit_local(const logengine::Record& record);

    const std::string directory_;
    const RegionRows& rows_;
    size_t bytes_left_;
    std::map<RegionId, RecoveredRegion> regions_;
    std::vector<RecoveredChange> changes_;
    std::map<uint64_t, std::string> locals_;
    std::optional<StoreIdentity> identity_;
    logengine::Lsn last_lsn_;
    logengine::SegmentId last_segment_;
};

// Where a record is, for people: the log's directory with the segment, and the offset.
Error at_record(Error error, std::string_view directory, const logengine::RecordLocation& location);

}  // namespace timber::storage
