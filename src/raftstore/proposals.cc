#include "src/raftstore/proposals.h"

#include <algorithm>

#include "src/base/mistake.h"

namespace timber::raftstore {

void Proposals::add(Proposal proposal) {
    if (!present_.empty()) TIMBER_ASSERT_OP(present_.back().index, <, proposal.index);  // PR2
    present_.push_back(std::move(proposal));
}

void Proposals::leadership_lost(const raft::ProposalNotice& notice, uint64_t now_tick) {
    // Those before `first` are handed over already, and are answered when they are applied.
    while (!present_.empty() && present_.back().index >= notice.first) {
        Proposal& proposal = present_.back();
        TIMBER_ASSERT_OP(proposal.term, ==, notice.term);
        if (!TIMBER_MISTAKE(rs_callback_dropped)) {
            proposal.since_tick = now_tick;
            lost_.emplace(Place(proposal.index, proposal.term), std::move(proposal));
        }
        present_.pop_back();
    }
}

std::optional<Proposal> Proposals::take(raft::LogIndex index, raft::Term term) {
    std::optional<Proposal> found;
    if (!present_.empty() && present_.front().index == index) {
        if (present_.front().term == term || TIMBER_MISTAKE(rs_callback_by_index)) {
            found = std::move(present_.front());
            present_.pop_front();
            return found;
        }
    }
    auto at = lost_.lower_bound(Place(index, raft::Term(0)));
    while (at != lost_.end() && at->first.first == index) {
        if (at->first.second == term || TIMBER_MISTAKE(rs_callback_by_index)) {
            found = std::move(at->second);
            lost_.erase(at);
            return found;
        }
        ++at;
    }
    return found;
}

std::vector<Proposal> Proposals::take_range(const raft::ProposalNotice& notice) {
    std::vector<Proposal> taken;
    const auto meant = [&](raft::LogIndex index, raft::Term term) {
        return term == notice.term && index >= notice.first && index <= notice.last;
    };
    for (auto at = lost_.begin(); at != lost_.end();) {
        if (meant(at->first.first, at->first.second)) {
            taken.push_back(std::move(at->second));
            at = lost_.erase(at);
        } else {
            ++at;
        }
    }
    for (Proposal& proposal : present_) {
        if (meant(proposal.index, proposal.term)) taken.push_back(std::move(proposal));
    }
    std::erase_if(present_,
                  [&](const Proposal& proposal) { return meant(proposal.index, proposal.term); });
    return taken;
}

std::vector<Proposal> Proposals::take_up_to(raft::LogIndex index) {
    std::vector<Proposal> taken;
    while (!lost_.empty() && lost_.begin()->first.first <= index) {
        taken.push_back(std::move(lost_.begin()->second));
        lost_.erase(lost_.begin());
    }
    while (!present_.empty() && present_.front().index <= index) {
        taken.push_back(std::move(present_.front()));
        present_.pop_front();
    }
    return taken;
}

std::vector<Proposal> Proposals::take_expired(uint64_t lost_before_tick, uint64_t all_before_tick) {
    std::vector<Proposal> taken;
    for (auto at = lost_.begin(); at != lost_.end();) {
        if (at->second.since_tick < lost_before_tick) {
            taken.push_back(std::move(at->second));
            at = lost_.erase(at);
        } else {
            ++at;
        }
    }
    while (!present_.empty() && present_.front().since_tick < all_before_tick) {
        taken.push_back(std::move(present_.front()));
        present_.pop_front();
    }
    return taken;
}

std::vector<Proposal> Proposals::take_all() {
    std::vector<Proposal> taken;
    for (auto& [place, proposal] : lost_) taken.push_back(std::move(proposal));
    for (Proposal& proposal : present_) taken.push_back(std::move(proposal));
    lost_.clear();
    present_.clear();
    return taken;
}

void Proposals::check_invariants() const {
    for (size_t i = 1; i < present_.size(); ++i) {
        TIMBER_ASSERT_OP(present_[i - 1].index, <, present_[i].index);  // PR2
    }
}

}  // namespace timber::raftstore
