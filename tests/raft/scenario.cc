// Commands, and what is said about a node's work.
#include "tests/raft/scenario.h"

#include <charconv>
#include <sstream>

#include "tests/raft/scenario_words.h"

namespace timber::raft::test {

static uint64_t parse_number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw CannotRun("'" + std::string(text) + "' is no number");
    }
    return number;
}

Scenario::Command::Command(const std::string& line) {
    std::istringstream stream(line);
    stream >> name;
    for (std::string word; stream >> word;) {
        const size_t equals = word.find('=');
        if (equals == std::string::npos) {
            words.push_back(word);
        } else {
            options[word.substr(0, equals)] = word.substr(equals + 1);
        }
    }
}

const std::string& Scenario::Command::word(size_t i) const {
    if (!has_word(i)) throw CannotRun("word " + std::to_string(i + 1) + " is missing");
    return words[i];
}

uint64_t Scenario::Command::number(size_t i) const { return parse_number(word(i)); }

size_t Scenario::Command::count(size_t i, size_t when_missing, size_t all) const {
    if (!has_word(i)) return when_missing;
    return word(i) == "all" ? all : number(i);
}

uint64_t Scenario::Command::option(const std::string& key, uint64_t otherwise) const {
    const auto found = options.find(key);
    if (found == options.end()) return otherwise;
    if (found->second == "on") return 1;
    if (found->second == "off") return 0;
    return parse_number(found->second);
}

std::vector<uint64_t> Scenario::Command::list(const std::string& key) const {
    std::vector<uint64_t> numbers;
    const auto found = options.find(key);
    if (found == options.end()) return numbers;
    std::istringstream stream(found->second);
    for (std::string part; std::getline(stream, part, ',');) numbers.push_back(parse_number(part));
    return numbers;
}

bool Scenario::Command::on(size_t i) const {
    if (word(i) != "on" && word(i) != "off") throw CannotRun("say on or off");
    return word(i) == "on";
}

const std::map<std::string_view, Scenario::Handler>& Scenario::handlers() {
    static const std::map<std::string_view, Handler> table = {
        {"config", &Scenario::config},
        {"add-nodes", &Scenario::add_nodes},
        {"add-node", &Scenario::add_node},
        {"crash", &Scenario::crash},
        {"restart", &Scenario::restart},
        {"compact", &Scenario::compact},
        {"snapshot-busy", &Scenario::snapshot_busy},
        {"campaign", &Scenario::campaign},
        {"propose", &Scenario::propose},
        {"change", &Scenario::change},
        {"transfer", &Scenario::transfer},
        {"abort-transfer", &Scenario::abort_transfer},
        {"read", &Scenario::read},
        {"lease-read", &Scenario::lease_read},
        {"report", &Scenario::report},
        {"status", &Scenario::status},
        {"logs", &Scenario::logs},
        {"tick", &Scenario::tick},
        {"timeout", &Scenario::timeout},
        {"time", &Scenario::time},
        {"persist", &Scenario::persist},
        {"apply", &Scenario::apply},
        {"deliver", &Scenario::deliver},
        {"drop", &Scenario::drop},
        {"duplicate", &Scenario::duplicate},
        {"delay", &Scenario::delay},
        {"release", &Scenario::release},
        {"cut", &Scenario::cut},
        {"heal", &Scenario::heal},
        {"inject", &Scenario::inject},
        {"stabilize", &Scenario::stabilize},
    };
    return table;
}

std::string Scenario::run(const std::string& line) {
    Command command(line);
    const bool quiet = command.name == "quiet";
    if (quiet) command = Command(line.substr(line.find("quiet") + 5));
    said_.clear();
    const auto handler = handlers().find(command.name);
    try {
        if (handler == handlers().end()) throw CannotRun("unknown command");
        (this->*handler->second)(command);
        if (quiet) said_.clear();
    } catch (const CannotRun& reason) {
        said_ += "cannot: " + std::string(reason.what()) + "\n";
    }
    check_safety();
    return said_;
}

TestNode& Scenario::node(uint64_t id) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) throw CannotRun("there is no node " + std::to_string(id));
    return found->second;
}

void Scenario::refused(const std::optional<Refusal>& refusal) {
    if (refusal) say("refused: " + std::string(to_string(*refusal)));
}

void Scenario::flush(TestNode& node) {
    send_outbox(node);
    while (node.up() && node.raft().has_ready()) {
        const Ready ready = node.take_ready();
        say_ready(node, ready);
        send_outbox(node);
    }
}

void Scenario::say_ready(TestNode& node, const Ready& ready) {
    const std::string id = number(node.id());
    if (ready.soft_state) {
        const SoftState& soft = *ready.soft_state;
        const bool follows = soft.role == Role::kFollower && soft.leader != kNobody;
        say(id + " is " + std::string(to_string(soft.role)) + " in term " +
            std::to_string(node.term()) + (follows ? " of " + number(soft.leader) : ""));
    }
    if (ready.write) say(id + " writes " + text_of(*ready.write));
    for (const Message& message : ready.once_durable.messages) {
        say(id + " holds until #" + number(ready.once_durable.write) + ": to " +
            number(message.to) + ": " + text_of(message));
    }
    if (!ready.committed.empty()) say(id + " may apply " + text_of(ready.committed));
    for (const ReadReady& read : ready.reads) {
        say(id + " may serve read " + number(read.id) + " at " + number(read.index));
    }
    for (const ReadDropped& read : ready.reads_dropped) {
        say(id + " drops read " + number(read.id) + ": " + std::string(to_string(read.reason)));
    }
    for (const ProposalNotice& notice : ready.proposals) {
        say(id + " says of its " + number(notice.first) + ".." + number(notice.last) + " of term " +
            number(notice.term) + ": " + std::string(to_string(notice.fate)));
    }
}

void Scenario::send_outbox(TestNode& node) {
    for (Message& message : node.take_outbox()) {
        const bool lost = cut_.contains({message.from.value(), message.to.value()});
        say(number(message.from) + " to " + number(message.to) + ": " + text_of(message) +
            (lost ? " (lost)" : ""));
        if (!lost) wire_.push_back(std::move(message));
    }
}

void Scenario::check_safety() {
    for (auto& [id, node] : nodes_) {
        if (node.up() && node.role() == Role::kLeader) {
            const uint64_t leader = leaders_.try_emplace(node.term(), id).first->second;
            if (leader != id) say("UNSAFE: two leaders in term " + std::to_string(node.term()));
        }
        for (size_t& next = looked_through_[id]; next < node.handed_over().size(); ++next) {
            const Entry& entry = node.handed_over()[next];
            const Entry& known = committed_.try_emplace(entry.index.value(), entry).first->second;
            if (known != entry) say("UNSAFE: two entries committed at " + number(entry.index));
        }
    }
}

}  // namespace timber::raft::test
