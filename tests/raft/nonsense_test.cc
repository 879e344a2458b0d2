// Messages that hold anything at all: a node ignores or refuses them, and never stops.
//
// What is far from the truth is thrown out at the door. So most of these are near it: of the node's
// own term or one beside it, about places around its commit and its last entry, from members and
// strangers. No group of honest nodes sends such series, so agreement is not asked for; that the
// node keeps its invariants, and its driver's, is.
#include <algorithm>

#include "src/base/random.h"
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

class Nonsense {
  public:
    explicit Nonsense(uint64_t seed)
        : random_(seed), node_(drawn_config(random_), drawn_disk(random_)) {}

    void run(int events) {
        for (; events > 0; --events) {
            event();
            node_.raft().check_invariants();
        }
        node_.storage().unreadable = false;
        node_.settle();
    }
    Role role() const { return node_.role(); }
    uint64_t ignored() const { return node_.raft().status().messages_ignored; }

  private:
    static Config drawn_config(Random& random) {
        Config config = random.one_in(2) ? paper_config(1) : careful_config(1);
        config.seed = random.next();
        if (random.one_in(2)) {
            config.message_entries_max = 2;
            config.inflight_messages_max = 2;
            config.committed_page_bytes_max = 50;
            config.applying_bytes_max = 80;
            config.write_bytes_max = 60;
            config.writes_in_flight_max = 2;
            config.log_cache_bytes_max = 100;
            config.reads_max = 3;
        }
        return config;
    }
    static Stored drawn_disk(Random& random) {
        Stored stored{.voters = {1, 2, 3}, .learners = {4}};
        if (random.one_in(5)) stored.voters = {2, 3};
        if (random.one_in(5)) stored.voters = {1};
        for (uint64_t i = random.below(6); i > 0; --i) {
            const uint64_t last = stored.log_terms.empty() ? 1 : stored.log_terms.back();
            stored.log_terms.push_back(last + random.below(2));
        }
        stored.commit = random.below(stored.log_terms.size() + 1);
        return stored;
    }

    void event() {
        const uint64_t kind = random_.below(100);
        if (kind < 55) return node_.raft().step(drawn_message());
        if (kind < 65) return node_.raft().tick();
        if (kind < 75) return take_ready();
        if (kind < 82) return node_.persist(random_.below(node_.writes().size() + 1));
        if (kind < 88) return node_.apply(random_.below(node_.to_apply().size() + 1));
        if (kind < 92) return ask();
        if (kind < 94) return report();
        if (kind < 96) {
            node_.storage().unreadable = random_.one_in(2);
            return;
        }
        if (kind < 99) return win();
        crash();
    }

    // A driver takes work until there is none; that must come to an end.
    void take_ready() {
        for (int rounds = 0; node_.raft().has_ready(); ++rounds) {
            ASSERT_LT(rounds, 1000);
            TIMBER_MAYBE(node_.take_ready());
        }
        TIMBER_MAYBE(node_.take_outbox());
    }

    void crash() {
        node_.crash(random_.below(node_.writes().size() + 1));
        node_.storage().unreadable = false;
        node_.restart();
    }

    // Nonsense to a leader is another matter, so the node becomes one now and then.
    void win() {
        if (node_.raft().campaign()) return;
        node_.storage().unreadable = false;
        node_.settle();
        for (const MessageType type : {MessageType::kPreVoteResponse, MessageType::kVoteResponse}) {
            if (node_.role() != kPreCandidate && node_.role() != kCandidate) continue;
            Message grant = message(type, 2, 1, node_.term());
            if (type == MessageType::kPreVoteResponse) ++grant.term;
            TIMBER_MAYBE(node_.step(grant));
        }
    }

    void ask() {
        RawNode& raft = node_.raft();
        switch (random_.below(6)) {
            case 0: TIMBER_MAYBE(raft.propose(Payload::copy_of("abc")).accepted()); return;
            case 1: TIMBER_MAYBE(raft.read_index(ReadId(++reads_))); return;
            case 2: TIMBER_MAYBE(raft.transfer_leader(NodeId(random_.below(6)))); return;
            case 3: TIMBER_MAYBE(raft.campaign()); return;
            case 4: TIMBER_MAYBE(raft.hand_over()); return;
            default: {
                const ConfChange change{
                    static_cast<ConfChangeType>(random_.below(3)), NodeId(random_.below(6)), {}};
                TIMBER_MAYBE(raft.propose_conf_change(change).accepted());
            }
        }
    }

    void report() {
        RawNode& raft = node_.raft();
        const NodeId id(random_.below(6));
        switch (random_.below(6)) {
            case 0: return raft.report_unreachable(id);
            case 1: return raft.report_slow(id, random_.one_in(2));
            case 2: return raft.report_own_disk(random_.one_in(3));
            case 3: return raft.storage_ready();
            case 4: return raft.abort_transfer();
            default: return raft.report_snapshot(id, static_cast<SnapshotReport>(random_.below(3)));
        }
    }

    uint64_t near(uint64_t value) {
        if (random_.one_in(40)) return random_.next() >> random_.below(64);
        const uint64_t low = value < 2 ? 0 : value - 2;
        return random_.between(low, value + 2);
    }
    LogIndex drawn_index() {
        const NodeStatus status = node_.raft().status();
        const LogIndex places[] = {status.hard.commit, status.last_index, status.first_index,
                                   status.handed_over};
        return LogIndex(near(places[random_.below(std::size(places))].value()));
    }
    // Often the true one, so that what follows is looked at.
    Term drawn_term_at(LogIndex index) {
        if (random_.one_in(3)) return Term(near(node_.term()));
        return node_.raft().term_at(index).value_or(Term(near(node_.term())));
    }

    Message drawn_message() {
        Message made;
        made.type = static_cast<MessageType>(random_.below(14));
        made.from = NodeId(random_.one_in(8) ? random_.below(9) : 2 + random_.below(3));
        made.to = NodeId(random_.one_in(50) ? 2 : 1);
        made.term = Term(random_.one_in(3) ? near(node_.term()) : node_.term());
        made.reject = random_.one_in(3);
        made.forced = random_.one_in(3);
        made.promised = random_.one_in(2);
        made.index = drawn_index();
        made.log_term = drawn_term_at(made.index);
        made.commit = drawn_index();
        made.reject_hint = drawn_index();
        made.round = near(4);
        made.node = NodeId(random_.below(6));
        if (made.type == MessageType::kAppend) add_entries(made);
        if (made.type == MessageType::kSnapshot && !random_.one_in(5)) add_snapshot(made);
        return made;
    }

    void add_entries(Message& made) {
        LogIndex index = made.index;
        Term term = made.log_term;
        for (uint64_t count = random_.below(5); count > 0; --count) {
            ++index;
            if (random_.one_in(40)) ++index;
            if (random_.one_in(4)) term = drawn_term_at(index);
            Entry entry = test::entry(index.value(), term.value(), "payload");
            if (random_.one_in(5)) entry = changes_members(entry);
            made.entries.push_back(std::move(entry));
        }
    }
    // And sometimes says so without holding a change.
    Entry changes_members(Entry entry) {
        entry.type = EntryType::kConfChange;
        if (random_.one_in(3)) return entry;
        entry.payload = encode_conf_change({static_cast<ConfChangeType>(random_.below(3)),
                                            NodeId(1 + random_.below(5)), Payload()});
        return entry;
    }
    void add_snapshot(Message& made) {
        Snapshot snapshot{{made.index, made.log_term, {}}, Payload::copy_of("state")};
        for (uint64_t id = 1; id <= 5; ++id) {
            if (random_.one_in(2)) snapshot.metadata.conf_state.voters.emplace_back(id);
            if (random_.one_in(5)) snapshot.metadata.conf_state.learners.emplace_back(id);
        }
        made.snapshot = std::make_shared<Snapshot>(std::move(snapshot));
    }

    Random random_;
    TestNode node_;
    uint64_t reads_ = 0;
};

TEST(Nonsense, NearTheTruth_KeepsEveryInvariant) {
    uint64_t ignored = 0;
    for (uint64_t seed = 1; seed <= 4000; ++seed) {
        SCOPED_TRACE(seed);
        Nonsense nonsense(seed);
        nonsense.run(250);
        ignored += nonsense.ignored();
    }
    EXPECT_GT(ignored, 10'000u);
}

// Every kind of message with every field at an extreme, to a node in each role.
TEST(Nonsense, Extremes_NeverStopANode) {
    Random random(7);
    const auto number = [&]() -> uint64_t {
        static constexpr uint64_t kExtremes[] = {0,
                                                 1,
                                                 2,
                                                 3,
                                                 9,
                                                 1000,
                                                 UINT64_MAX,
                                                 UINT64_MAX - 1,
                                                 uint64_t{1} << 40,
                                                 uint64_t{1} << 60,
                                                 (uint64_t{1} << 60) + 1};
        return kExtremes[random.below(std::size(kExtremes))];
    };
    for (int round = 0; round < 300; ++round) {
        TestNode node(paper_config(1), {.voters = {1, 2, 3}});
        if (round % 3 == 1) {
            EXPECT_FALSE(node.raft().campaign());
        }
        if (round % 3 == 2) TIMBER_MAYBE(lead(node));
        node.settle();
        for (int i = 0; i < 60; ++i) {
            Message made;
            made.type = static_cast<MessageType>(random.below(16));
            made.from = NodeId(random.below(5));
            made.to = NodeId(1);
            made.term = Term(number());
            made.index = LogIndex(number());
            made.log_term = Term(number());
            made.commit = LogIndex(number());
            made.reject_hint = LogIndex(number());
            made.round = number();
            made.node = NodeId(number());
            made.reject = random.one_in(2);
            made.forced = random.one_in(2);
            for (uint64_t left = random.below(4); left > 0; --left) {
                made.entries.push_back({Term(number()),
                                        LogIndex(number()),
                                        static_cast<EntryType>(random.below(3)),
                                        {}});
            }
            if (random.one_in(3)) {
                ConfState conf;
                conf.voters = {NodeId(number()), NodeId(number())};
                made.snapshot = std::make_shared<Snapshot>(
                    Snapshot{{LogIndex(number()), Term(number()), conf}, {}});
            }
            node.raft().step(std::move(made));
            node.raft().check_invariants();
            if (random.one_in(4)) node.settle();
            if (random.one_in(4)) node.raft().tick();
        }
    }
}

}  // namespace
}  // namespace timber::raft::test
