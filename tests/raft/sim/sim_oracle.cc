#include "tests/raft/sim/sim_oracle.h"

#include <cstdio>
#include <cstdlib>

#include "src/base/checksum.h"

namespace timber::raft::sim {

void broken(const char* rule, const std::string& what) {
    std::fprintf(stderr, "BROKEN %s: %s\n", rule, what.c_str());
    std::fflush(nullptr);
    std::abort();
}

uint64_t fingerprint(uint64_t seed, uint64_t value) {
    return checksum64({reinterpret_cast<const std::byte*>(&value), sizeof value}, seed);
}

uint64_t fingerprint(const Entry& entry) {
    uint64_t hash = checksum64(entry.payload.bytes(), static_cast<uint64_t>(entry.type) + 1);
    hash = fingerprint(hash, entry.index.value());
    return fingerprint(hash, entry.term.value());
}

static uint64_t key_of(LogIndex index, Term term) { return index.value() << 24 | term.value(); }

void Oracle::set_start(LogIndex index, Term term, const ConfState& conf) {
    members_[LogIndex(0)] = {};
    for (const NodeId voter : conf.voters) members_[index][voter] = true;
    start_ = committed_max_ = index;
    committed_.assign(index.value() + 1, {term, Term(0)});
    states_.assign(index.value() + 1, 0);
    last_write_.assign(index.value() + 1, LogIndex(0));
}

void Oracle::leader(NodeId node, Term term, const RawNode& raft) {
    const auto [known, fresh] = leaders_.try_emplace(term, node);
    if (known->second != node) {
        broken("C1", "term " + text(term) + " is led by " + text(known->second) + " and by " +
                         text(node));
    }
    if (!fresh) return;
    // By log matching, the highest one that must be there stands for those before it.
    for (LogIndex index = committed_max_; index > start_; --index) {
        const CommittedFacts& facts = committed_[index.value()];
        if (facts.known_in_term >= term) continue;
        const std::optional<Term> here = raft.term_at(index);
        if (!here && index < raft.status().first_index) return;
        if (here != facts.term) {
            broken("C5", "node " + text(node) + " leads term " + text(term) + " without entry " +
                             text(index) + " of term " + text(facts.term) +
                             ", which was committed in term " + text(facts.known_in_term));
        }
        return;
    }
}

void Oracle::entry(const Entry& entry, Term previous_term) {
    const EntryFacts facts{fingerprint(entry), previous_term};
    const auto [known, fresh] = entries_.try_emplace(key_of(entry.index, entry.term), facts);
    if (fresh) return;
    if (known->second.content != facts.content) {
        broken("C2", "two entries " + text(entry.index) + " of term " + text(entry.term));
    }
    if (known->second.previous_term != previous_term) {
        broken("C2", "entry " + text(entry.index) + " of term " + text(entry.term) +
                         " follows on term " + text(previous_term) + " and on term " +
                         text(known->second.previous_term));
    }
}

void Oracle::committed(NodeId node, LogIndex from, LogIndex to, const RawNode& raft) {
    for (LogIndex index = from; index <= to; ++index) {
        const std::optional<Term> here = raft.term_at(index);
        if (!here) continue;  // compacted, or passed by a snapshot
        if (index.value() >= committed_.size()) {
            if (index != committed_max_ + 1) continue;  // known when the ones before are
            committed_.push_back({*here, raft.term()});
            committed_max_ = index;
        }
        const Term term = committed_[index.value()].term;
        if (term != *here) {
            broken("C4", "node " + text(node) + " holds entry " + text(index) + " of term " +
                             text(*here) + " for committed, of term " + text(term) + " it is");
        }
    }
}

uint64_t Oracle::applied(NodeId node, const Entry& entry) {
    const uint64_t at = entry.index.value();
    if (committed_term(entry.index) != entry.term) {
        broken("C4", "node " + text(node) + " applies entry " + text(entry.index) + " of term " +
                         text(entry.term) + ", which is not the committed one");
    }
    const uint64_t before = state_at(entry.index - 1);
    const uint64_t after = fingerprint(before, fingerprint(entry));
    if (at == states_.size()) {
        states_.push_back(after);
        const bool writes = entry.type == EntryType::kNormal && !entry.payload.empty();
        last_write_.push_back(writes ? entry.index : last_write_.back());
    }
    if (state_at(entry.index) != after) {
        broken("C4", "node " + text(node) + " applies another entry " + text(entry.index));
    }
    return after;
}

void Oracle::changed(LogIndex index, const ConfChange& change) {
    if (members_.rbegin()->first >= index) return;
    Members members = members_.rbegin()->second;
    members.erase(change.node);
    if (change.type != ConfChangeType::kRemove) {
        members[change.node] = change.type == ConfChangeType::kAddVoter;
    }
    members_[index] = std::move(members);
}

void Oracle::check_members(NodeId node, LogIndex index, const ConfState& conf) const {
    const Members& members = std::prev(members_.upper_bound(index))->second;
    bool same = members.size() == conf.voters.size() + conf.learners.size();
    for (const NodeId voter : conf.voters) {
        same = same && members.contains(voter) && members.at(voter);
    }
    for (const NodeId learner : conf.learners) {
        same = same && members.contains(learner) && !members.at(learner);
    }
    if (!same) {
        broken("C14",
               "node " + text(node) + " counts by another membership than that of " + text(index));
    }
}

uint64_t Oracle::state_at(LogIndex index) const {
    if (index.value() >= states_.size()) {
        broken("C4", "the state after " + text(index) + " was never reached by applying");
    }
    return states_[index.value()];
}

std::optional<Term> Oracle::committed_term(LogIndex index) const {
    if (index.value() >= committed_.size()) return std::nullopt;
    return committed_[index.value()].term;
}

void Oracle::write_done(LogIndex index, LogIndex floor_at_start) {
    if (index <= floor_at_start) {
        broken("C12", "a write got place " + text(index) + " after " + text(floor_at_start) +
                          " was answered before it began");
    }
    completed_max_ = std::max(completed_max_, index);
}

void Oracle::read_done(LogIndex applied, LogIndex floor_at_start, const char* how) {
    const LogIndex sees = last_write_.at(applied.value());
    if (sees < floor_at_start) {
        broken("C12", std::string("a read by ") + how + " sees writes up to " + text(sees) +
                          ", but " + text(floor_at_start) + " was answered before it began");
    }
    completed_max_ = std::max(completed_max_, sees);
}

}  // namespace timber::raft::sim
