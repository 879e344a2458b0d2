#pragma once
// Configurations: what makes one well-formed, and what a change does to one.
//
// Thread: pure functions.
#include "raft/types.h"

namespace timber::raft {

// Members that a configuration may have at most; a message that claims more is nonsense.
inline constexpr size_t kMembersMax = 1024;

// Lists are sorted, without duplicates and without node 0; nobody is voter and learner at once;
// no more members than kMembersMax.
bool well_formed(const ConfState& conf);

// Everyone with a vote, each once, sorted.
std::vector<NodeId> all_voters(const ConfState& conf);

// Everyone, each once, sorted.
std::vector<NodeId> all_members(const ConfState& conf);

// Whether a leader may propose it: a voter is left, and no more members than kMembersMax.
bool proposable(const ConfState& conf, const ConfChange& change);

// The configuration after `change`. Adding who is there and removing who is not change nothing, nor
// does adding one above kMembersMax, on any node. Two configurations of which one comes from the
// other share a voter in any two majorities.
ConfState changed(const ConfState& conf, const ConfChange& change);

}  // namespace timber::raft
