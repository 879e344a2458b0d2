#pragma once
// How scenarios write down what nodes say and do; scenarios/README.md explains the notation.
//
// Thread: pure functions.
#include <string>

#include "raft/raft.h"

namespace timber::raft::test {

// "3/2 a": index, term, payload; "-" for an empty one.
std::string text_of(const Entry& entry);
std::string text_of(const std::vector<Entry>& entries);
std::string text_of(const ConfState& conf);
std::string text_of(const Message& message);
std::string text_of(const Write& write);
std::string text_of(const ProgressStatus& progress);

template <typename Id>
std::string number(Id id) {
    return std::to_string(id.value());
}

}  // namespace timber::raft::test
