// How many entries does one core commit in a second, and what does an entry cost?
//
// Three nodes in memory, driven by one thread, with proposals of 64 bytes in batches of 1, 8 and
// 64. Every node keeps its log in a MemoryStorage, whose cost counts, and so does its compaction.
// One operation is one entry: proposed, written, acknowledged, committed and handed over on all
// three nodes. Figures of its own:
//   allocations an entry      calls of operator new by this thread, from the proposal on
//   copied bytes an entry     payload bytes that were handed over from another buffer than the one
//                             that was proposed, on all three nodes
//   entries a second of a core  by the processor time of the thread, whatever else runs meanwhile
#include <ctime>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "benches/frame/bench.h"
#include "raft/memory_storage.h"
#include "raft/raft.h"

// By thread: the frame's prober allocates as well.
static thread_local uint64_t allocations = 0;

void* operator new(size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace timber::bench {

using namespace timber::raft;

namespace {

constexpr size_t kNodes = 3;
constexpr uint64_t kCompactEvery = 65536;  // entries

double thread_cpu_seconds() {
    timespec time{};
    TIMBER_ASSERT_OP(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), ==, 0);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Node {
    explicit Node(size_t i)
        : storage(ConfState{{NodeId(1), NodeId(2), NodeId(3)}, {}, {}}),
          raft(RawNode::create(config(i), storage).value()) {}
    static Config config(size_t i) {
        Config config;
        config.id = NodeId(i + 1);
        config.seed = i + 1;
        return config;
    }

    MemoryStorage storage;
    RawNode raft;
    LogIndex applied{};
};

// Three nodes, the first of which leads. Whoever has something to do does it at once.
class Group {
  public:
    Group() {
        for (size_t i = 0; i < kNodes; ++i) nodes_.push_back(std::make_unique<Node>(i));
        while (leader().role() != Role::kLeader) {
            leader().tick();
            run();
        }
    }

    RawNode& leader() { return nodes_[0]->raft; }

    // Proposes a batch and runs until there is nothing left to do: then all nodes have applied it.
    Status commit(const std::vector<Payload>& batch) {
        const Proposed proposed = leader().propose(batch);
        if (!proposed.accepted()) return wrong("a proposal was refused");
        batch_ = &batch;
        batch_at_ = proposed.first_index;
        run();
        const LogIndex last = proposed.first_index + (batch.size() - 1);
        for (const auto& node : nodes_)
            if (node->applied != last) return wrong("a node did not apply what was committed");
        if (damaged_ > 0) return wrong("an entry came out as it was not proposed");
        since_compaction_ += batch.size();
        if (since_compaction_ >= kCompactEvery) compact();
        return {};
    }

    uint64_t copied_bytes() const { return copied_bytes_; }

    // The logs, entry by entry, and what the nodes believe.
    Status check() const {
        const RawNode& first = nodes_[0]->raft;
        for (const auto& node : nodes_) {
            node->raft.check_invariants();
            if (node->raft.commit() != first.commit()) return wrong("commit indices differ");
            const LogIndex low = std::max(node->storage.first_index(), LogIndex(1));
            if (node->raft.entries(low, first.commit() + 1) !=
                first.entries(low, first.commit() + 1))
                return wrong("logs differ");
        }
        return {};
    }

  private:
    static Error wrong(const char* what) { return make_error(ErrorCode::kCorrupted, what); }

    void run() {
        for (bool more = true; more;) {
            more = false;
            for (const auto& node : nodes_) {
                if (!node->raft.has_ready()) continue;
                more = true;
                work(*node);
            }
        }
    }

    void work(Node& node) {
        Ready ready = node.raft.ready();
        send(ready.messages);
        if (ready.write) {
            node.storage.apply(*ready.write);
            node.raft.persisted(ready.write->number);
        }
        send(ready.once_durable.messages);
        if (ready.committed.empty()) return;
        for (const Entry& entry : ready.committed) look_at(entry);
        node.applied = ready.committed.back().index;
        node.raft.applied(node.applied);
    }

    void look_at(const Entry& entry) {
        if (batch_ == nullptr || entry.index < batch_at_) return;  // the one that opens a term
        const Payload& proposed = (*batch_)[entry.index - batch_at_];
        if (entry.payload.bytes().data() == proposed.bytes().data()) return;
        copied_bytes_ += entry.payload.size();
        damaged_ += entry.payload != proposed;
    }

    void send(std::vector<Message>& messages) {
        for (Message& message : messages)
            nodes_[message.to.value() - 1]->raft.step(std::move(message));
    }

    void compact() {
        since_compaction_ = 0;
        for (const auto& node : nodes_) {
            node->storage.make_snapshot(node->applied, node->raft.status().conf, Payload());
            node->storage.compact(node->applied);
        }
    }

    std::vector<std::unique_ptr<Node>> nodes_;
    const std::vector<Payload>* batch_ = nullptr;
    LogIndex batch_at_{};
    uint64_t since_compaction_ = 0;
    uint64_t copied_bytes_ = 0;
    uint64_t damaged_ = 0;
};

// A case's `parallel` is the size of its batches.
class CoreSubject : public Subject {
  public:
    std::string name() const override { return "timberkv"; }
    uint32_t lanes(const Case&) const override { return 1; }
    std::optional<DeviceCount> device_count() const override { return DeviceCount{}; }

    Status prepare(const Case& wanted) override {
        group_ = std::make_unique<Group>();
        batch_.clear();
        for (uint32_t i = 0; i < wanted.parallel; ++i) {
            std::string bytes(wanted.value_bytes, 'x');
            bytes.replace(0, std::to_string(i).size(), std::to_string(i));
            batch_.push_back(Payload::copy_of(bytes));
        }
        return {};
    }

    Status run_slice(const Case& wanted, SliceRecorder& recorder) override {
        Lane& lane = recorder.lane(0);
        const uint64_t allocations_before = allocations;
        const uint64_t copied_before = group_->copied_bytes();
        const double cpu_before = thread_cpu_seconds();
        uint64_t entries = 0;
        for (int64_t start = now_ns(); start < recorder.slice().end_ns;) {
            TIMBER_CHECK(group_->commit(batch_));
            const int64_t end = now_ns();
            for (uint32_t i = 0; i < wanted.parallel; ++i) lane.done(start, end);
            entries += wanted.parallel;
            start = end;
        }
        const double cpu_s = thread_cpu_seconds() - cpu_before;
        const auto of_entry = [&](uint64_t all) {
            return static_cast<double>(all) / static_cast<double>(entries);
        };
        recorder.note("allocations an entry", of_entry(allocations - allocations_before));
        recorder.note("copied bytes an entry", of_entry(group_->copied_bytes() - copied_before));
        recorder.note("entries a second of a core", static_cast<double>(entries) / cpu_s);
        return {};
    }

    Status finish(const Case&) override {
        const Status checked = group_->check();
        group_.reset();
        return checked;
    }

  private:
    std::unique_ptr<Group> group_;
    std::vector<Payload> batch_;
};

}  // namespace
}  // namespace timber::bench

int main(int argc, char** argv) {
    using namespace timber::bench;
    const Options options =
        parse_options("How many entries does one core commit for three nodes?", argc, argv);
    Bench bench("raft_core", options);
    bench.add(std::make_unique<CoreSubject>());
    for (const uint32_t batch : {1, 8, 64})
        bench.add_case(
            {.name = "batch_" + std::to_string(batch), .parallel = batch, .value_bytes = 64});
    return bench.run();
}
