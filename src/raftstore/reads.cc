#include "src/raftstore/reads.h"

#include <iterator>

namespace timber::raftstore {

static void move_into(std::vector<Read>& to, std::vector<Read>& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::vector<Read> Reads::counted_out(std::vector<Read> reads) {
    TIMBER_ASSERT_OP(size_, >=, reads.size());
    size_ -= reads.size();
    return reads;
}

void Reads::add(Read read) {
    ++size_;
    new_.push_back(std::move(read));
}

void Reads::asked(raft::ReadId id) {
    TIMBER_ASSERT(!new_.empty());
    const bool fresh = asked_.emplace(id, std::exchange(new_, {})).second;
    TIMBER_ASSERT(fresh);
}

void Reads::ready(raft::ReadId id, raft::LogIndex index) {
    const auto at = asked_.find(id);
    if (at == asked_.end()) return;
    waiting_.emplace(index, std::move(at->second));
    asked_.erase(at);
}

void Reads::wait_for(raft::LogIndex index, Read read) {
    ++size_;
    std::vector<Read> one;
    one.push_back(std::move(read));
    waiting_.emplace(index, std::move(one));
}

std::vector<Read> Reads::take_new() { return counted_out(std::exchange(new_, {})); }

std::vector<Read> Reads::take_dropped(raft::ReadId id) {
    const auto at = asked_.find(id);
    if (at == asked_.end()) return {};
    std::vector<Read> reads = std::move(at->second);
    asked_.erase(at);
    return counted_out(std::move(reads));
}

std::vector<Read> Reads::take_served(raft::LogIndex applied) {
    std::vector<Read> served;
    while (!waiting_.empty() && waiting_.begin()->first <= applied) {
        move_into(served, waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
    }
    return counted_out(std::move(served));
}

std::vector<Read> Reads::take_all() {
    std::vector<Read> all = std::exchange(new_, {});
    for (auto& [id, reads] : asked_) move_into(all, reads);
    for (auto& [index, reads] : waiting_) move_into(all, reads);
    asked_.clear();
    waiting_.clear();
    return counted_out(std::move(all));
}

}  // namespace timber::raftstore
