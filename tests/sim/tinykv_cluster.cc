#include "tests/sim/tinykv_cluster.h"

#include <algorithm>
#include <utility>

namespace timber::sim {

using namespace std::chrono_literals;
using raftstore::Outcome;
using raftstore::PeerMeta;
using raftstore::RegionError;
using raftstore::RegionId;
using raftstore::Response;

static raftstore::StoreOptions tinykv_options(raftstore::StoreOptions options, uint64_t log_limit) {
    options.tick = 50ms;
    options.election_ticks = 10;
    options.heartbeat_ticks = 2;
    options.log_gc_interval = 50ms;
    options.log_gc_entries = log_limit > 0 ? log_limit : 128'000;
    // The suite's log GC does not wait for anybody.
    options.log_gc_lag_entries_max = log_limit > 0 ? log_limit / 2 : 128'000;
    options.log_gc_bytes = 64_MiB;
    options.log_gc_lag_bytes_max = 64_MiB;
    options.engine.log_bytes_max = 16_MiB;
    options.engine.log.segment_bytes = 256_KiB;
    options.engine.entry_cache_bytes = 1_MiB;
    options.engine.state.memory_table_bytes = 128_KiB;
    options.engine.state.block_cache_bytes = 512_KiB;
    options.commands_queued_max = 4096;
    options.proposals_max = 4096;
    options.snapshot_chunk_bytes = 16_KiB;
    options.snapshot_idle_timeout = 2s;
    return options;
}

TinyKv::TinyKv(const TinyKvOptions& options) : options_(options), random_(options.seed) {
    ClusterOptions cluster{.seed = random_.next(),
                           .machines = options.servers,
                           .members = options.servers,
                           .splits = options.splits};
    cluster.client_delay_max = 15ms;
    cluster.tune = [log_limit = options.log_limit](raftstore::StoreOptions& store) {
        store = tinykv_options(store, log_limit);
    };
    if (options.harder) {
        cluster.network.reorder = true;
        cluster.network.double_per_mille = 50;
        cluster.network.straggle_per_mille = 50;
        cluster.network.straggle_max = 200ms;
        cluster.network.delay_max = 10ms;
        cluster.network.tell_unreachable = true;
    }
    cluster_ = std::make_unique<Cluster>(cluster);
    cluster_->log().allow_repeats();
    cluster_->start_all();
    watch();
}

TinyKv::~TinyKv() {
    over_ = true;
    cluster_->shut_down();
}

void TinyKv::watch() {
    if (over_) return;
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (cluster_->machine(place).up()) cluster_->machine(place).watch();
    }
    cluster_->at(100ms, [this] { watch(); });
}

void TinyKv::play(std::function<void()> script) { cluster_->run_script(std::move(script), 3600s); }

Response TinyKv::request(const std::string& key, const raftstore::Request& request) {
    size_t& leader = leaders_[cluster_->region_of(key).id];
    const Instant limit = cluster_->world().now() + 50s;
    while (cluster_->world().now() < limit) {
        const size_t place = leader;
        raftstore::Request copy =
            std::visit([](const auto& one) { return raftstore::Request(one); }, request);
        Cluster::Called called = cluster_->call(place, std::move(copy), 1s);
        if (called.response && called.response->outcome == Outcome::kDone) {
            return std::move(*called.response);
        }
        leader = random_.below(cluster_->machines());
        const auto* error =
            called.response && called.response->error ? &*called.response->error : nullptr;
        if (error != nullptr && error->leader) leader = error->leader->store.value() - 1;
        const bool retry_at_once = error != nullptr && error->kind == RegionError::Kind::kNotLeader;
        cluster_->sleep(retry_at_once ? 2ms : 100ms);
    }
    broken("request timeout: " + key);
}

void TinyKv::put(const std::string& key, const std::string& value, memtable::Family family) {
    // Owner: the request, until its views are copied.
    auto owned = std::make_shared<std::pair<std::string, std::string>>(key, value);
    raftstore::WriteRequest write{.owner = owned};
    write.operations.push_back(
        {raftstore::WriteOperation::Kind::kPut, family, owned->first, owned->second});
    request(key, write);
}

void TinyKv::remove(const std::string& key, memtable::Family family) {
    auto owned = std::make_shared<std::string>(key);
    raftstore::WriteRequest write{.owner = owned};
    write.operations.push_back({raftstore::WriteOperation::Kind::kDelete, family, *owned, {}});
    request(key, write);
}

std::optional<std::string> TinyKv::get(const std::string& key, memtable::Family family) {
    return request(key, raftstore::GetRequest{{}, family, key}).value;
}

void TinyKv::must_get(const std::string& key, const std::string& value) {
    const auto found = get(key);
    if (found != value)
        broken("get " + key + ": " + found.value_or("nothing") + " instead of " + value);
}

std::vector<raftstore::KeyValue> TinyKv::scan(const std::string& start, uint32_t limit) {
    if (limit == 0) return {};
    return request(start, raftstore::ScanRequest{{}, memtable::Family::kDefault, start, limit})
        .pairs;
}

// --- Engines ---

static std::optional<std::string> read_engine(Machine& machine, memtable::Family family,
                                              const std::string& key, bool& failed) {
    memtable::PinnedValue value;
    const auto found = machine.store().engine().state().get({}, family, key, value);
    failed = !found.ok();
    if (failed || !*found) return std::nullopt;
    return std::string(value.view());
}

void TinyKv::must_have(size_t place, const std::string& key,
                       const std::optional<std::string>& value, memtable::Family family) {
    std::optional<std::string> found;
    for (int tries = 0; tries < 300; ++tries) {
        Machine& machine = cluster_->machine(place);
        if (machine.up()) {
            const auto held = machine.hold();
            bool failed = false;
            found = read_engine(machine, family, key, failed);
            if (!failed && found == value) return;
        }
        cluster_->sleep(20ms);
    }
    broken("Store " + std::to_string(place + 1) + " has " + key + " = " +
           found.value_or("nothing") + " instead of " + value.value_or("nothing"));
}

storage::TruncatedState TinyKv::truncated(size_t place) {
    storage::TruncatedState state;
    cluster_->between_steps([&] {
        const auto peer = cluster_->machine(place).peer(RegionId(1));
        if (peer) state = peer->truncated;
    });
    return state;
}

void TinyKv::must_hold_entries(uint64_t most) {
    cluster_->between_steps([&] {
        for (size_t place = 0; place < cluster_->machines(); ++place) {
            Machine& machine = cluster_->machine(place);
            if (!machine.up()) continue;
            for (const auto& peer : machine.store().status().peers) {
                if (peer.state != raftstore::PeerState::kNormal) continue;
                const uint64_t held = peer.raft.applied - peer.truncated.index;
                if (held > most) {
                    broken("Store " + std::to_string(place + 1) + " holds " + std::to_string(held) +
                           " entries, more than " + std::to_string(most));
                }
            }
        }
    });
}

// --- Leaders and members ---

size_t TinyKv::leader_place(RegionId region) {
    for (int tries = 0; tries < 500; ++tries) {
        // Of two that take themselves for it, the one of the later term.
        std::optional<size_t> found;
        raft::Term term;
        cluster_->between_steps([&] {
            for (size_t place = 0; place < cluster_->machines(); ++place) {
                if (!cluster_->machine(place).leads(region)) continue;
                const auto peer = cluster_->machine(place).peer(region);
                if (!peer || (found && peer->raft.hard.term < term)) continue;
                found = place;
                term = peer->raft.hard.term;
            }
        });
        if (found) return *found;
        cluster_->sleep(10ms);
    }
    broken("no leader within 5 s");
}

raftstore::Region TinyKv::region(RegionId id) {
    const size_t place = leader_place(id);
    std::optional<raftstore::Region> found;
    cluster_->between_steps([&] {
        const auto peer =
            cluster_->machine(place).up() ? cluster_->machine(place).peer(id) : std::nullopt;
        if (peer) found = peer->region;
    });
    return found ? *found : region(id);
}

void TinyKv::transfer(size_t to_place) {
    const Instant limit = cluster_->world().now() + 5s;
    while (cluster_->world().now() < limit) {
        const PeerMeta* to = nullptr;
        const raftstore::Region now = region();
        to = now.find_store(raftstore::StoreId(to_place + 1));
        if (to == nullptr) broken("transfer to a Store that holds no peer");
        const size_t leader = leader_place();
        const auto called = cluster_->call(
            leader,
            raftstore::TransferLeaderRequest{{.region = now.id, .epoch = now.epoch}, to->id}, 1s);
        // Every command is answered, also where the target leads already.
        if (called.sent && !called.response && !harder()) broken("a transfer was not answered");
        if (leader_place() == to_place) return;
        cluster_->sleep(20ms);
    }
    broken("leadership does not come to Store " + std::to_string(to_place + 1) + " within 5 s");
}

void TinyKv::change(raft::ConfChangeType type, size_t place, uint64_t peer) {
    const bool add = type != raft::ConfChangeType::kRemove;
    const Instant limit = cluster_->world().now() + 5s;
    while (cluster_->world().now() < limit) {
        const raftstore::Region now = region();
        const PeerMeta* there = now.find_peer(raftstore::PeerId(peer));
        if ((there != nullptr) == add) return;
        const PeerMeta meta{.id = raftstore::PeerId(peer),
                            .store = raftstore::StoreId(place + 1),
                            .address = SimNetwork::address_of(place)};
        raftstore::ChangePeerRequest request{{.region = now.id, .epoch = now.epoch}, type, meta};
        cluster_->call(leader_place(), std::move(request), 1s);
        cluster_->sleep(10ms);
    }
    broken("membership does not change within 5 s: peer " + std::to_string(peer));
}

void TinyKv::add_peer(size_t place, uint64_t peer) {
    change(raft::ConfChangeType::kAddVoter, place, peer);
}

void TinyKv::remove_peer(size_t place, uint64_t peer) {
    change(raft::ConfChangeType::kRemove, place, peer);
}

// --- Faults ---

void TinyKv::partition(const std::vector<size_t>& left, const std::vector<size_t>& right) {
    for (const size_t from : left) {
        for (const size_t to : right) {
            cluster_->network().block(from, to, true);
            cluster_->network().block(to, from, true);
        }
    }
}

void TinyKv::add_drop_filter() {
    survival_ *= 1 - 0.101;
    cluster_->network().faults.lose_per_mille = static_cast<uint64_t>(1000 * (1 - survival_));
}

void TinyKv::clear_filters() {
    survival_ = 1.0;
    cluster_->network().faults.lose_per_mille = 0;
    cluster_->network().heal();
}

void TinyKv::stop(size_t place) {
    cluster_->bring_down(place, harder() ? std::optional(Death::kPowerCut) : std::nullopt);
}

void TinyKv::restart_all() {
    if (harder()) {
        for (size_t place = 0; place < cluster_->machines(); ++place) {
            cluster_->machine(place).die(Death::kPowerCut);
        }
    }
    for (size_t place = 0; place < cluster_->machines(); ++place) stop(place);
    run_for(500ms);
    cluster_->start_all();
}

void TinyKv::start_deaths() {
    if (harder()) kill_one(++deaths_);
}

void TinyKv::kill_one(uint64_t number) {
    cluster_->at(1ms * random_.between(300, 1800), [this, number] {
        if (number != deaths_) return;
        const size_t place = random_.below(cluster_->machines());
        cluster_->machine(place).die(random_.one_in(2) ? Death::kPowerCut : Death::kProcessDeath);
        cluster_->at(1ms * random_.between(100, 300), [this, number] {
            cluster_->start_all();
            kill_one(number);
        });
    });
}

}  // namespace timber::sim
