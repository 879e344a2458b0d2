#pragma once
// A group under test: nodes, the network between them, and verbs.
//
// Nodes settle at once (TestNode::settle), so that here persistence is synchronous; messages travel
// in the order in which they were sent, until the network is quiet. Filters take messages away.
// The scenarios (scenarios/) show the same core with every step by itself.
//
// Thread: the test's.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/raft/test_node.h"

namespace timber::raft::test {

// The Raft paper's protocol: no pre-vote, no check of the quorum.
Config paper_config(uint64_t id);
// What a server uses: both.
Config careful_config(uint64_t id);

// The last entry of a log, or the one before the entries of an append.
struct Place {
    uint64_t index = 0;
    uint64_t term = 0;
};

Entry entry(uint64_t index, uint64_t term, std::string_view text = {});
Message message(MessageType type, uint64_t from, uint64_t to, uint64_t term);
Message vote_request(uint64_t from, uint64_t to, uint64_t term, Place last);
Message vote_answer(uint64_t from, uint64_t to, uint64_t term, bool granted);
Message append(uint64_t from, uint64_t to, uint64_t term, Place previous,
               std::vector<Entry> entries = {}, uint64_t commit = 0);
// All up to `index` is durable at `from`.
Message acknowledgement(uint64_t from, uint64_t to, uint64_t term, uint64_t index);
Message heartbeat(uint64_t from, uint64_t to, uint64_t term, uint64_t commit = 0);
Message snapshot_message(uint64_t from, uint64_t to, uint64_t term, Place last,
                         std::vector<uint64_t> voters);
// What a follower that accepts `append` answers.
Message accepted(const Message& append);

std::vector<Message> of_type(const std::vector<Message>& messages, MessageType type);

// Makes a settled node the leader by the votes of all other voters. Gives what it sends then.
std::vector<Message> lead(TestNode& node);
// The other voters acknowledge all there is, until nothing more is sent.
void acknowledge_all(TestNode& leader);
Proposed propose(TestNode& leader, std::string_view text);
// What was handed over as committed, as terms.
std::vector<uint64_t> handed_over_terms(const TestNode& node);

class Group {
  public:
    // Voters 1 to `voters`, with empty logs.
    explicit Group(uint64_t voters, Config (*config)(uint64_t id) = paper_config);

    // Replaces a node by one that starts from `stored`, or adds it; no voters: 1 to `voters`.
    void start(uint64_t id, Stored stored);
    TestNode& operator[](uint64_t id) { return nodes_.at(id); }

    // --- The network ---

    void cut(uint64_t left, uint64_t right);
    void isolate(uint64_t id);
    void ignore(MessageType type) { ignored_.insert(type); }
    void heal();
    // Delivers until nothing is under way.
    void deliver();
    // Delivers `sent` first, as if from whoever it names.
    void deliver(std::vector<Message> sent);

    // --- Verbs; each delivers ---

    void campaign(uint64_t id);
    // Campaigns, and expects to win.
    void elect(uint64_t id);
    Proposed propose(uint64_t id, std::string_view text);
    Proposed change(uint64_t id, ConfChangeType type, uint64_t node);
    std::optional<Refusal> transfer(uint64_t at, uint64_t to);
    void tick(uint64_t id, size_t count = 1);
    // A heartbeat of the leader `id`, answered.
    void beat(uint64_t id) { tick(id); }

    // --- Expectations ---

    void expect_role(uint64_t id, Role role, uint64_t term);
    void expect_log(uint64_t id, const std::vector<uint64_t>& terms, uint64_t commit);
    void expect_all_logs(const std::vector<uint64_t>& terms, uint64_t commit);
    // `to` leads, `from` follows it.
    void expect_led_by(uint64_t to, uint64_t from);

  private:
    bool dropped(const Message& message) const;
    void collect();

    const uint64_t voters_;
    Config (*const config_)(uint64_t id);
    std::map<uint64_t, TestNode> nodes_;
    std::set<std::pair<uint64_t, uint64_t>> cut_;
    std::set<MessageType> ignored_;
    std::deque<Message> wire_;
};

}  // namespace timber::raft::test
