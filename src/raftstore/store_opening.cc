// Forming a Store, and opening it: the engine, who it is, what it left behind, its Peers.
//
// A formation is complete when its row is there, which is written in one batch with the Regions: a
// Store that died in between is formed again by the same call.
#include "src/base/io/log.h"
#include "src/raftstore/local_rows.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

static Status check_options(const StoreOptions& options) {
    const auto wrong = [](const char* what) {
        return make_error(ErrorCode::kInvalidArgument, std::string("Store options: ") + what);
    };
    if (options.tick < std::chrono::milliseconds(1)) return wrong("tick: 1 ms at least");
    if (options.proposals_max == 0 || options.commands_queued_max == 0 ||
        options.messages_queued_max == 0) {
        return wrong("proposals_max, commands_queued_max, messages_queued_max: 1 at least");
    }
    if (options.key_bytes_max > memtable::kKeyBytesMax) return wrong("key_bytes_max: too large");
    if (options.value_bytes_max + options.key_bytes_max + 1_KiB > kCommandBytesMax) {
        return wrong("value_bytes_max: a write must fit into one entry");
    }
    if (options.snapshot_chunk_bytes == 0 || options.snapshot_chunk_bytes > 16_MiB ||
        options.snapshot_window_chunks == 0) {
        return wrong("snapshot_chunk_bytes: 1 to 16 MiB; snapshot_window_chunks: 1 at least");
    }
    if (options.snapshot_bytes_per_second == 0) return wrong("snapshot_bytes_per_second: not 0");
    if (options.formation) {
        const storage::StoreIdentity& identity = options.formation->identity;
        if (identity.store == StoreId(0) || identity.store.value() > Incarnations::kStoreIdMax ||
            identity.cluster == ClusterId(0) || identity.incarnation == Incarnation(0)) {
            return wrong("formation: cluster, store and incarnation are not 0");
        }
    }
    return {};
}

void Store::Core::open(std::unique_ptr<Core> core, OpenDone done) {
    Core& self = *core;
    if (Status status = check_options(self.options_); !status.ok()) {
        self.environment_.loop.post(
            [error = status.error(), done = std::move(done)]() mutable { done(std::move(error)); });
        return;
    }
    storage::EngineOptions engine_options = self.options_.engine;
    engine_options.seed = self.random_.next();
    engine_options.format.reset();
    if (self.options_.formation) engine_options.format = self.options_.formation->identity;
    storage::StorageEngine::open(
        {self.environment_.disk, self.environment_.executor, self.environment_.loop},
        engine_options, self.applier_, self,
        [core = std::move(core),
         done = std::move(done)](Result<std::unique_ptr<storage::StorageEngine>> engine) mutable {
            engine_opened(std::move(core), std::move(done), std::move(engine));
        });
}

// Closes the engine, and then says why.
void Store::Core::give_up(std::unique_ptr<Core> core, OpenDone done, Error error) {
    Core& self = *core;
    const auto tell = [](std::unique_ptr<Core> owned, OpenDone answer, Error why) {
        EventLoop& loop = owned->environment_.loop;
        loop.post(
            [owned = std::move(owned), answer = std::move(answer), why = std::move(why)]() mutable {
                owned.reset();
                answer(std::move(why));
            });
    };
    if (self.engine_ == nullptr) return tell(std::move(core), std::move(done), std::move(error));
    self.closing_ = true;
    self.engine_->close(
        [core = std::move(core), done = std::move(done), error = std::move(error), tell]() mutable {
            core->closed_ = true;
            core->mailbox_.close();
            tell(std::move(core), std::move(done), std::move(error));
        });
}

void Store::Core::engine_opened(std::unique_ptr<Core> core, OpenDone done,
                                Result<std::unique_ptr<storage::StorageEngine>> engine) {
    if (!engine.ok()) return give_up(std::move(core), std::move(done), engine.error());
    Core& self = *core;
    self.engine_ = std::move(*engine);
    self.identity_ = self.engine_->identity();
    if (Status status = self.check_identity(); !status.ok()) {
        return give_up(std::move(core), std::move(done), status.error());
    }
    const Result<bool> due = self.formation_due();
    if (!due.ok()) return give_up(std::move(core), std::move(done), due.error());
    if (!*due) return formed(std::move(core), std::move(done));
    self.form([core = std::move(core), done = std::move(done)](Status status) mutable {
        if (!status.ok()) return give_up(std::move(core), std::move(done), status.error());
        formed(std::move(core), std::move(done));
    });
}

Status Store::Core::check_identity() const {
    const auto foreign = [&](const char* what, uint64_t meant, uint64_t found) {
        return file_error(ErrorCode::kForeign, options_.engine.directory,
                          std::string("the directory is of ") + what + " " + std::to_string(found) +
                              ", not " + std::to_string(meant));
    };
    if (options_.expected_cluster != ClusterId(0) &&
        options_.expected_cluster != identity_.cluster) {
        return foreign("cluster", options_.expected_cluster.value(), identity_.cluster.value());
    }
    if (options_.expected_store != StoreId(0) && options_.expected_store != identity_.store) {
        return foreign("Store", options_.expected_store.value(), identity_.store.value());
    }
    return {};
}

Result<bool> Store::Core::formation_due() const {
    const bool formed_before = engine_->local(kFormedRow) != nullptr;
    const std::string& directory = options_.engine.directory;
    if (!options_.formation) {
        if (formed_before) return false;
        return file_error(ErrorCode::kMissing, directory,
                          "the Store's formation was cut short; form it again");
    }
    if (formed_before) {
        return file_error(ErrorCode::kAlreadyExists, directory,
                          "there is a Store already, which is not formed a second time");
    }
    const storage::StoreIdentity& wanted = options_.formation->identity;
    if (wanted.cluster != identity_.cluster || wanted.store != identity_.store) {
        return file_error(ErrorCode::kForeign, directory,
                          "another Store's formation was begun here");
    }
    return true;
}

static storage::AppliedState initial_state(const Region& region, PeerId peer) {
    storage::AppliedState state;
    state.applied = kInitialIndex;
    state.applied_term = kInitialTerm;
    state.truncated = {kInitialIndex, kInitialTerm};
    state.region_state = encode_region_local_state({PeerState::kNormal, peer, region});
    return state;
}

void Store::Core::form(std::move_only_function<void(Status)> done) {
    storage::WriteBatch batch;
    bool alone = true;
    for (const Region& region : options_.formation->regions) {
        const PeerMeta* self = region.find_store(identity_.store);
        if (self == nullptr) continue;
        alone = alone && region.peers.size() == 1;
        batch.create_region(region.id, initial_state(region, self->id),
                            {kInitialTerm, raft::kNobody, kInitialIndex});
    }
    batch.put_local(kFormedRow, "1");
    if (alone) batch.put_local(kIntroducedRow, "1");
    auto answer = std::make_shared<std::move_only_function<void(Status)>>(std::move(done));
    const Status status = engine_->commit(
        std::move(batch), [answer](Status committed) { (*answer)(std::move(committed)); });
    if (!status.ok()) (*answer)(status);
}

static Status clean_directory(Disk& disk, const std::string& directory) {
    TIMBER_CHECK(disk.make_directory(directory));
    TIMBER_TRY(const std::vector<std::string> names, disk.list(directory));
    for (const std::string& name : names) TIMBER_CHECK(disk.remove(join_path(directory, name)));
    return {};
}

void Store::Core::formed(std::unique_ptr<Core> core, OpenDone done) {
    Core& self = *core;
    const std::string directory = join_path(self.options_.engine.directory, "snapshots");
    self.builder_ = std::make_unique<SnapshotBuilder>(self, directory);
    self.environment_.executor.run(
        "clean snapshots", [core = std::move(core), done = std::move(done), directory]() mutable {
            Status status = clean_directory(core->environment_.disk, directory);
            EventLoop& loop = core->environment_.loop;
            loop.post([core = std::move(core), done = std::move(done),
                       status = std::move(status)]() mutable {
                directory_ready(std::move(core), std::move(done), std::move(status));
            });
        });
}

void Store::Core::directory_ready(std::unique_ptr<Core> core, OpenDone done, Status status) {
    Core& self = *core;
    if (status.ok()) status = self.incarnations_.load(*self.engine_);
    if (status.ok()) status = self.load_peers();
    if (!status.ok()) return give_up(std::move(core), std::move(done), status.error());
    self.start();
    done(std::unique_ptr<Store>(new Store(std::move(core))));
}

Status Store::Core::load_peers() {
    for (const RegionId id : engine_->regions()) {
        const auto summary = engine_->region(id);
        TIMBER_ASSERT(summary.has_value());
        TIMBER_TRY(RegionLocalState local,
                   decode_region_local_state(summary->applied.region_state));
        if (local.region.id != id) {
            return make_error(ErrorCode::kCorrupted,
                              "the state of Region " + std::to_string(local.region.id.value()) +
                                  " is kept as that of Region " + std::to_string(id.value()));
        }
        if (local.state == PeerState::kTombstone) continue;
        TIMBER_CHECK(add_peer(summary->applied, std::move(local)));
    }
    return {};
}

void Store::Core::start() {
    sender_ = std::make_unique<SnapshotSender>(*this, random_.next());
    receiver_ = std::make_unique<SnapshotReceiver>(
        *this,
        [this](const RaftMessage& message, const SnapshotManifest& manifest) {
            return refuse_snapshot(message, manifest);
        },
        [this](RaftMessage message, ReceivedSnapshot received) {
            return deliver_snapshot(std::move(message), std::move(received));
        });
    environment_.loop.start_timer(tick_timer_, options_.tick);
    environment_.loop.start_timer(gc_timer_, options_.log_gc_interval);
    log_info("Store {} is open: {} Regions", identity_.store.value(), peers_.size());
    begin_introductions();
}

}  // namespace timber::raftstore
