// Nodes of a scenario, their life, and what is asked of them.
#include <sstream>

#include "tests/raft/scenario.h"
#include "tests/raft/scenario_words.h"

namespace timber::raft::test {

void Scenario::config(const Command& command) {
    const auto set = [&](const char* key, auto& field) {
        if (!command.options.contains(key)) return;
        field = static_cast<std::remove_reference_t<decltype(field)>>(command.option(key));
    };
    set("pre-vote", config_.pre_vote);
    set("check-quorum", config_.check_quorum);
    set("commits-at-once", config_.commits_told_at_once);
    set("election", config_.election_ticks);
    set("message-bytes", config_.message_bytes_max);
    set("message-entries", config_.message_entries_max);
    set("page-bytes", config_.committed_page_bytes_max);
    set("applying-bytes", config_.applying_bytes_max);
    set("uncommitted-bytes", config_.uncommitted_bytes_max);
    set("entry-bytes", config_.entry_bytes_max);
    set("inflight", config_.inflight_messages_max);
    set("writes", config_.writes_in_flight_max);
    set("cache-bytes", config_.log_cache_bytes_max);
    set("reads", config_.reads_max);
    set("snapshot-retry", config_.snapshot_retry_ticks);
    set("leases", config_.lease_reads);
    set("tick-us", config_.tick_us);
    set("drift", config_.clock_drift_per_mille_max);
}

void Scenario::start(uint64_t id, const Stored& stored) {
    config_.id = NodeId(id);
    config_.seed = id;
    if (const Result<void> valid = config_.validate(); !valid) {
        throw CannotRun(valid.error().detail);
    }
    nodes_.erase(id);
    looked_through_.erase(id);
    TestNode& node = nodes_.try_emplace(id, config_, stored).first->second;
    flush(node);
}

void Scenario::add_nodes(const Command& command) {
    Stored stored;
    const uint64_t count = command.number(0);
    const std::vector<uint64_t> learners = command.list("learners");
    for (uint64_t id = 1; id <= count; ++id) {
        const bool learner = std::ranges::find(learners, id) != learners.end();
        (learner ? stored.learners : stored.voters).push_back(id);
    }
    stored.log_terms = command.list("log");
    stored.commit = command.option("commit");
    stored.base_index = stored.base_term = command.option("formed-at");
    for (uint64_t id = 1; id <= count; ++id) start(id, stored);
}

void Scenario::add_node(const Command& command) {
    Stored stored;
    stored.voters = command.list("voters");
    stored.learners = command.list("learners");
    stored.log_terms = command.list("log");
    stored.term = command.option("term");
    stored.vote = command.option("vote");
    stored.commit = command.option("commit");
    stored.base_index = stored.base_term = command.option("formed-at");
    start(command.number(0), stored);
}

void Scenario::crash(const Command& command) {
    TestNode& node = this->node(command.number(0));
    const size_t kept = command.option("keeping");
    if (kept > node.writes().size()) throw CannotRun("there are no such writes");
    for (size_t i = kept; i < node.writes().size(); ++i) {
        say(number(node.id()) + " loses #" + number(node.writes()[i].number));
    }
    node.crash(kept);
}

void Scenario::restart(const Command& command) {
    TestNode& node = this->node(command.number(0));
    if (node.up()) throw CannotRun("it is up");
    node.restart();
    status_line(node);
    flush(node);
}

void Scenario::compact(const Command& command) {
    TestNode& node = this->node(command.number(0));
    const uint64_t index = command.count(1, node.applied(), node.applied());
    if (index > node.applied()) throw CannotRun("that is not applied");
    node.compact(LogIndex(index));
    flush(node);
}

void Scenario::snapshot_busy(const Command& command) {
    node(command.number(0)).storage().set_snapshot_busy(command.on(1));
}

void Scenario::campaign(const Command& command) {
    TestNode& node = this->node(command.number(0));
    refused(node.raft().campaign());
    flush(node);
}

// "x*40" is a command of 40 bytes.
static Payload payload_of(const std::string& word) {
    const size_t star = word.find('*');
    if (star == std::string::npos) return Payload::copy_of(std::string_view(word));
    const std::string text(std::stoul(word.substr(star + 1)), word[0]);
    return Payload::copy_of(std::string_view(text));
}

void Scenario::propose(const Command& command) {
    TestNode& node = this->node(command.number(0));
    std::vector<Payload> payloads;
    TIMBER_MAYBE(command.word(1));
    for (size_t i = 1; command.has_word(i); ++i) payloads.push_back(payload_of(command.word(i)));
    refused(node.raft().propose(payloads).refusal);
    flush(node);
}

void Scenario::change(const Command& command) {
    TestNode& node = this->node(command.number(0));
    ConfChange change;
    if (command.word(1) == "add-voter") {
        change.type = ConfChangeType::kAddVoter;
    } else if (command.word(1) == "add-learner") {
        change.type = ConfChangeType::kAddLearner;
    } else if (command.word(1) == "remove") {
        change.type = ConfChangeType::kRemove;
    } else {
        throw CannotRun("unknown change");
    }
    change.node = NodeId(command.number(2));
    refused(node.raft().propose_conf_change(change).refusal);
    flush(node);
}

void Scenario::transfer(const Command& command) {
    TestNode& node = this->node(command.number(0));
    refused(node.raft().transfer_leader(NodeId(command.number(1))));
    flush(node);
}

void Scenario::abort_transfer(const Command& command) {
    TestNode& node = this->node(command.number(0));
    node.raft().abort_transfer();
    flush(node);
}

void Scenario::read(const Command& command) {
    TestNode& node = this->node(command.number(0));
    for (size_t i = 1; command.has_word(i); ++i) {
        refused(node.raft().read_index(ReadId(command.number(i))));
    }
    flush(node);
}

// begin: takes a lease at the node's time; end: says whether it covered the read until now.
void Scenario::lease_read(const Command& command) {
    const uint64_t id = command.number(0);
    TestNode& node = this->node(id);
    const ReadId read(command.number(2));
    if (command.word(1) == "begin") {
        const std::optional<LeaseRead> lease = node.raft().begin_lease_read(clocks_[id]);
        if (!lease) return say("no lease");
        lease_reads_[read] = *lease;
        return say("read at " + number(lease->index) + " under the lease of term " +
                   number(lease->term));
    }
    if (!lease_reads_.contains(read)) throw CannotRun("that read has not begun");
    const bool covered = node.raft().lease_covers(lease_reads_[read], clocks_[id]);
    say(covered ? "the lease covers it" : "the lease does not cover it");
}

void Scenario::report(const Command& command) {
    TestNode& node = this->node(command.number(0));
    const std::string& what = command.word(1);
    if (what == "disk") {
        node.raft().report_own_disk(command.word(2) == "stalled");
    } else if (what == "unreachable") {
        node.raft().report_unreachable(NodeId(command.number(2)));
    } else if (what == "slow" || what == "fast") {
        node.raft().report_slow(NodeId(command.number(2)), what == "slow");
    } else if (what == "snapshot-failed") {
        node.raft().report_snapshot(NodeId(command.number(2)), SnapshotReport::kFailed);
    } else if (what == "snapshot-delivered") {
        node.raft().report_snapshot(NodeId(command.number(2)), SnapshotReport::kDelivered);
    } else {
        throw CannotRun("unknown report");
    }
    flush(node);
}

void Scenario::status_line(TestNode& node) {
    const std::string id = number(node.id());
    if (!node.up()) return say(id + ": down");
    const NodeStatus status = node.raft().status();
    std::string log;
    const LogIndex before = status.first_index - 1;
    if (before > LogIndex(0)) {
        log = ".." + number(before) + "/" + number(*node.raft().term_at(before)) + " | ";
    }
    const auto entries = node.raft().entries(status.first_index, status.last_index + 1);
    log += entries.empty() ? "empty" : text_of(entries);
    say(id + ": " + std::string(to_string(status.soft.role)) + " term " + number(status.hard.term) +
        " vote " + number(status.hard.vote) + " leader " + number(status.soft.leader) + ", " +
        text_of(status.conf));
    say("   log " + log + "; durable " + number(status.durable_index) + " commit " +
        number(status.hard.commit) + " applied " + number(status.applied));
}

// Long commands are there for their length.
static std::string short_state(const std::string& state) {
    std::istringstream words(state);
    std::string text;
    for (std::string word; words >> word;) {
        if (word.size() > 20) word = "(" + std::to_string(word.size()) + " bytes)";
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

void Scenario::status(const Command& command) {
    TestNode& node = this->node(command.number(0));
    status_line(node);
    if (!node.up()) return;
    const NodeStatus status = node.raft().status();
    for (const ProgressStatus& progress : status.progress) {
        if (progress.id != node.id()) say("   " + text_of(progress));
    }
    if (status.transferee != kNobody) say("   hands over to " + number(status.transferee));
    if (status.leaving) say("   is leaving");
    if (status.uncommitted_bytes > 0) {
        say("   " + std::to_string(status.uncommitted_bytes) + " bytes uncommitted");
    }
    if (status.reads_open > 0) say("   " + std::to_string(status.reads_open) + " reads open");
    for (const Write& write : node.writes()) say("   on its way: " + text_of(write));
    say("   state \"" + short_state(node.state()) + "\"");
}

void Scenario::logs(const Command&) {
    for (auto& [id, node] : nodes_) status_line(node);
}

}  // namespace timber::raft::test
