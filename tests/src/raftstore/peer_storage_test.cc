// TinyKV's tests of its PeerStorage (tinykv, kv/raftstore/peer_storage_test.go and
// bootstrap_test.go), under their names, on the storage engine.
#include "src/raftstore/peer_storage.h"

#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "src/raftstore/apply.h"
#include "tests/src/raftstore/cluster.h"

namespace timber::raftstore {
namespace {

using raft::LogIndex;
using raft::Term;

raft::Entry entry(uint64_t index, uint64_t term) {
    return {Term(term), LogIndex(index), raft::EntryType::kNormal, {}};
}

// One Region on an engine of its own: truncated at (3, 3), with the entries 4 and 5 of their terms.
class PeerStorageTest : public testing::Test, public PeerHost, public storage::EngineListener {
  protected:
    PeerStorageTest() {
        set_log_level(LogLevel::kOff);
        storage::EngineOptions engine_options;
        engine_options.directory = "data";
        engine_options.log.segment_bytes = 1_MiB;
        engine_options.format = identity_;
        loop_.run([&] {
            storage::StorageEngine::open(
                {disk_, world_.executor(), loop_}, engine_options, applier_, *this,
                [&](Result<std::unique_ptr<storage::StorageEngine>> opened) {
                    engine_ = std::move(*opened);
                });
        });
        EXPECT_TRUE(world_.run_until([&] { return engine_ != nullptr; }));
        const Region region{.id = RegionId(1), .epoch = {1, 1}, .peers = {{PeerId(1), StoreId(1)}}};
        local_ = {PeerState::kNormal, PeerId(1), region};
        applied_ = {
            LogIndex(3), Term(3), {LogIndex(3), Term(3)}, encode_region_local_state(local_)};
        storage::WriteBatch batch;
        batch.create_region(RegionId(1), applied_, {Term(3), {}, LogIndex(3)});
        commit(std::move(batch));
        append({entry(4, 4), entry(5, 5)});
        storage_ = std::make_unique<PeerStorage>(*this, applied_, local_);
    }
    ~PeerStorageTest() override {
        storage_.reset();
        bool closed = false;
        loop_.run([&] { engine_->close([&] { closed = true; }); });
        EXPECT_TRUE(world_.run_until([&] { return closed; }));
        loop_.run([&] { engine_.reset(); });
        world_.run_until_idle();
    }

    void commit(storage::WriteBatch batch) {
        std::optional<Status> done;
        loop_.run([&] {
            const Status status =
                engine_->commit(std::move(batch), [&](Status result) { done = std::move(result); });
            ASSERT_TRUE(status.ok()) << status.error().to_string();
        });
        ASSERT_TRUE(world_.run_until([&] { return done.has_value(); }));
        ASSERT_TRUE(done->ok()) << done->error().to_string();
    }
    void append(std::vector<raft::Entry> entries) {
        storage::WriteBatch batch;
        batch.append(RegionId(1), entries);
        commit(std::move(batch));
    }
    std::vector<std::pair<uint64_t, uint64_t>> log() {
        std::vector<std::pair<uint64_t, uint64_t>> found;
        const auto entries = storage_->entries(LogIndex(4), storage_->last_index() + 1, SIZE_MAX);
        for (const raft::Entry& one : entries.value()) {
            found.emplace_back(one.index.value(), one.term.value());
        }
        return found;
    }

    // PeerHost
    const StoreOptions& options() const override { return options_; }
    const storage::StoreIdentity& identity() const override { return identity_; }
    storage::StorageEngine& engine() override { return *engine_; }
    StoreObserver& observer() override { TIMBER_UNREACHABLE(); }
    EventLoop& loop() override { return loop_; }
    Disk& disk() override { return disk_; }
    uint64_t ticks() const override { return 0; }
    void wake(RegionId) override {}
    void send(RaftMessage) override {}
    void send_snapshot(Peer&, RaftMessage) override {}
    void want_snapshot(RegionId) override { ++snapshots_wanted_; }
    void wait_writable(RegionId) override {}
    void region_changed(const Region&, const Region&) override {}
    void destroy_wanted(RegionId) override {}
    void fail(const Error&) override {}
    void run_job(const char*, std::move_only_function<Completion()>) override {}
    void remove_files(std::vector<std::string>) override { ++files_removed_; }
    Peer* find_peer(RegionId) override { return nullptr; }
    std::optional<Incarnation> incarnation_of(StoreId) const override { return std::nullopt; }
    void greet(StoreId, const std::string&) override {}
    void send_to(StoreId, const std::string&, Body) override {}
    // EngineListener
    void entries_ready(RegionId) override {}
    void compaction_wanted(RegionId, LogIndex) override {}
    void failed(const Error&) override {}

    SimWorld world_{1};
    SimLoop loop_{world_, "owner"};
    SimDisk disk_{world_};
    StoreOptions options_;
    storage::StoreIdentity identity_{ClusterId(1), StoreId(1), Incarnation(1)};
    RegionApplier applier_;
    std::unique_ptr<storage::StorageEngine> engine_;
    RegionLocalState local_;
    storage::AppliedState applied_;
    std::unique_ptr<PeerStorage> storage_;
    int snapshots_wanted_ = 0;
    int files_removed_ = 0;
};

TEST_F(PeerStorageTest, TestPeerStorageTerm) {
    EXPECT_EQ(storage_->term(LogIndex(2)).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(*storage_->term(LogIndex(3)), Term(3));
    EXPECT_EQ(*storage_->term(LogIndex(4)), Term(4));
    EXPECT_EQ(*storage_->term(LogIndex(5)), Term(5));
    EXPECT_FALSE(storage_->term(LogIndex(6)).ok());
    EXPECT_EQ(storage_->first_index(), LogIndex(4));
    EXPECT_EQ(storage_->last_index(), LogIndex(5));
}

TEST_F(PeerStorageTest, TestPeerStorageEntries) {
    append({entry(6, 6)});
    const auto compacted = [&](uint64_t low, uint64_t high) {
        const auto found = storage_->entries(LogIndex(low), LogIndex(high), SIZE_MAX);
        return !found.ok() && found.error().code == ErrorCode::kNotFound;
    };
    EXPECT_TRUE(compacted(2, 6));
    EXPECT_TRUE(compacted(3, 4));
    EXPECT_EQ(storage_->entries(LogIndex(4), LogIndex(5), SIZE_MAX)->size(), 1u);
    EXPECT_EQ(storage_->entries(LogIndex(4), LogIndex(6), SIZE_MAX)->size(), 2u);
}

TEST_F(PeerStorageTest, TestPeerStorageAppend) {
    using Log = std::vector<std::pair<uint64_t, uint64_t>>;
    append({entry(4, 4), entry(5, 5)});
    EXPECT_EQ(log(), (Log{{4, 4}, {5, 5}}));
    append({entry(4, 6), entry(5, 6)});
    EXPECT_EQ(log(), (Log{{4, 6}, {5, 6}}));
    append({entry(4, 6), entry(5, 6), entry(6, 6)});
    EXPECT_EQ(log(), (Log{{4, 6}, {5, 6}, {6, 6}}));
    // What it replaces, and everything behind it, is gone.
    append({entry(4, 7)});
    EXPECT_EQ(log(), (Log{{4, 7}}));
    EXPECT_FALSE(storage_->term(LogIndex(5)).ok());
    append({entry(5, 7)});
    EXPECT_EQ(log(), (Log{{4, 7}, {5, 7}}));
}

TEST_F(PeerStorageTest, TestPeerStorageClearMeta) {
    storage::WriteBatch batch;
    batch.destroy_region(
        RegionId(1), {},
        encode_region_local_state({PeerState::kTombstone, PeerId(1), local_.region}));
    commit(std::move(batch));
    const auto summary = engine_->region(RegionId(1));
    ASSERT_TRUE(summary.has_value());
    EXPECT_EQ(summary->last_index, LogIndex(0));
    EXPECT_EQ(summary->hard_state, raft::HardState());
    EXPECT_FALSE(engine_->entries(RegionId(1), LogIndex(4), LogIndex(5), SIZE_MAX).ok());
    EXPECT_EQ(decode_region_local_state(summary->applied.region_state)->state,
              PeerState::kTombstone);
}

TEST_F(PeerStorageTest, ASnapshotIsAskedForOnceAndGoesWhenItIsOfNoUse) {
    EXPECT_EQ(storage_->snapshot().error().code, ErrorCode::kBusy);
    EXPECT_EQ(storage_->snapshot().error().code, ErrorCode::kBusy);
    EXPECT_EQ(snapshots_wanted_, 1);
    auto snapshot = std::make_shared<raft::Snapshot>();
    snapshot->metadata = {LogIndex(3), Term(3), local_.region.conf_state()};
    storage_->snapshot_made(OwnSnapshot{
        snapshot, std::make_shared<SnapshotFiles>(*this, std::vector<std::string>{"f"}), 1});
    EXPECT_EQ((*storage_->snapshot())->metadata.index, LogIndex(3));
    EXPECT_NE(storage_->snapshot_files(LogIndex(3)), nullptr);
    // A newcomer would not find itself in it.
    local_.region.epoch.conf_ver = 2;
    applied_.region_state = encode_region_local_state(local_);
    storage_->set_state(applied_, local_);
    EXPECT_FALSE(storage_->snapshot().ok());
    EXPECT_EQ(files_removed_, 1);
    EXPECT_EQ(snapshots_wanted_, 2);
}

TEST(BootstrapStore, TestBootstrapStore) {
    Cluster cluster(1);
    cluster.start();
    cluster.wait_leader();
    const Formation again{{Cluster::kCluster, StoreId(1), Incarnation(5)}, {}};
    cluster.node(1).close();
    cluster.node(1).options.formation = again;
    EXPECT_EQ(cluster.node(1).open().error().code, ErrorCode::kAlreadyExists);
    cluster.node(1).options.formation.reset();
    cluster.node(1).options.expected_store = StoreId(2);
    EXPECT_EQ(cluster.node(1).open().error().code, ErrorCode::kForeign);
    cluster.node(1).options.expected_store = StoreId(1);
    EXPECT_TRUE(cluster.node(1).open().ok());
    // Before any compaction the log begins behind the bootstrap's index.
    EXPECT_EQ(cluster.status(1).truncated, (storage::TruncatedState{kInitialIndex, kInitialTerm}));
}

TEST(BootstrapStore, WithoutFormationThereIsNoStore) {
    Cluster cluster(1);
    cluster.node(1).options.formation.reset();
    EXPECT_EQ(cluster.node(1).open().error().code, ErrorCode::kMissing);
}

}  // namespace
}  // namespace timber::raftstore
