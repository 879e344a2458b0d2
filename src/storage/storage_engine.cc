#include "src/storage/storage_engine.h"

#include <utility>

#include "src/storage/engine_core.h"

namespace timber::storage {

StorageEngine::StorageEngine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
StorageEngine::~StorageEngine() = default;

void StorageEngine::open(Environment environment, const EngineOptions& options, Applier& applier,
                         EngineListener& listener, OpenDone done) {
    auto core = std::make_unique<Core>(environment, options, applier, listener);
    Core* const opening = core.get();
    EventLoop& loop = environment.loop;
    opening->open([core = std::move(core), done = std::move(done), &loop](Status status) mutable {
        if (status) return done(std::unique_ptr<StorageEngine>(new StorageEngine(std::move(core))));
        // Not within its own call.
        loop.post([core = std::move(core), done = std::move(done),
                   error = std::move(status).error()]() mutable {
            core.reset();
            done(std::move(error));
        });
    });
}

const EngineReport& StorageEngine::report() const { return core_->parts().report; }
const StoreIdentity& StorageEngine::identity() const { return core_->parts().identity; }

std::vector<RegionId> StorageEngine::regions() const {
    std::vector<RegionId> ids;
    for (const auto& [id, region] : core_->parts().regions)
        if (region.log.change != ChangeNumber()) ids.push_back(id);
    return ids;
}

std::optional<RegionSummary> StorageEngine::region(RegionId region) const {
    const auto place = core_->parts().regions.find(region);
    if (place == core_->parts().regions.end() || place->second.log.change == ChangeNumber())
        return std::nullopt;
    return place->second.summary();
}

const std::string* StorageEngine::local(uint64_t key) const {
    const auto place = core_->parts().locals.find(key);
    return place == core_->parts().locals.end() ? nullptr : &place->second;
}

std::vector<uint64_t> StorageEngine::local_keys() const {
    std::vector<uint64_t> keys;
    for (const auto& [key, value] : core_->parts().locals) keys.push_back(key);
    return keys;
}

Status StorageEngine::commit(WriteBatch batch, Done done, bool urgent) {
    return core_->commit(std::move(batch), std::move(done), urgent);
}

size_t StorageEngine::commit_bytes_max() const { return core_->commit_bytes_max(); }

Status StorageEngine::apply(RegionId region, AppliedState state,
                            const memtable::WriteBatch& effects) {
    return core_->apply(region, std::move(state), effects);
}

memtable::Pace StorageEngine::pace(size_t bytes) { return core_->pace(bytes); }

Result<raft::Term> StorageEngine::term(RegionId region, raft::LogIndex index) const {
    return core_->reader().term(region, index);
}

Result<std::vector<raft::Entry>> StorageEngine::entries(RegionId region, raft::LogIndex low,
                                                        raft::LogIndex high, size_t bytes_max) {
    return core_->reader().entries(region, low, high, bytes_max);
}

memtable::Store& StorageEngine::state() { return *core_->parts().store; }
const memtable::Store& StorageEngine::state() const { return *core_->parts().store; }

Result<AppliedState> StorageEngine::applied_state(const memtable::Snapshot& snapshot,
                                                  RegionId region) const {
    memtable::PinnedValue value;
    TIMBER_TRY(const bool found, state().get({.snapshot = &snapshot}, memtable::Family::kMeta,
                                             region_row_key(region), value));
    if (!found)
        return make_error(ErrorCode::kNotFound,
                          "there is no Region " + std::to_string(region.value()));
    TIMBER_TRY(RegionRow row, decode_row(value.view()));
    return std::move(row.state);
}

void StorageEngine::flush(Done done) { core_->flush(std::move(done)); }
void StorageEngine::close(std::move_only_function<void()> done) { core_->close(std::move(done)); }
const std::optional<Error>& StorageEngine::poisoned() const { return core_->parts().poisoned; }
EngineStats StorageEngine::stats() const { return core_->stats(); }
void StorageEngine::check_invariants() const { core_->check_invariants(); }

}  // namespace timber::storage
