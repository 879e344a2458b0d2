#include "tests/src/raftstore/cluster.h"

#include <fmt/core.h>

#include "src/base/io/log.h"

namespace timber::raftstore {

// --- Node ---

Node::Node(Cluster& cluster, StoreId id) : cluster_(cluster), id_(id) {
    loop_ = std::make_unique<SimLoop>(cluster.world(), "store " + std::to_string(id.value()));
    disk_ = std::make_unique<SimDisk>(cluster.world());
    options = cluster.base_options();
}

Node::~Node() { TIMBER_ASSERT(store_ == nullptr); }

Status Node::open() {
    TIMBER_ASSERT(store_ == nullptr);
    options.seed = ++cluster_.seed_ * 7919;
    std::optional<Result<std::unique_ptr<Store>>> opened;
    loop_->run([&] {
        Store::open(
            {*disk_, cluster_.world().executor(), *loop_}, options, *this, *this,
            [&](Result<std::unique_ptr<Store>> result) { opened.emplace(std::move(result)); });
    });
    TIMBER_ASSERT(cluster_.world().run_until([&] { return opened.has_value(); }));
    if (!opened->ok()) return opened->error();
    store_ = std::move(**opened);
    return {};
}

void Node::begin_close() {
    closing_ = true;
    closed_ = false;
    loop_->post([this] { store_->close([this] { closed_ = true; }); });
}

void Node::destroy_store() {
    if (!closing_) begin_close();
    TIMBER_ASSERT(cluster_.world().run_until([&] { return closed_; }));
    loop_->run([&] { store_.reset(); });
    closing_ = false;
}

void Node::close() {
    if (store_ != nullptr) destroy_store();
}

void Node::crash(Death death, uint64_t seed) {
    disk_->crash(death, seed);
    destroy_store();
    DiskImage image = disk_->image();
    disk_ = std::make_unique<SimDisk>(cluster_.world(), SimDisk::Options(), std::move(image));
    applied_indices.clear();
    failures.clear();
    options.formation.reset();
}

void Node::wipe() {
    TIMBER_ASSERT(store_ == nullptr);
    disk_ = std::make_unique<SimDisk>(cluster_.world());
}

void Node::send(const std::string&, Envelope envelope) { cluster_.deliver(std::move(envelope)); }

// --- Cluster ---

Cluster::Cluster(size_t stores, size_t regions, uint64_t seed) : seed_(seed) {
    set_log_level(LogLevel::kOff);
    world_ = std::make_unique<SimWorld>(seed);
    for (size_t number = 1; number <= regions; ++number) {
        Region region;
        region.id = region_id(number);
        if (number > 1) region.start_key = fmt::format("k{:04}", (number - 1) * 10);
        if (number < regions) region.end_key = fmt::format("k{:04}", number * 10);
        region.epoch = {1, 1};
        for (uint64_t store = 1; store <= stores; ++store) {
            region.peers.push_back(peer_on(store, region.id));
        }
        regions_.push_back(std::move(region));
    }
    for (uint64_t store = 1; store <= stores; ++store) {
        nodes_.push_back(std::make_unique<Node>(*this, StoreId(store)));
        nodes_.back()->options.formation =
            Formation{{kCluster, StoreId(store), Incarnation(store * 1000 + 1)}, regions_};
    }
}

Cluster::~Cluster() {
    for (const auto& node : nodes_) node->close();
    world_->run_until_idle();
    nodes_.clear();
}

StoreOptions Cluster::base_options() const {
    StoreOptions options;
    options.engine.directory = "data";
    options.engine.log.segment_bytes = 1_MiB;
    options.engine.state.memory_table_bytes = 256_KiB;
    options.engine.state.block_cache_bytes = 1_MiB;
    options.tick = std::chrono::milliseconds(100);
    options.snapshot_chunk_bytes = 4_KiB;
    options.snapshot_window_chunks = 4;
    return options;
}

PeerMeta Cluster::peer_on(uint64_t store, RegionId region) const {
    return {PeerId(region.value() * 100 + store), StoreId(store), false,
            "store-" + std::to_string(store)};
}

Node& Cluster::add_node() {
    const uint64_t store = nodes_.size() + 1;
    nodes_.push_back(std::make_unique<Node>(*this, StoreId(store)));
    Node& added = *nodes_.back();
    added.options.formation =
        Formation{{kCluster, StoreId(store), Incarnation(store * 1000 + 1)}, {}};
    TIMBER_ASSERT(added.open().ok());
    added.options.formation.reset();
    return added;
}

void Cluster::start() {
    for (const auto& node : nodes_) {
        const Status opened = node->open();
        ASSERT_TRUE(opened.ok()) << opened.error().to_string();
        node->options.formation.reset();
    }
}

void Cluster::deliver(Envelope envelope) {
    if (filter && !filter(envelope.from, envelope.to, envelope)) return;
    const size_t to = envelope.to.value();
    if (to == 0 || to > nodes_.size()) return;
    Result<Envelope> decoded = decode_envelope(encode_envelope(envelope));
    TIMBER_ASSERT(decoded.ok());
    world_->schedule(world_->now() + latency, [this, to, envelope = std::move(*decoded)]() mutable {
        if (nodes_[to - 1]->running()) nodes_[to - 1]->store().receive(std::move(envelope));
    });
}

bool Cluster::wait_for(const std::function<bool()>& condition, Duration limit) {
    const Instant end = world_->now() + limit;
    return world_->run_until([&] { return condition() || world_->now() >= end; }) && condition();
}

PeerStatus Cluster::status(uint64_t store, RegionId region) {
    for (PeerStatus& status : node(store).store().status().peers) {
        if (status.region.id == region) return std::move(status);
    }
    TIMBER_UNREACHABLE();
}

bool Cluster::has_peer(uint64_t store, RegionId region) {
    for (const PeerStatus& status : node(store).store().status().peers) {
        if (status.region.id == region) return true;
    }
    return false;
}

uint64_t Cluster::leader(RegionId region) {
    uint64_t found = 0;
    raft::Term term{};
    for (const auto& node : nodes_) {
        if (!node->running()) continue;
        for (const PeerStatus& peer : node->store().status().peers) {
            if (peer.region.id != region || peer.raft.soft.role != raft::Role::kLeader) continue;
            if (peer.raft.hard.term <= term) continue;
            term = peer.raft.hard.term;
            found = node->id().value();
        }
    }
    return found;
}

uint64_t Cluster::wait_leader(RegionId region) {
    EXPECT_TRUE(wait_for([&] { return leader(region) != 0; })) << "nobody leads";
    return leader(region);
}

AnswerRef Cluster::submit(uint64_t store, Request request) {
    auto answer = std::make_shared<Answer>();
    node(store).store().submit(std::move(request), [answer](Response response) {
        ++answer->times;
        answer->response = std::move(response);
    });
    EXPECT_EQ(answer->times, 0u) << "answered within the call";
    return answer;
}

static WriteRequest write_of(WriteOperation::Kind kind, std::string_view key,
                             std::string_view value) {
    auto owner = std::make_shared<std::pair<std::string, std::string>>(key, value);
    WriteRequest request;
    request.operations.push_back({kind, memtable::Family::kDefault, owner->first, owner->second});
    request.owner = owner;
    return request;
}

AnswerRef Cluster::put(uint64_t store, std::string_view key, std::string_view value) {
    return submit(store, write_of(WriteOperation::Kind::kPut, key, value));
}

AnswerRef Cluster::remove(uint64_t store, std::string_view key) {
    return submit(store, write_of(WriteOperation::Kind::kDelete, key, {}));
}

AnswerRef Cluster::get(uint64_t store, std::string_view key) {
    return submit(store, GetRequest{.key = std::string(key)});
}

AnswerRef Cluster::scan(uint64_t store, std::string_view start, uint32_t limit) {
    return submit(store, ScanRequest{.start_key = std::string(start), .limit = limit});
}

AnswerRef Cluster::wait(AnswerRef answer, Duration limit) {
    EXPECT_TRUE(wait_for([&] { return answer->answered(); }, limit)) << "no answer";
    return answer;
}

void Cluster::must_put(std::string_view key, std::string_view value, RegionId region) {
    for (size_t tries = 0; tries < 50; ++tries) {
        const AnswerRef answer = wait(put(wait_leader(region), key, value));
        if (answer->done()) return;
        run_for(std::chrono::milliseconds(100));
    }
    FAIL() << "put " << key;
}

std::optional<std::string> Cluster::must_get(std::string_view key, RegionId region) {
    for (size_t tries = 0; tries < 50; ++tries) {
        const AnswerRef answer = wait(get(wait_leader(region), key));
        if (answer->done()) return answer->response.value;
        run_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "get " << key;
    return std::nullopt;
}

Region Cluster::must_change(raft::ConfChangeType type, PeerMeta peer, RegionId region) {
    for (size_t tries = 0; tries < 50; ++tries) {
        const uint64_t leads = wait_leader(region);
        ChangePeerRequest request{.type = type, .peer = peer};
        request.header.region = region;
        request.header.epoch = status(leads, region).region.epoch;
        const AnswerRef answer = wait(submit(leads, request));
        if (answer->done()) return *answer->response.changed;
        run_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "no change of membership";
    return {};
}

void Cluster::must_transfer(uint64_t to, RegionId region) {
    for (size_t tries = 0; tries < 50 && leader(region) != to; ++tries) {
        const uint64_t leads = wait_leader(region);
        TransferLeaderRequest request{.to = peer_on(to, region).id};
        request.header.region = region;
        request.header.epoch = status(leads, region).region.epoch;
        const AnswerRef answer = wait(submit(leads, request));
        TIMBER_MAYBE(answer->done());
        wait_for([&] { return leader(region) == to; }, std::chrono::seconds(1));
    }
    EXPECT_EQ(leader(region), to);
}

std::map<std::string, std::string> Cluster::contents(uint64_t store, memtable::Family family) {
    std::map<std::string, std::string> found;
    world_->run_job([&] {
        const auto iterator = node(store).store().engine().state().new_iterator({}, family);
        for (iterator->seek_to_first(); iterator->valid(); iterator->next()) {
            found.emplace(iterator->key(), iterator->value());
        }
        TIMBER_ASSERT(iterator->status().ok());
    });
    return found;
}

bool Cluster::settled(RegionId region) {
    const uint64_t leads = leader(region);
    if (leads == 0) return false;
    const PeerStatus first = status(leads, region);
    for (const PeerMeta& member : first.region.peers) {
        const uint64_t store = member.store.value();
        if (!node(store).running()) continue;
        if (!has_peer(store, region)) return false;
        const PeerStatus other = status(store, region);
        if (other.raft.applied != first.raft.last_index) return false;
        if (other.region != first.region) return false;
    }
    return true;
}

void Cluster::isolate(uint64_t store) {
    filter = [store](StoreId from, StoreId to, const Envelope&) {
        return from != StoreId(store) && to != StoreId(store);
    };
}

}  // namespace timber::raftstore
