#pragma once
// Plays a scenario: nodes, a wire and disks on which nothing moves unless a command says so.
//
// scenarios/README.md lists the commands.
//
// Thread:     the test's.
// Invariants: after each command no two nodes have led one term, and all that was ever handed over
//             at one index is one entry; what breaks this is printed as UNSAFE.
// Failure:    a command that is not understood answers "cannot: " and why.
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/raft/test_node.h"

namespace timber::raft::test {

class Scenario {
  public:
    // Runs one line; gives what happened, a line each.
    std::string run(const std::string& line);

  private:
    struct Command;
    using Handler = void (Scenario::*)(const Command&);
    static const std::map<std::string_view, Handler>& handlers();

    // scenario_group.cc: nodes, their life, what is asked of them
    void config(const Command& command);
    void add_nodes(const Command& command);
    void add_node(const Command& command);
    void crash(const Command& command);
    void restart(const Command& command);
    void compact(const Command& command);
    void snapshot_busy(const Command& command);
    void campaign(const Command& command);
    void propose(const Command& command);
    void change(const Command& command);
    void transfer(const Command& command);
    void abort_transfer(const Command& command);
    void read(const Command& command);
    void lease_read(const Command& command);
    void report(const Command& command);
    void status(const Command& command);
    void logs(const Command& command);

    // scenario_time.cc: what moves
    void tick(const Command& command);
    void timeout(const Command& command);
    void time(const Command& command);
    void persist(const Command& command);
    void apply(const Command& command);
    void deliver(const Command& command);
    void drop(const Command& command);
    void duplicate(const Command& command);
    void delay(const Command& command);
    void release(const Command& command);
    void cut(const Command& command);
    void heal(const Command& command);
    void inject(const Command& command);
    void stabilize(const Command& command);

    void say(const std::string& line) { said_ += line + "\n"; }
    void refused(const std::optional<Refusal>& refusal);
    TestNode& node(uint64_t id);
    void start(uint64_t id, const Stored& stored);
    void status_line(TestNode& node);
    // Takes the node's work and says what it is.
    void flush(TestNode& node);
    void say_ready(TestNode& node, const Ready& ready);
    void send_outbox(TestNode& node);
    void persist_writes(TestNode& node, size_t count);
    void apply_entries(TestNode& node, size_t count);
    void hand_to(const Message& message);
    // Takes the messages that the command names off the wire.
    std::vector<Message> take_matching(const Command& command);
    void check_safety();

    Config config_;
    std::map<uint64_t, TestNode> nodes_;
    std::deque<Message> wire_;
    std::vector<Message> delayed_;
    std::set<std::pair<uint64_t, uint64_t>> cut_;
    std::map<uint64_t, BootTimeUs> clocks_;
    std::map<ReadId, LeaseRead> lease_reads_;
    std::map<uint64_t, uint64_t> leaders_;       // by term
    std::map<uint64_t, Entry> committed_;        // by index
    std::map<uint64_t, size_t> looked_through_;  // of each node's entries handed over
    std::string said_;
};

// A line in words: "propose 1 a b key=value".
struct Scenario::Command {
    explicit Command(const std::string& line);

    std::string name;
    std::vector<std::string> words;              // without the name and the pairs
    std::map<std::string, std::string> options;  // the pairs

    const std::string& word(size_t i) const;
    bool has_word(size_t i) const { return i < words.size(); }
    uint64_t number(size_t i) const;
    // The word says "all", is missing, or is a number.
    size_t count(size_t i, size_t when_missing, size_t all) const;
    uint64_t option(const std::string& key, uint64_t otherwise = 0) const;
    std::vector<uint64_t> list(const std::string& key) const;
    bool on(size_t i) const;
};

// A command that cannot be run; caught in run().
class CannotRun : public std::exception {
  public:
    explicit CannotRun(std::string reason) : reason_(std::move(reason)) {}
    const char* what() const noexcept override { return reason_.c_str(); }

  private:
    std::string reason_;
};

}  // namespace timber::raft::test
