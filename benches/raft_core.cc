// How many entries one core commits in a second: three nodes in memory, one thread for all.
//
// raft_core [--quick] [--json FILE]
//
// Proposals of 64 bytes in batches of 1, 8 and 64. Every node keeps its log in a MemoryStorage,
// whose cost counts. Allocations are counted in operator new, beginning after the payloads are
// made. Payload bytes count as copied where an entry that is handed over does not share the
// buffer that was proposed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "raft/memory_storage.h"
#include "raft/raft.h"

static uint64_t allocations = 0;

void* operator new(size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace timber::raft {

static constexpr size_t kNodes = 3;
static constexpr size_t kPayloadBytes = 64;

struct BenchNode {
    explicit BenchNode(size_t i)
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

struct Figures {
    double entries_per_s = 0;
    double allocations_per_entry = 0;
    double copied_bytes_per_entry = 0;
};

class Bench {
  public:
    Bench() {
        for (size_t i = 0; i < kNodes; ++i) nodes_.push_back(std::make_unique<BenchNode>(i));
        while (nodes_[0]->raft.role() != Role::kLeader) {
            nodes_[0]->raft.tick();
            run();
        }
    }

    Figures measure(size_t batch, size_t entries) {
        std::vector<Payload> payloads;
        const std::string bytes(kPayloadBytes, 'x');
        for (size_t i = 0; i < batch; ++i) payloads.push_back(Payload::copy_of(bytes));
        first_ = &payloads;
        copied_bytes_ = 0;
        const uint64_t allocations_before = allocations;
        const auto begin = std::chrono::steady_clock::now();
        for (size_t done = 0; done < entries; done += batch) {
            const Proposed proposed = nodes_[0]->raft.propose(payloads);
            TIMBER_ASSERT(proposed.accepted());
            batch_at_ = proposed.first_index;
            run();
            TIMBER_ASSERT_OP(nodes_[0]->applied, ==, proposed.first_index + batch - 1);
            if (done % 65536 < batch) compact();
        }
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const auto count = static_cast<double>(entries);
        return {count / seconds, static_cast<double>(allocations - allocations_before) / count,
                static_cast<double>(copied_bytes_) / count};
    }

  private:
    void run() {
        for (bool more = true; more;) {
            more = false;
            for (std::unique_ptr<BenchNode>& node : nodes_) {
                if (!node->raft.has_ready()) continue;
                more = true;
                work(*node);
            }
        }
    }

    void work(BenchNode& node) {
        Ready ready = node.raft.ready();
        send(ready.messages);
        if (ready.write) {
            node.storage.apply(*ready.write);
            node.raft.persisted(ready.write->number);
        }
        send(ready.once_durable.messages);
        if (ready.committed.empty()) return;
        for (const Entry& entry : ready.committed) {
            if (entry.payload.empty()) continue;
            const Payload& proposed = (*first_)[entry.index - batch_at_];
            if (entry.payload.bytes().data() != proposed.bytes().data()) {
                copied_bytes_ += entry.payload.size();
            }
        }
        node.applied = ready.committed.back().index;
        node.raft.applied(node.applied);
    }

    void send(std::vector<Message>& messages) {
        for (Message& message : messages) {
            nodes_[message.to.value() - 1]->raft.step(std::move(message));
        }
    }

    void compact() {
        for (std::unique_ptr<BenchNode>& node : nodes_) {
            const LogIndex index = std::min(node->applied, node->storage.last_index());
            node->storage.make_snapshot(index, node->raft.status().conf, Payload());
            node->storage.compact(index);
        }
    }

    std::vector<std::unique_ptr<BenchNode>> nodes_;
    const std::vector<Payload>* first_ = nullptr;
    LogIndex batch_at_{};
    uint64_t copied_bytes_ = 0;
};

static int run_main(int count, char** arguments) {
    bool quick = false;
    const char* json = nullptr;
    for (int i = 1; i < count; ++i) {
        if (std::strcmp(arguments[i], "--quick") == 0) {
            quick = true;
        } else if (std::strcmp(arguments[i], "--json") == 0 && i + 1 < count) {
            json = arguments[++i];
        } else {
            std::fputs("raft_core [--quick] [--json FILE]\n", stderr);
            return 2;
        }
    }
    constexpr std::array<size_t, 3> kBatches = {1, 8, 64};
    const size_t slices = quick ? 5 : 21;
    const size_t entries = quick ? 64'000 : 320'000;
    std::array<std::vector<Figures>, kBatches.size()> figures;
    Bench bench;
    for (size_t slice = 0; slice < slices; ++slice) {
        for (size_t i = 0; i < kBatches.size(); ++i) {
            figures[i].push_back(bench.measure(kBatches[i], entries / (i == 0 ? 8 : 1)));
        }
    }
    FILE* out = json != nullptr ? std::fopen(json, "w") : nullptr;
    if (out != nullptr) std::fputs("{\"machine\": {}, \"rows\": [", out);
    std::printf("raft_core: 3 nodes, %zu B, %zu slices, median (lowest, highest)\n", kPayloadBytes,
                slices);
    for (size_t i = 0; i < kBatches.size(); ++i) {
        std::ranges::sort(figures[i], {}, &Figures::entries_per_s);
        const Figures& median = figures[i][slices / 2];
        std::printf(
            "batch %2zu: %9.0f entries/s (%9.0f, %9.0f), %.2f allocations and %.1f copied "
            "payload bytes an entry\n",
            kBatches[i], median.entries_per_s, figures[i].front().entries_per_s,
            figures[i].back().entries_per_s, median.allocations_per_entry,
            median.copied_bytes_per_entry);
        if (out != nullptr) {
            std::fprintf(out,
                         "%s{\"bench\": \"raft_core\", \"subject\": \"timberkv\", \"case\": "
                         "\"batch_%zu\", \"value_bytes\": %zu, \"ops_per_s\": %.0f, "
                         "\"allocations_per_op\": %.3f, \"copied_bytes_per_op\": %.1f}",
                         i == 0 ? "" : ", ", kBatches[i], kPayloadBytes, median.entries_per_s,
                         median.allocations_per_entry, median.copied_bytes_per_entry);
        }
    }
    if (out == nullptr) return 0;
    std::fputs("]}\n", out);
    return std::fclose(out) == 0 ? 0 : 1;
}

}  // namespace timber::raft

int main(int count, char** arguments) { return timber::raft::run_main(count, arguments); }
