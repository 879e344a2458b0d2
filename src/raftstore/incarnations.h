#pragma once
// Which incarnation of each other Store this one has met: a server whose disk was wiped or swapped
// is somebody else, and may not vote or acknowledge in its old place.
//
// The first incarnation that speaks up is kept, durably, before anything that it says counts: else
// it could vote, this Store restart and forget it, and its successor on an empty disk vote again.
//
// Thread:     the loop.
// Invariants: IN1  known() gives what is durable here, and it never changes.
#include <map>
#include <optional>
#include <vector>

#include "src/raftstore/transport.h"
#include "src/storage/storage_engine.h"

namespace timber::raftstore {

class Incarnations {
  public:
    // Store ids above this are nonsense; the rows' keys leave room for others.
    static constexpr uint64_t kStoreIdMax = (uint64_t{1} << 56) - 1;
    // Rows are carried forward by the log, and strangers may speak up.
    static constexpr size_t kStoresMax = 4096;

    // Reads what is kept. kCorrupted for a row that is none of ours.
    Status load(const storage::StorageEngine& engine);

    std::optional<Incarnation> known(StoreId store) const;

    enum class Verdict : uint8_t { kKnown, kOther, kNew, kTooMany };
    Verdict judge(StoreId store, Incarnation incarnation) const;

    // The row that makes it known.
    static uint64_t row_key(StoreId store);
    static std::string row_value(Incarnation incarnation);
    // The row is durable.
    void add(StoreId store, Incarnation incarnation);

  private:
    std::map<StoreId, Incarnation> known_;
};

}  // namespace timber::raftstore
