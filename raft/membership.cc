#include "raft/membership.h"

#include <algorithm>
#include <iterator>

namespace timber::raft {

static bool too_many(const ConfState& conf) {
    return conf.voters.size() + conf.learners.size() + conf.voters_outgoing.size() > kMembersMax;
}

static bool sorted_and_unique(const std::vector<NodeId>& ids) {
    if (!ids.empty() && ids.front() == kNobody) return false;
    return std::ranges::adjacent_find(ids, std::ranges::greater_equal()) == ids.end();
}

bool well_formed(const ConfState& conf) {
    if (too_many(conf)) return false;
    if (!sorted_and_unique(conf.voters)) return false;
    if (!sorted_and_unique(conf.learners)) return false;
    if (!sorted_and_unique(conf.voters_outgoing)) return false;
    return std::ranges::none_of(conf.learners,
                                [&](const NodeId learner) { return conf.has_voter(learner); });
}

std::vector<NodeId> all_voters(const ConfState& conf) {
    std::vector<NodeId> ids;
    std::ranges::set_union(conf.voters, conf.voters_outgoing, std::back_inserter(ids));
    return ids;
}

std::vector<NodeId> all_members(const ConfState& conf) {
    std::vector<NodeId> ids;
    std::ranges::set_union(all_voters(conf), conf.learners, std::back_inserter(ids));
    return ids;
}

static void erase(std::vector<NodeId>& ids, NodeId id) { std::erase(ids, id); }

static void insert(std::vector<NodeId>& ids, NodeId id) {
    const auto at = std::ranges::lower_bound(ids, id);
    if (at == ids.end() || *at != id) ids.insert(at, id);
}

static ConfState unchecked(ConfState next, const ConfChange& change) {
    erase(next.learners, change.node);
    switch (change.type) {
        case ConfChangeType::kAddVoter: insert(next.voters, change.node); break;
        case ConfChangeType::kAddLearner:
            erase(next.voters, change.node);
            insert(next.learners, change.node);
            break;
        case ConfChangeType::kRemove: erase(next.voters, change.node); break;
    }
    return next;
}

bool proposable(const ConfState& conf, const ConfChange& change) {
    TIMBER_ASSERT(change.node != kNobody);
    const ConfState next = unchecked(conf, change);
    return !next.voters.empty() && !too_many(next);
}

ConfState changed(const ConfState& conf, const ConfChange& change) {
    TIMBER_ASSERT(well_formed(conf));
    TIMBER_ASSERT(change.node != kNobody);
    ConfState next = unchecked(conf, change);
    // An assertion would stop every node of the group that applies it, for ever.
    if (too_many(next)) return conf;
    TIMBER_ASSERT(well_formed(next));
    return next;
}

}  // namespace timber::raft
