// What moves in a scenario: time, the disks, the state machines, the wire.
#include <sstream>
#include <utility>

#include "tests/raft/scenario.h"
#include "tests/raft/scenario_words.h"

namespace timber::raft::test {

void Scenario::tick(const Command& command) {
    TestNode& node = this->node(command.number(0));
    for (size_t left = command.count(1, 1, 1); left > 0; --left) {
        node.raft().tick();
        flush(node);
    }
}

// Ticks until the node does something about it.
void Scenario::timeout(const Command& command) {
    TestNode& node = this->node(command.number(0));
    for (size_t left = size_t{2} * config_.election_ticks; left > 0 && said_.empty(); --left) {
        node.raft().tick();
        flush(node);
    }
}

void Scenario::time(const Command& command) {
    const uint64_t id = command.number(0);
    clocks_[id] = BootTimeUs(command.number(1));
    node(id).raft().observe_time(clocks_[id]);
    flush(node(id));
}

void Scenario::persist_writes(TestNode& node, size_t count) {
    if (count > node.writes().size()) throw CannotRun("there are no such writes");
    if (count == 0) return;
    say(number(node.id()) + " has #" + number(node.writes()[count - 1].number) + " durable");
    node.persist(count);
    flush(node);
}

void Scenario::persist(const Command& command) {
    TestNode& node = this->node(command.number(0));
    persist_writes(node, command.count(1, 1, node.writes().size()));
}

void Scenario::apply_entries(TestNode& node, size_t count) {
    if (count > node.to_apply().size()) throw CannotRun("there are no such entries");
    if (count == 0) return;
    const ConfState before = node.raft().status().conf;
    const std::string last = number(node.to_apply()[count - 1].index);
    node.apply(count);
    const ConfState after = node.raft().status().conf;
    say(number(node.id()) + " applied " + last + (before == after ? "" : ": " + text_of(after)));
    flush(node);
}

void Scenario::apply(const Command& command) {
    TestNode& node = this->node(command.number(0));
    apply_entries(node, command.count(1, node.to_apply().size(), node.to_apply().size()));
}

// Words: "1->2" (either side may be *), a message's type, a count; what is missing means any.
std::vector<Message> Scenario::take_matching(const Command& command) {
    std::string from = "*", to = "*", type = "*";
    size_t left = wire_.size();
    for (const std::string& word : command.words) {
        const size_t arrow = word.find("->");
        if (arrow != std::string::npos) {
            from = word.substr(0, arrow);
            to = word.substr(arrow + 2);
        } else if (std::isdigit(word[0])) {
            left = std::stoul(word);
        } else {
            type = word;
        }
    }
    std::vector<Message> found;
    std::deque<Message> rest;
    for (Message& message : wire_) {
        const bool matches = (from == "*" || from == number(message.from)) &&
                             (to == "*" || to == number(message.to)) &&
                             (type == "*" || type == to_string(message.type));
        if (matches && left > 0) {
            found.push_back(std::move(message));
            --left;
        } else {
            rest.push_back(std::move(message));
        }
    }
    wire_ = std::move(rest);
    return found;
}

void Scenario::hand_to(const Message& message) {
    const std::string what = number(message.from) + "->" + number(message.to) + " ";
    const auto found = nodes_.find(message.to.value());
    if (found == nodes_.end() || !found->second.up()) {
        return say("> " + what + text_of(message) + ": nobody there");
    }
    TestNode& node = found->second;
    const uint64_t ignored_before = node.raft().status().messages_ignored;
    node.raft().step(message);
    const bool ignored = node.raft().status().messages_ignored > ignored_before;
    say("> " + what + text_of(message) + (ignored ? ": ignored" : ""));
    flush(node);
}

// Delivers what is on the wire now, not what that brings about.
void Scenario::deliver(const Command& command) {
    const std::vector<Message> messages = take_matching(command);
    if (messages.empty()) throw CannotRun("there is no such message");
    for (const Message& message : messages) hand_to(message);
}

void Scenario::drop(const Command& command) {
    const std::vector<Message> messages = take_matching(command);
    if (messages.empty()) throw CannotRun("there is no such message");
    for (const Message& message : messages) {
        say("lost: " + number(message.from) + "->" + number(message.to) + " " + text_of(message));
    }
}

void Scenario::duplicate(const Command& command) {
    for (const Message& message : take_matching(command)) {
        wire_.push_back(message);
        delayed_.push_back(message);
    }
}

void Scenario::delay(const Command& command) {
    const std::vector<Message> messages = take_matching(command);
    if (messages.empty()) throw CannotRun("there is no such message");
    delayed_.insert(delayed_.end(), messages.begin(), messages.end());
}

void Scenario::release(const Command&) {
    for (const Message& message : std::exchange(delayed_, {})) hand_to(message);
}

void Scenario::cut(const Command& command) {
    const uint64_t one = command.number(0);
    for (auto& [other, node] : nodes_) {
        if (other == one || (command.has_word(1) && other != command.number(1))) continue;
        cut_.insert({one, other});
        cut_.insert({other, one});
    }
}

void Scenario::heal(const Command&) { cut_.clear(); }

static MessageType type_named(const std::string& name) {
    for (int i = 0; i <= static_cast<int>(kMessageTypeLast); ++i) {
        if (to_string(static_cast<MessageType>(i)) == name) return static_cast<MessageType>(i);
    }
    if (name == "Unknown") return static_cast<MessageType>(200);
    throw CannotRun("there is no message " + name);
}

// "3/2" and "4/2:a", with commas between.
static std::vector<Entry> entries_in(const std::string& text) {
    std::vector<Entry> entries;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) {
        const size_t slash = part.find('/');
        if (slash == std::string::npos) throw CannotRun("write an entry as index/term:payload");
        const size_t colon = part.find(':');
        Entry& entry = entries.emplace_back();
        entry.index = LogIndex(std::stoull(part));
        entry.term = Term(std::stoull(part.substr(slash + 1)));
        if (colon != std::string::npos) {
            entry.payload = Payload::copy_of(std::string_view(part).substr(colon + 1));
        }
    }
    return entries;
}

void Scenario::inject(const Command& command) {
    const std::string& route = command.word(0);
    const size_t arrow = route.find("->");
    if (arrow == std::string::npos) throw CannotRun("say from->to");
    Message message{.type = type_named(command.word(1))};
    message.from = NodeId(std::stoull(route));
    message.to = NodeId(std::stoull(route.substr(arrow + 2)));
    message.term = Term(command.option("term"));
    message.index = LogIndex(command.option("index"));
    message.log_term = Term(command.option("log-term"));
    message.commit = LogIndex(command.option("commit"));
    message.reject_hint = LogIndex(command.option("hint"));
    message.round = command.option("round");
    message.node = NodeId(command.option("node"));
    message.reject = command.option("reject") != 0;
    message.forced = command.option("forced") != 0;
    const auto entries = command.options.find("entries");
    if (entries != command.options.end()) message.entries = entries_in(entries->second);
    if (command.options.contains("snapshot")) {
        Snapshot snapshot;
        snapshot.metadata.index = LogIndex(command.option("snapshot"));
        snapshot.metadata.term = Term(command.option("log-term"));
        for (const uint64_t voter : command.list("voters")) {
            snapshot.metadata.conf_state.voters.emplace_back(voter);
        }
        message.snapshot = std::make_shared<Snapshot>(std::move(snapshot));
    }
    hand_to(message);
}

// Every disk, state machine and message moves, until nothing does.
void Scenario::stabilize(const Command&) {
    for (int round = 0;; ++round) {
        if (round > 1000) throw CannotRun("it never ends");
        bool moved = !wire_.empty();
        for (const Message& message : std::exchange(wire_, {})) hand_to(message);
        for (auto& [id, node] : nodes_) {
            if (!node.up()) continue;
            moved |= !node.writes().empty() || !node.to_apply().empty();
            persist_writes(node, node.writes().size());
            apply_entries(node, node.to_apply().size());
        }
        if (!moved) return;
    }
}

}  // namespace timber::raft::test
