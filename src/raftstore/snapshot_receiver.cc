#include "src/raftstore/snapshot_receiver.h"

#include <algorithm>

#include "src/base/contains.h"
#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::raftstore {

static constexpr Duration kSilenceCheckDelay = std::chrono::milliseconds(1000);
static constexpr size_t kDoneRemembered = 64;
static constexpr size_t kFilesMax = 65536;
// Of one chunk; a sender may be configured otherwise than this Store.
static constexpr size_t kChunkBytesMax = 16_MiB;

SnapshotReceiver::SnapshotReceiver(PeerHost& host, Refuse refuse, Deliver deliver)
    : host_(host),
      refuse_(std::move(refuse)),
      deliver_(std::move(deliver)),
      timer_([this] { on_timer(); }) {}

Instant SnapshotReceiver::now() const { return host_.loop().clock().now(); }

void SnapshotReceiver::refuse(StoreId from, const std::string& address, const TransferId& id,
                              std::string reason) {
    SnapshotAck ack{.transfer = id, .state = SnapshotAck::State::kRefused};
    ack.reason = std::move(reason);
    host_.send_to(from, address, std::move(ack));
}

void SnapshotReceiver::acknowledge(const Transfer& transfer, SnapshotAck::State state,
                                   std::string reason) {
    const SnapshotLayout::Place place = transfer.layout.place(transfer.position);
    SnapshotAck ack{transfer.id, state, place.file, place.offset, std::move(reason)};
    const PeerMeta& sender = transfer.message.from_peer;
    host_.send_to(sender.store, sender.address, std::move(ack));
}

void SnapshotReceiver::receive(StoreId from, SnapshotOffer offer) {
    if (offer.transfer.sender != from || offer.message.from_peer.store != from) return;
    const std::string address = offer.message.from_peer.address;
    if (const auto at = transfers_.find(offer.transfer); at != transfers_.end()) {
        at->second.heard_at = now();
        if (!at->second.ended) acknowledge(at->second, SnapshotAck::State::kReceiving);
        return;
    }
    if (contains(done_, offer.transfer)) {
        return host_.send_to(from, address, SnapshotAck{offer.transfer, SnapshotAck::State::kDone});
    }
    const raft::SnapshotPointer& snapshot = offer.message.message.snapshot;
    if (offer.message.message.type != raft::MessageType::kSnapshot || snapshot == nullptr) return;
    Result<SnapshotManifest> manifest = decode_snapshot_manifest(snapshot->data);
    if (!manifest.ok()) {
        return refuse(from, address, offer.transfer, manifest.error().to_string());
    }
    if (manifest->files.size() > kFilesMax) {
        return refuse(from, address, offer.transfer, "too many files");
    }
    if (std::optional<std::string> reason = refuse_(offer.message, *manifest)) {
        return refuse(from, address, offer.transfer, std::move(*reason));
    }
    if (!make_room_for(offer.message.region)) {
        return refuse(from, address, offer.transfer, "other snapshots are being received");
    }
    begin(std::move(offer), std::move(*manifest));
}

// A newer offer for a Region takes the place of an older one.
bool SnapshotReceiver::make_room_for(RegionId region) {
    for (auto& [id, transfer] : transfers_) {
        if (transfer.message.region == region && !transfer.ended) {
            fail(transfer, "another snapshot is offered");
            break;
        }
    }
    return transfers_.size() < host_.options().snapshots_receiving_max;
}

void SnapshotReceiver::begin(SnapshotOffer offer, SnapshotManifest manifest) {
    Transfer transfer{.id = offer.transfer,
                      .message = std::move(offer.message),
                      .manifest = std::move(manifest),
                      .layout = SnapshotLayout(SnapshotManifest{})};
    transfer.layout = SnapshotLayout(transfer.manifest);
    for (size_t i = 0; i < transfer.manifest.files.size(); ++i) {
        transfer.files.push_back(host_.engine().state().reserve_file());
    }
    transfer.heard_at = now();
    Transfer& begun = transfers_.emplace(transfer.id, std::move(transfer)).first->second;
    if (!timer_.armed()) host_.loop().start_timer(timer_, kSilenceCheckDelay);
    if (begun.layout.total() == 0) return complete(begun);
    acknowledge(begun, SnapshotAck::State::kReceiving);
}

void SnapshotReceiver::receive(StoreId from, SnapshotChunk chunk) {
    const auto at = transfers_.find(chunk.transfer);
    if (at == transfers_.end() || at->second.message.from_peer.store != from) {
        // Of a life before, or given up here: the sender need not wait for its patience to end.
        if (chunk.transfer.sender != from) return;
        if (contains(done_, chunk.transfer)) {
            return host_.send_to(from, {}, SnapshotAck{chunk.transfer, SnapshotAck::State::kDone});
        }
        return refuse(from, {}, chunk.transfer, "no such transfer");
    }
    Transfer& transfer = at->second;
    if (transfer.ended) return;
    const std::optional<uint64_t> position = transfer.layout.position(chunk.file, chunk.offset);
    const size_t bytes = chunk.data.size();
    if (!position || bytes == 0 || bytes > kChunkBytesMax) return;
    if (*position + bytes > transfer.layout.end_of(chunk.file)) return;
    if (chunk.checksum != checksum64(chunk.data.bytes())) return;
    transfer.heard_at = now();
    if (*position < transfer.position) {
        // Sent again because an acknowledgement was lost.
        return acknowledge(transfer, SnapshotAck::State::kReceiving);
    }
    const size_t window =
        host_.options().snapshot_window_chunks * host_.options().snapshot_chunk_bytes;
    const bool next = *position == transfer.position;
    if (!next && transfer.early_bytes + bytes > 2 * window) return;  // SR2
    if (transfer.early.emplace(*position, std::move(chunk.data)).second) {
        transfer.early_bytes += bytes;
    }
    write_next(transfer);
}

// The end of a file makes it durable, content and name: the log will speak of it before the state
// store takes it in, and after a loss of power in between it must be there.
static Status write_chunk(Disk& disk, memtable::Store& state,
                          const memtable::Store::ReservedFile& place, uint64_t offset,
                          ByteView bytes, bool last) {
    const std::string& path = place.path;
    TIMBER_TRY(const FileHandle file, disk.open(path, {.create = true}));
    Status status = await_write(disk, file, path, offset, bytes);
    if (status.ok() && last && !TIMBER_MISTAKE(rs_received_file_not_synced)) {
        status = await_sync(disk, file, path);
    }
    disk.close(file);
    if (status.ok() && last) status = state.sync_name(place);
    return status;
}

void SnapshotReceiver::write_next(Transfer& transfer) {
    if (transfer.writing || transfer.ended) return;
    // Chunks of another cut, sent before the sender went back, may overlap.
    while (!transfer.early.empty() && transfer.early.begin()->first < transfer.position) {
        transfer.early_bytes -= transfer.early.begin()->second.size();
        transfer.early.erase(transfer.early.begin());
    }
    const auto first = transfer.early.begin();
    if (first == transfer.early.end() || first->first != transfer.position) return;
    raft::Payload data = std::move(first->second);
    transfer.early_bytes -= data.size();
    transfer.early.erase(first);
    transfer.writing = true;
    const SnapshotLayout::Place place = transfer.layout.place(transfer.position);
    const bool last = transfer.position + data.size() == transfer.layout.end_of(place.file);
    auto job = [this, &disk = host_.disk(), &state = host_.engine().state(), id = transfer.id,
                file = transfer.files[place.file], offset = place.offset, last,
                data = std::move(data),
                checksum = std::move(transfer.checksum)]() mutable -> PeerHost::Completion {
        Status status = write_chunk(disk, state, file, offset, data.bytes(), last);
        checksum.update(data.bytes());
        return [this, id, bytes = data.size(), checksum = std::move(checksum),
                status = std::move(status)]() mutable {
            written(id, bytes, std::move(checksum), std::move(status));
        };
    };
    host_.run_job("snapshot write", std::move(job));
}

void SnapshotReceiver::written(const TransferId& id, uint64_t bytes, Checksum64 checksum,
                               Status status) {
    const auto at = transfers_.find(id);
    TIMBER_ASSERT(at != transfers_.end());
    Transfer& transfer = at->second;
    transfer.writing = false;
    transfer.checksum = std::move(checksum);
    if (transfer.ended) return erase(id);
    if (!status.ok()) return fail(transfer, status.error().to_string());
    const size_t file = transfer.layout.place(transfer.position).file;
    transfer.position += bytes;
    if (transfer.position == transfer.layout.end_of(file)) {
        if (transfer.checksum.value() != transfer.manifest.files[file].file_checksum) {
            return fail(transfer, "file " + std::to_string(file) + ": its checksum is wrong");
        }
        transfer.checksum = Checksum64();
    }
    if (transfer.position == transfer.layout.total()) return complete(transfer);
    acknowledge(transfer, SnapshotAck::State::kReceiving);
    write_next(transfer);
}

void SnapshotReceiver::complete(Transfer& transfer) {
    TIMBER_ASSERT(!transfer.writing && !transfer.ended);
    // The Region may have moved on since the offer.
    if (std::optional<std::string> reason = refuse_(transfer.message, transfer.manifest)) {
        return fail(transfer, *reason);
    }
    ReceivedSnapshot received;
    received.metadata = transfer.message.message.snapshot->metadata;
    for (size_t i = 0; i < transfer.files.size(); ++i) {
        const SnapshotManifest::File& file = transfer.manifest.files[i];
        received.files.push_back(
            {transfer.files[i].number, file.family, file.id, file.file_bytes, file.file_checksum});
    }
    received.manifest = transfer.manifest;
    acknowledge(transfer, SnapshotAck::State::kDone);
    done_.push_back(transfer.id);
    if (done_.size() > kDoneRemembered) done_.pop_front();
    ++counts_.received;
    Transfer taken = std::move(transfer);
    transfers_.erase(taken.id);
    if (!deliver_(std::move(taken.message), std::move(received))) discard(taken);
}

void SnapshotReceiver::fail(Transfer& transfer, const std::string& reason) {
    TIMBER_ASSERT(!transfer.ended);
    log_info("Region {}: a snapshot is given up: {}", transfer.message.region.value(), reason);
    ++counts_.failed;
    acknowledge(transfer, SnapshotAck::State::kRefused, reason);
    transfer.ended = true;
    if (!transfer.writing) erase(transfer.id);
}

void SnapshotReceiver::discard(Transfer& transfer) {
    for (const auto& file : transfer.files) host_.engine().state().discard_file(file.number);
    transfer.files.clear();
}

void SnapshotReceiver::erase(const TransferId& id) {
    const auto at = transfers_.find(id);
    TIMBER_ASSERT(at != transfers_.end() && !at->second.writing);
    discard(at->second);
    transfers_.erase(at);
}

void SnapshotReceiver::on_timer() {
    std::vector<TransferId> silent;
    for (const auto& [id, transfer] : transfers_) {
        const bool idle = now() - transfer.heard_at >= host_.options().snapshot_idle_timeout;
        if (idle && !transfer.ended) silent.push_back(id);
    }
    for (const TransferId& id : silent) fail(transfers_.find(id)->second, "the sender is silent");
    if (!transfers_.empty()) host_.loop().start_timer(timer_, kSilenceCheckDelay);
}

void SnapshotReceiver::stop() {
    std::vector<TransferId> running;
    for (const auto& [id, transfer] : transfers_) {
        if (!transfer.ended) running.push_back(id);
    }
    for (const TransferId& id : running) fail(transfers_.find(id)->second, "the Store shuts down");
    if (timer_.armed()) host_.loop().cancel_timer(timer_);
}

}  // namespace timber::raftstore
