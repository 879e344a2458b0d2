#pragma once
// A storage engine on the simulated disk, for tests by topic: verbs that wait for their answers.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/storage/storage_engine.h"
#include "tests/src/storage/commands.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::storage {

inline constexpr RegionId kRegion{7};
inline constexpr StoreIdentity kIdentity{ClusterId(3), StoreId(1), Incarnation(99)};

class EngineTest : public ::testing::Test, protected EngineListener {
  protected:
    EngineTest();
    ~EngineTest() override;

    // Opening and ending.
    Status open();
    void open_well();
    void close();
    void reopen() {
        close();
        open_well();
    }
    // Dies and lives on from what is left.
    void crash(Death death, uint64_t seed = 1);
    void crash_and_open(Death death, uint64_t seed = 1) {
        crash(death, seed);
        open_well();
    }

    // Commits; `commit` waits for the answer.
    Status commit(WriteBatch batch, bool urgent = false);
    // Without waiting: the answer is stored, once it is there.
    std::shared_ptr<std::optional<Status>> begin_commit(WriteBatch batch, bool urgent = false);
    void create(RegionId region = kRegion);
    // Appends so many entries that put "key-<index>", from the index on, in one commit.
    Status append(RegionId region, uint64_t from, uint64_t count, uint64_t term = 5,
                  size_t value_bytes = 20);
    raft::Entry entry(uint64_t index, uint64_t term = 5, size_t value_bytes = 20) const;
    // Applies up to the index, as a Store would.
    Status apply(RegionId region, uint64_t to);
    Status apply_commands(RegionId region, const Commands& commands);
    void flush();

    std::string get(std::string_view key, memtable::Family family = memtable::Family::kDefault);
    std::vector<raft::Entry> entries(RegionId region, uint64_t low, uint64_t high,
                                     size_t bytes_max = 1_MiB);
    RegionSummary summary(RegionId region = kRegion) { return *engine_->region(region); }
    void run_until(const std::function<bool()>& predicate);
    void let_time_pass(Duration duration) { world_->run_for(duration); }

    // EngineListener.
    void writable() override { ++writable_calls_; }
    void entries_ready(RegionId) override { ++entries_ready_calls_; }
    void compaction_wanted(RegionId region, raft::LogIndex index) override {
        compactions_wanted_.push_back({region, index});
    }
    void failed(const Error& error) override { failed_ = error; }

    EngineOptions options_;
    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<StorageEngine> engine_;
    CommandApplier applier_;
    uint64_t seed_ = 1;
    size_t writable_calls_ = 0;
    size_t entries_ready_calls_ = 0;
    std::vector<std::pair<RegionId, raft::LogIndex>> compactions_wanted_;
    std::optional<Error> failed_;
};

}  // namespace timber::storage
