#include "src/storage/write_batch.h"

#include "src/base/assert.h"

namespace timber::storage {

// What a record takes beside its payload, about: its header in the log and the fields of ours.
static constexpr size_t kRecordOverheadBytes = 48;
// Of a Region that is touched: its progress record.
static constexpr size_t kProgressBytes = 96;

WriteBatch::RegionChanges& WriteBatch::changes(RegionId region) {
    TIMBER_ASSERT(region != RegionId());
    const auto [place, added] = regions_.try_emplace(region);
    if (added) bytes_ += kProgressBytes;
    return place->second;
}

void WriteBatch::create_region(RegionId region, AppliedState state, raft::HardState hard_state) {
    RegionChanges& to = changes(region);
    TIMBER_ASSERT(!to.create && !to.install && !to.destroy);
    TIMBER_ASSERT_OP(state.region_state.size(), <=, kRegionStateBytesMax);
    bytes_ += kRecordOverheadBytes + state.region_state.size();
    to.create = std::move(state);
    to.hard_state = hard_state;
}

void WriteBatch::install_snapshot(RegionId region, SnapshotInstall install) {
    RegionChanges& to = changes(region);
    TIMBER_ASSERT(!to.create && !to.install && !to.destroy);
    TIMBER_ASSERT_OP(install.state.region_state.size(), <=, kRegionStateBytesMax);
    TIMBER_ASSERT(install.state.applied == install.state.truncated.index);
    bytes_ += kRecordOverheadBytes * (1 + install.files.size()) +
              install.state.region_state.size() + install.range.begin.size() +
              install.range.end.size();
    to.install = std::move(install);
}

void WriteBatch::append(RegionId region, std::span<const raft::Entry> entries) {
    if (entries.empty()) return;
    RegionChanges& to = changes(region);
    TIMBER_ASSERT(!to.destroy);
    if (to.entries.empty()) to.entries.reserve(entries.size());
    for (const raft::Entry& entry : entries) {
        if (!to.entries.empty())
            TIMBER_ASSERT_OP(entry.index, ==, to.entries.back().index + 1);  // B2
        bytes_ += kRecordOverheadBytes + entry.payload.size();
        to.entries.push_back(entry);
    }
}

void WriteBatch::set_hard_state(RegionId region, const raft::HardState& hard_state) {
    RegionChanges& to = changes(region);
    TIMBER_ASSERT(!to.destroy);
    to.hard_state = hard_state;
}

void WriteBatch::destroy_region(RegionId region, memtable::KeyRange range,
                                std::string region_state) {
    RegionChanges& to = changes(region);
    TIMBER_ASSERT(!to.create && !to.install && to.entries.empty() && !to.hard_state);
    TIMBER_ASSERT(!to.destroy);
    TIMBER_ASSERT_OP(region_state.size(), <=, kRegionStateBytesMax);
    bytes_ += kRecordOverheadBytes + range.begin.size() + range.end.size() + region_state.size();
    to.destroy = {std::move(range), std::move(region_state)};
}

void WriteBatch::put_local(uint64_t key, std::string value) {
    TIMBER_ASSERT_OP(value.size(), <=, kLocalRowBytesMax);
    bytes_ += kRecordOverheadBytes + value.size();
    locals_[key] = std::move(value);
}

void WriteBatch::remove_local(uint64_t key) {
    bytes_ += kRecordOverheadBytes;
    locals_[key] = std::nullopt;
}

}  // namespace timber::storage
