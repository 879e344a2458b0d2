#pragma once
// The records that the storage engine writes to its log, and the rows that it keeps in the state
// store. FORMAT.md draws them.
//
// Thread:   functions of their arguments.
// Failure:  decoders are total: any bytes give a value or an error that says what is wrong, without
//           a place; whoever knows file and offset adds them. kNewerFormat for a version of a later
//           program, kCorrupted for everything else.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logengine/log_engine.h"
#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/storage/types.h"

namespace timber::storage {

// Numbers are never used for anything else again. A changed layout of kEntry gets a number of its
// own; the others begin with a version byte.
inline constexpr logengine::RecordType kEntryRecord{1};
inline constexpr logengine::RecordType kProgressRecord{2};
inline constexpr logengine::RecordType kCreatedRecord{3};
inline constexpr logengine::RecordType kDestroyedRecord{4};
inline constexpr logengine::RecordType kInstallRecord{5};
inline constexpr logengine::RecordType kIdentityRecord{6};
inline constexpr logengine::RecordType kLocalRecord{7};

inline constexpr uint8_t kRecordVersion = 1;
inline constexpr uint8_t kRowVersion = 1;

// Before the entry's own bytes: type, term.
inline constexpr size_t kEntryPrefixBytes = 9;
// A progress record at its longest: version and seven varints.
inline constexpr size_t kProgressBytesMax = 1 + 7 * 10;
inline constexpr size_t kSnapshotFilesMax = 65536;

// A Region's changes that no entry holds are numbered, 1 for its creation; a Region that is created
// again goes on counting.
using ChangeNumber = StrongId<struct ChangeNumberTag, uint64_t>;

// Tags: {region, index} of an entry, {region, 0} of progress, {region, change} of a change,
// {key, 0} of a local row, {0, 0} of the identity.
inline logengine::RecordTag entry_tag(RegionId region, raft::LogIndex index) {
    return {region.value(), index.value()};
}
inline logengine::RecordTag region_tag(RegionId region) { return {region.value(), 0}; }
inline logengine::RecordTag change_tag(RegionId region, ChangeNumber change) {
    return {region.value(), change.value()};
}

// What an entry's record begins with, and the whole of it.
void encode_entry_prefix(const raft::Entry& entry, MutableBytes prefix);
struct DecodedEntry {
    raft::Term term;
    raft::EntryType type;
    ByteView payload;
};
Result<DecodedEntry> decode_entry(ByteView record);

// How far a Region is. Written into every batch that touches it, and carried forward by the log.
struct RegionProgress {
    ChangeNumber change;
    raft::HardState hard_state;
    raft::LogIndex last_index;
    raft::Term last_term;
    raft::LogIndex applied;

    friend bool operator==(const RegionProgress&, const RegionProgress&) = default;
};
std::vector<std::byte> encode_progress(const RegionProgress& progress);
Result<RegionProgress> decode_progress(ByteView record);

// The changes of a Region by value.
struct RegionCreated {
    AppliedState state;
};
struct RegionDestroyed {
    memtable::KeyRange range;
    std::string region_state;
};
using RegionChange = std::variant<RegionCreated, RegionDestroyed, SnapshotInstall>;
logengine::RecordType record_type(const RegionChange& change);
std::vector<std::byte> encode_change(const RegionChange& change);
Result<RegionChange> decode_change(logengine::RecordType type, ByteView record);

std::vector<std::byte> encode_identity(const StoreIdentity& identity);
Result<StoreIdentity> decode_identity(ByteView bytes);

// Rows of the metadata family: the identity, and one for each Region, written together with the
// effects of its entries.
struct RegionRow {
    ChangeNumber change;
    bool destroyed = false;
    AppliedState state;

    friend bool operator==(const RegionRow&, const RegionRow&) = default;
};
inline constexpr std::string_view kIdentityRowKey = "i";
inline constexpr std::string_view kRegionRowPrefix = "r";
std::string region_row_key(RegionId region);
std::optional<RegionId> parse_region_row_key(std::string_view key);
std::string encode_row(const RegionRow& row);
Result<RegionRow> decode_row(std::string_view bytes);

}  // namespace timber::storage
