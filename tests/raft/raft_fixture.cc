#include "tests/raft/raft_fixture.h"

#include <algorithm>

namespace timber::raft::test {

Config paper_config(uint64_t id) {
    Config config;
    config.id = NodeId(id);
    config.seed = id;
    config.pre_vote = false;
    config.check_quorum = false;
    return config;
}

Config careful_config(uint64_t id) {
    Config config = paper_config(id);
    config.pre_vote = true;
    config.check_quorum = true;
    return config;
}

Entry entry(uint64_t index, uint64_t term, std::string_view text) {
    return {Term(term), LogIndex(index), EntryType::kNormal, Payload::copy_of(text)};
}

Message message(MessageType type, uint64_t from, uint64_t to, uint64_t term) {
    return {.type = type, .from = NodeId(from), .to = NodeId(to), .term = Term(term)};
}

Message vote_request(uint64_t from, uint64_t to, uint64_t term, Place last) {
    Message ask = message(MessageType::kVote, from, to, term);
    ask.index = LogIndex(last.index);
    ask.log_term = Term(last.term);
    return ask;
}

Message vote_answer(uint64_t from, uint64_t to, uint64_t term, bool granted) {
    Message answer = message(MessageType::kVoteResponse, from, to, term);
    answer.reject = !granted;
    return answer;
}

Message append(uint64_t from, uint64_t to, uint64_t term, Place previous,
               std::vector<Entry> entries, uint64_t commit) {
    Message append = message(MessageType::kAppend, from, to, term);
    append.index = LogIndex(previous.index);
    append.log_term = Term(previous.term);
    append.entries = std::move(entries);
    append.commit = LogIndex(commit);
    return append;
}

Message acknowledgement(uint64_t from, uint64_t to, uint64_t term, uint64_t index) {
    Message answer = message(MessageType::kAppendResponse, from, to, term);
    answer.index = LogIndex(index);
    return answer;
}

Message heartbeat(uint64_t from, uint64_t to, uint64_t term, uint64_t commit) {
    Message beat = message(MessageType::kHeartbeat, from, to, term);
    beat.commit = LogIndex(commit);
    return beat;
}

Message snapshot_message(uint64_t from, uint64_t to, uint64_t term, Place last,
                         std::vector<uint64_t> voters) {
    Message message = test::message(MessageType::kSnapshot, from, to, term);
    Snapshot snapshot;
    snapshot.metadata.index = LogIndex(last.index);
    snapshot.metadata.term = Term(last.term);
    for (const uint64_t voter : voters) snapshot.metadata.conf_state.voters.emplace_back(voter);
    message.snapshot = std::make_shared<Snapshot>(std::move(snapshot));
    return message;
}

Message accepted(const Message& append) {
    TIMBER_ASSERT_OP(append.type, ==, MessageType::kAppend);
    Message answer{.type = MessageType::kAppendResponse, .from = append.to, .to = append.from};
    answer.term = append.term;
    answer.index = append.index + append.entries.size();
    return answer;
}

std::vector<Message> of_type(const std::vector<Message>& messages, MessageType type) {
    std::vector<Message> found;
    std::ranges::copy_if(messages, std::back_inserter(found),
                         [&](const Message& message) { return message.type == type; });
    return found;
}

std::vector<Message> lead(TestNode& node) {
    EXPECT_EQ(node.raft().campaign(), std::nullopt);
    node.settle();
    TIMBER_MAYBE(node.take_outbox());
    for (const uint64_t voter : node.voters()) {
        if (node.role() == Role::kLeader) break;
        if (voter == node.id().value()) continue;
        node.raft().step(vote_answer(voter, node.id().value(), node.term(), true));
        node.settle();
    }
    EXPECT_EQ(node.role(), Role::kLeader);
    return node.take_outbox();
}

void acknowledge_all(TestNode& leader) {
    leader.settle();
    for (bool news = true; news;) {
        news = false;
        TIMBER_MAYBE(leader.take_outbox());
        for (const uint64_t voter : leader.voters()) {
            if (voter == leader.id().value()) continue;
            if (leader.progress(voter).match.value() == leader.last()) continue;
            const Message answer =
                acknowledgement(voter, leader.id().value(), leader.term(), leader.last());
            TIMBER_MAYBE(leader.step(answer));
            news = true;
        }
    }
}

Proposed propose(TestNode& leader, std::string_view text) {
    const Proposed proposed = leader.raft().propose(Payload::copy_of(text));
    leader.settle();
    return proposed;
}

std::vector<uint64_t> handed_over_terms(const TestNode& node) {
    std::vector<uint64_t> terms;
    for (const Entry& entry : node.handed_over()) terms.push_back(entry.term.value());
    return terms;
}

Group::Group(uint64_t voters, Config (*config)(uint64_t id)) : voters_(voters), config_(config) {
    for (uint64_t id = 1; id <= voters; ++id) start(id, {});
}

void Group::start(uint64_t id, Stored stored) {
    if (stored.voters.empty()) {
        for (uint64_t voter = 1; voter <= voters_; ++voter) stored.voters.push_back(voter);
    }
    nodes_.erase(id);
    nodes_.try_emplace(id, config_(id), stored);
}

void Group::cut(uint64_t left, uint64_t right) {
    cut_.insert({left, right});
    cut_.insert({right, left});
}

void Group::isolate(uint64_t id) {
    for (const auto& [other, node] : nodes_) {
        if (other != id) cut(id, other);
    }
}

void Group::heal() {
    cut_.clear();
    ignored_.clear();
}

bool Group::dropped(const Message& message) const {
    if (!nodes_.contains(message.to.value())) return true;
    return ignored_.contains(message.type) ||
           cut_.contains({message.from.value(), message.to.value()});
}

void Group::collect() {
    for (auto& [id, node] : nodes_) {
        node.settle();
        for (Message& message : node.take_outbox()) {
            if (!dropped(message)) wire_.push_back(std::move(message));
        }
    }
}

void Group::deliver() {
    for (collect(); !wire_.empty(); collect()) {
        Message message = std::move(wire_.front());
        wire_.pop_front();
        nodes_.at(message.to.value()).raft().step(std::move(message));
    }
}

void Group::deliver(std::vector<Message> sent) {
    for (Message& message : sent) {
        if (!dropped(message)) wire_.push_back(std::move(message));
    }
    deliver();
}

void Group::campaign(uint64_t id) {
    EXPECT_EQ(nodes_.at(id).raft().campaign(), std::nullopt);
    deliver();
}

void Group::elect(uint64_t id) {
    campaign(id);
    EXPECT_EQ(nodes_.at(id).role(), Role::kLeader);
}

Proposed Group::propose(uint64_t id, std::string_view text) {
    const Proposed proposed = nodes_.at(id).raft().propose(Payload::copy_of(text));
    deliver();
    return proposed;
}

Proposed Group::change(uint64_t id, ConfChangeType type, uint64_t node) {
    const Proposed proposed =
        nodes_.at(id).raft().propose_conf_change({type, NodeId(node), Payload()});
    deliver();
    return proposed;
}

std::optional<Refusal> Group::transfer(uint64_t at, uint64_t to) {
    const std::optional<Refusal> refusal = nodes_.at(at).raft().transfer_leader(NodeId(to));
    deliver();
    return refusal;
}

void Group::tick(uint64_t id, size_t count) {
    for (; count > 0; --count) {
        nodes_.at(id).raft().tick();
        deliver();
    }
}

void Group::expect_role(uint64_t id, Role role, uint64_t term) {
    EXPECT_EQ(to_string(nodes_.at(id).role()), to_string(role)) << "node " << id;
    EXPECT_EQ(nodes_.at(id).term(), term) << "node " << id;
}

void Group::expect_log(uint64_t id, const std::vector<uint64_t>& terms, uint64_t commit) {
    EXPECT_EQ(nodes_.at(id).log_terms(), terms) << "node " << id;
    EXPECT_EQ(nodes_.at(id).commit(), commit) << "node " << id;
}

void Group::expect_all_logs(const std::vector<uint64_t>& terms, uint64_t commit) {
    for (const auto& [id, node] : nodes_) expect_log(id, terms, commit);
}

void Group::expect_led_by(uint64_t to, uint64_t from) {
    EXPECT_EQ(nodes_.at(to).role(), Role::kLeader) << "node " << to;
    EXPECT_EQ(nodes_.at(from).role(), Role::kFollower) << "node " << from;
    EXPECT_EQ(nodes_.at(from).leader(), to);
}

}  // namespace timber::raft::test
