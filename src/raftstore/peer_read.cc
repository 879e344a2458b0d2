// Reads: confirmed by a round of heartbeats, or under a lease; then from the state, on the loop
// where it is in memory, else in a job.
#include "src/base/mistake.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/read_state.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

template <typename ReadKind>
void Peer::request_read(ReadKind& request, std::string_view key, Callback callback) {
    if (!region().contains(key)) {
        return answer(callback, not_done(key_not_in_region(key, region()), node_->term()));
    }
    start_read({std::move(request), std::move(callback)});
}

void Peer::request(GetRequest& request, Callback callback) {
    if (request.family == memtable::Family::kMeta) {
        return answer(callback, not_done(message_error("no such column family"), node_->term()));
    }
    const std::string key = request.key;
    request_read(request, key, std::move(callback));
}

void Peer::request(ScanRequest& request, Callback callback) {
    if (request.family == memtable::Family::kMeta) {
        return answer(callback, not_done(message_error("no such column family"), node_->term()));
    }
    const std::string key = request.start_key;
    request_read(request, key, std::move(callback));
}

void Peer::request(SnapRequest& request, Callback callback) {
    start_read({std::move(request), std::move(callback)});
}

void Peer::start_read(Read read) {
    if (host_.options().lease_reads) {
        observe_time();
        const Instant now = host_.loop().clock().boot_now();
        read.lease = node_->begin_lease_read(
            raft::BootTimeUs(static_cast<uint64_t>(now.nanoseconds) / 1000));
        if (read.lease) return reads_.wait_for(read.lease->index, std::move(read));
    }
    if (TIMBER_MISTAKE(rs_read_without_round)) {
        return reads_.wait_for(storage_.applied().applied, std::move(read));
    }
    reads_.add(std::move(read));
}

// One question to Raft for all reads of this turn.
void Peer::ask_for_reads() {
    if (!reads_.has_new()) return;
    const raft::ReadId id(++last_read_id_);
    if (const std::optional<raft::Refusal> refusal = node_->read_index(id)) {
        return refuse_reads(reads_.take_new(), refusal_error(*refusal));
    }
    reads_.asked(id);
}

void Peer::serve_reads() {
    if (reads_.size() == 0 || writes_.installing()) return;
    raft::LogIndex reached = storage_.applied().applied;
    if (TIMBER_MISTAKE(rs_read_before_applied)) reached = raft::kLogIndexMax;
    for (Read& read : reads_.take_served(reached)) serve(std::move(read));
}

void Peer::serve(Read read) {
    if (std::holds_alternative<SnapRequest>(read.request)) return serve_snap(std::move(read));
    // What lies in memory is read at once. A scan may hold up the loop, so only a short one.
    Result<Response> response = read_state(host_.engine().state(), read.request, region(),
                                           host_.options(), {.cache_only = true});
    if (!response.ok() && response.error().code == ErrorCode::kBusy) {
        return run_read_job(std::move(read));
    }
    if (response.ok()) response->index = storage_.applied().applied;
    finish_read(std::move(read), std::move(response));
}

void Peer::serve_snap(Read read) {
    Response response{.index = storage_.applied().applied};
    response.snap =
        RegionSnapshot{region(), host_.engine().state().snapshot(), &host_.engine().state()};
    finish_read(std::move(read), std::move(response));
}

void Peer::run_read_job(Read read) {
    memtable::Store& state = host_.engine().state();
    memtable::SnapshotRef snapshot = state.snapshot();
    const raft::LogIndex index = storage_.applied().applied;
    ++reads_running_;
    auto job = [&host = host_, &state, snapshot, index, region = region(), region_id = region_id(),
                peer_id = id(), read = std::move(read)]() mutable -> PeerHost::Completion {
        Result<Response> response =
            read_state(state, read.request, region, host.options(), {.snapshot = snapshot.get()});
        if (response.ok()) response->index = index;
        return [&host, snapshot = std::move(snapshot), region_id, peer_id, read = std::move(read),
                response = std::move(response)]() mutable {
            snapshot.reset();
            Peer* peer = host.find_peer(region_id);
            // Another one may have been made meanwhile.
            if (peer != nullptr && peer->id() == peer_id) --peer->reads_running_;
            if (peer != nullptr && peer->id() == peer_id && !peer->destroying_) {
                return peer->finish_read(std::move(read), std::move(response));
            }
            std::exchange(read.callback, {})(not_done(region_not_found(region_id)));
        };
    };
    host_.run_job("read", std::move(job));
}

void Peer::finish_read(Read read, Result<Response> response) {
    if (read.lease) {
        // The process may have been stopped in between, and another leader elected meanwhile.
        observe_time();
        const Instant now = host_.loop().clock().boot_now();
        const raft::BootTimeUs now_us(static_cast<uint64_t>(now.nanoseconds) / 1000);
        if (!node_->lease_covers(*read.lease, now_us)) {
            read.lease.reset();
            if (!leads()) {
                return answer(read.callback,
                              not_done(not_leader(region_id(), leader()), node_->term()));
            }
            // Nobody would ask for it any more.
            if (ended_) return answer(read.callback, not_done(server_busy(*ended_), node_->term()));
            reads_.add(std::move(read));
            return host_.wake(region_id());
        }
    }
    if (!response.ok()) {
        return answer(read.callback,
                      not_done(message_error(response.error().to_string()), node_->term()));
    }
    response->term = node_->term();
    answer(read.callback, std::move(*response));
}

void Peer::refuse_reads(std::vector<Read> reads, const RegionError& error) {
    for (Read& read : reads) answer(read.callback, not_done(error, node_->term()));
}

}  // namespace timber::raftstore
