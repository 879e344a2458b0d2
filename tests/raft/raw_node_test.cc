// What a driver sees of one node: what comes in which Ready, and after a restart.
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

TEST(RawNode, Start) {
    TestNode node(paper_config(1), {.voters = {1}});
    EXPECT_EQ(node.raft().campaign(), std::nullopt);
    node.settle();
    EXPECT_EQ(node.role(), kLeader);
    EXPECT_TRUE(node.raft().propose(Payload::copy_of(std::string_view("foo"))).accepted());

    // First it is to be written, and only once that is durable it is committed.
    const std::vector<Entry> expected = {entry(2, 1, "foo")};
    Ready ready = node.take_ready();
    ASSERT_TRUE(ready.write);
    EXPECT_EQ(ready.write->entries, expected);
    EXPECT_TRUE(ready.committed.empty());
    EXPECT_FALSE(node.raft().has_ready());
    node.persist(1);
    ready = node.take_ready();
    EXPECT_EQ(ready.committed, expected);
    node.apply(1);
    EXPECT_FALSE(node.raft().has_ready());
}

TEST(RawNode, Restart) {
    TestNode node(paper_config(1), {.voters = {1, 2}, .log_terms = {1, 1}, .commit = 1});
    Ready ready = node.take_ready();
    EXPECT_EQ(ready.committed, (std::vector<Entry>{entry(1, 1)}));
    ready.committed.clear();
    EXPECT_TRUE(ready.empty());
    node.apply(1);
    EXPECT_FALSE(node.raft().has_ready());
}

TEST(RawNode, RestartFromSnapshot) {
    TestNode node(
        paper_config(1),
        {.voters = {1, 2}, .log_terms = {1}, .commit = 3, .base_index = 2, .base_term = 1});
    Ready ready = node.take_ready();
    EXPECT_EQ(ready.committed, (std::vector<Entry>{entry(3, 1)}));
    ready.committed.clear();
    EXPECT_TRUE(ready.empty());
    node.apply(1);
    EXPECT_FALSE(node.raft().has_ready());
}

// The storage is all that a node knows: one that contradicts itself is refused.
TEST(RawNode, AStorageThatContradictsItselfIsRefused) {
    TestStorage storage = storage_with({.voters = {1}, .log_terms = {1, 2}});
    storage.set_hard_state({Term(1), kNobody, LogIndex(0)});
    EXPECT_FALSE(RawNode::create(paper_config(1), storage).ok()) << "a term before its last entry";
    storage.set_hard_state({Term(2), kNobody, LogIndex(3)});
    EXPECT_FALSE(RawNode::create(paper_config(1), storage).ok()) << "committed beyond the log";
    Config config = paper_config(1);
    config.applied = LogIndex(3);
    storage.set_hard_state({Term(2), kNobody, LogIndex(2)});
    EXPECT_FALSE(RawNode::create(config, storage).ok()) << "applied beyond the log";
    EXPECT_TRUE(RawNode::create(paper_config(1), storage).ok());
}

}  // namespace
}  // namespace timber::raft::test
