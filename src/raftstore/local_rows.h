#pragma once
// The keys of the raftstore's rows in the storage engine, outside of any Region: a kind in the
// upper byte, what it is about in the rest.
#include <cstdint>

namespace timber::raftstore {

inline constexpr uint64_t kLocalRowKindMask = uint64_t{0xff} << 56;
// The Store's Regions of the first hour are there: its formation is complete.
inline constexpr uint64_t kFormedRow = uint64_t{1} << 56;
// Every member of the Regions of the first hour knows this Store: it takes part.
inline constexpr uint64_t kIntroducedRow = uint64_t{3} << 56;
// The incarnation of another Store, whose id is in the rest.
inline constexpr uint64_t kIncarnationRows = uint64_t{2} << 56;

}  // namespace timber::raftstore
