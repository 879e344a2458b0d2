#include "tests/raft/test_node.h"

#include <algorithm>
#include <utility>

namespace timber::raft::test {

static std::vector<NodeId> ids_of(const std::vector<uint64_t>& numbers) {
    std::vector<NodeId> ids;
    for (const uint64_t number : numbers) ids.emplace_back(number);
    return ids;
}

static std::vector<uint64_t> numbers_of(const std::vector<NodeId>& ids) {
    std::vector<uint64_t> numbers;
    for (const NodeId id : ids) numbers.push_back(id.value());
    return numbers;
}

Result<Term> TestStorage::term(LogIndex index) const {
    if (unreadable) return make_error(ErrorCode::kBusy, "the disk does not answer");
    return MemoryStorage::term(index);
}

Result<std::vector<Entry>> TestStorage::entries(LogIndex low, LogIndex high,
                                                size_t bytes_max) const {
    if (unreadable) return make_error(ErrorCode::kBusy, "the disk does not answer");
    return MemoryStorage::entries(low, high, bytes_max);
}

TestStorage storage_with(const Stored& stored) {
    const ConfState conf{ids_of(stored.voters), ids_of(stored.learners), {}};
    TestStorage storage(conf, LogIndex(stored.base_index), Term(stored.base_term));
    storage.conf = conf;
    std::vector<Entry> entries;
    Term last_term(stored.base_term);
    LogIndex index(stored.base_index);
    for (const uint64_t term : stored.log_terms) {
        last_term = Term(term);
        entries.push_back({last_term, ++index});
    }
    storage.append(entries);
    storage.set_hard_state({std::max(last_term, Term(stored.term)), NodeId(stored.vote),
                            std::max(LogIndex(stored.commit), LogIndex(stored.base_index))});
    return storage;
}

TestNode::TestNode(const Config& config, const Stored& stored)
    : config_(config), storage_(storage_with(stored)), applied_(stored.base_index) {
    start();
}

void TestNode::start() {
    config_.applied = applied_;
    raft_ = std::make_unique<RawNode>(RawNode::create(config_, storage_).value());
}

RawNode& TestNode::raft() {
    TIMBER_ASSERT(up());
    return *raft_;
}

const RawNode& TestNode::raft() const {
    TIMBER_ASSERT(up());
    return *raft_;
}

Ready TestNode::take_ready() {
    raft().check_invariants();
    Ready ready = raft().ready();
    raft().check_invariants();
    for (const Message& message : ready.messages) outbox_.push_back(message);
    if (ready.write) writes_.push_back(*ready.write);
    if (!ready.once_durable.messages.empty()) held_.push_back(ready.once_durable);
    for (const Entry& entry : ready.committed) {
        to_apply_.push_back(entry);
        handed_over_.push_back(entry);
    }
    for (const ReadReady& read : ready.reads) reads_.push_back(read);
    return ready;
}

void TestNode::persist(size_t count) {
    TIMBER_ASSERT_OP(count, <=, writes_.size());
    if (count == 0) return;
    WriteNumber number{};
    for (; count > 0; --count) {
        const Write& write = writes_.front();
        number = write.number;
        storage_.apply(write);
        if (write.snapshot) install(*write.snapshot);
        writes_.pop_front();
    }
    for (; !held_.empty() && held_.front().write <= number; held_.pop_front()) {
        for (Message& message : held_.front().messages) outbox_.push_back(std::move(message));
    }
    raft().persisted(number);
    raft().check_invariants();
}

void TestNode::install(const Snapshot& snapshot) {
    state_ = snapshot.data.text();
    applied_ = snapshot.metadata.index;
    storage_.conf = snapshot.metadata.conf_state;
    to_apply_.clear();
}

void TestNode::apply_one(const Entry& entry) {
    TIMBER_ASSERT_OP(entry.index, ==, applied_ + 1);
    if (entry.type == EntryType::kConfChange) {
        const Result<ConfChange> change = decode_conf_change(entry.payload);
        if (change) storage_.conf = raft().apply_conf_change(entry.index, *change);
    } else if (!entry.payload.empty()) {
        if (!state_.empty()) state_ += ' ';
        state_ += entry.payload.text();
    }
    applied_ = entry.index;
}

void TestNode::apply(size_t count) {
    TIMBER_ASSERT_OP(count, <=, to_apply_.size());
    if (count == 0) return;
    for (; count > 0; --count) {
        apply_one(to_apply_.front());
        to_apply_.pop_front();
    }
    raft().applied(applied_);
}

std::vector<Message> TestNode::take_outbox() { return std::exchange(outbox_, {}); }

void TestNode::settle() {
    while (raft().has_ready() || !writes_.empty() || !to_apply_.empty()) {
        if (raft().has_ready()) take_ready();
        persist(writes_.size());
        apply(to_apply_.size());
    }
}

std::vector<Message> TestNode::step(Message message) {
    raft().step(std::move(message));
    settle();
    return take_outbox();
}

std::vector<Message> TestNode::tick(size_t count) {
    for (; count > 0; --count) {
        raft().tick();
        settle();
    }
    return take_outbox();
}

void TestNode::crash(size_t writes_kept) {
    TIMBER_ASSERT_OP(writes_kept, <=, writes_.size());
    for (size_t i = 0; i < writes_kept; ++i) {
        storage_.apply(writes_[i]);
        if (writes_[i].snapshot) install(*writes_[i].snapshot);
    }
    raft_.reset();
    writes_.clear();
    held_.clear();
    to_apply_.clear();
    outbox_.clear();
}

void TestNode::restart() {
    TIMBER_ASSERT(!up());
    config_.seed += 1000;
    start();
}

void TestNode::compact(LogIndex index) {
    TIMBER_ASSERT_OP(index, <=, applied_);
    storage_.make_snapshot(applied_, storage_.conf, Payload::copy_of(std::string_view(state_)));
    storage_.compact(index);
}

std::vector<uint64_t> TestNode::log_terms() const {
    const NodeStatus status = raft().status();
    std::vector<uint64_t> terms;
    for (const Entry& entry : raft().entries(status.first_index, status.last_index + 1)) {
        terms.push_back(entry.term.value());
    }
    return terms;
}

std::vector<uint64_t> TestNode::voters() const { return numbers_of(raft().status().conf.voters); }

std::vector<uint64_t> TestNode::learners() const {
    return numbers_of(raft().status().conf.learners);
}

ProgressStatus TestNode::progress(uint64_t id) const {
    const NodeStatus status = raft().status();
    const auto found = std::ranges::find(status.progress, NodeId(id), &ProgressStatus::id);
    TIMBER_ASSERT(found != status.progress.end());
    return *found;
}

}  // namespace timber::raft::test
