#include "src/raftstore/snapshot_sender.h"

#include <algorithm>

#include "src/base/checksum.h"
#include "src/base/io/log.h"
#include "src/raftstore/peer.h"

namespace timber::raftstore {

// What is not acknowledged for so long is sent again.
static constexpr Duration kResendDelay = std::chrono::milliseconds(1000);
static constexpr Duration kResendCheckDelay = std::chrono::milliseconds(200);

SnapshotSender::SnapshotSender(PeerHost& host, uint64_t seed)
    : host_(host), random_(seed), timer_([this] { on_timer(); }) {
    refilled_at_ = now();
}

Instant SnapshotSender::now() const { return host_.loop().clock().now(); }

bool SnapshotSender::start(RaftMessage message, SnapshotFilesRef files) {
    TIMBER_ASSERT(message.message.snapshot != nullptr && files != nullptr);
    // Raft sends it again because the first one seems lost.
    for (const auto& [number, transfer] : transfers_) {
        if (transfer.message.region == message.region &&
            transfer.message.to_peer.id == message.to_peer.id) {
            end(number, End::kForgotten);
            break;
        }
    }
    if (transfers_.size() >= host_.options().snapshots_sending_max) return false;
    const Result<SnapshotManifest> manifest =
        decode_snapshot_manifest(message.message.snapshot->data);
    TIMBER_ASSERT(manifest.ok());
    const uint64_t number = random_.next();
    Transfer transfer{.id = {host_.identity().store, number},
                      .message = std::move(message),
                      .files = std::move(files),
                      .layout = SnapshotLayout(*manifest)};
    TIMBER_ASSERT_OP(transfer.files->paths().size(), ==, manifest->files.size());
    transfer.progress_at = now();
    log_info("Region {}: snapshot at {} of {} bytes goes to Store {}",
             transfer.message.region.value(),
             transfer.message.message.snapshot->metadata.index.value(), transfer.layout.total(),
             transfer.message.to_peer.store.value());
    offer(transfers_.emplace(number, std::move(transfer)).first->second);
    if (!timer_.armed()) arm(kResendCheckDelay);
    return true;
}

void SnapshotSender::offer(Transfer& transfer) {
    transfer.resent_at = now();
    const PeerMeta& to = transfer.message.to_peer;
    host_.send_to(to.store, to.address, SnapshotOffer{transfer.id, transfer.message});
}

void SnapshotSender::receive(StoreId from, const SnapshotAck& ack) {
    const auto at = transfers_.find(ack.transfer.number);
    if (at == transfers_.end() || ack.transfer.sender != host_.identity().store) return;
    Transfer& transfer = at->second;
    if (transfer.message.to_peer.store != from) return;
    switch (ack.state) {
        case SnapshotAck::State::kDone: return end(at->first, End::kDelivered);
        case SnapshotAck::State::kRefused:
            log_info("Region {}: Store {} refused a snapshot: {}", transfer.message.region.value(),
                     from.value(), ack.reason);
            return end(at->first, End::kFailed);
        case SnapshotAck::State::kReceiving: break;
    }
    const std::optional<uint64_t> position = transfer.layout.position(ack.file, ack.offset);
    if (!position) return;
    if (!transfer.accepted || *position > transfer.acknowledged) {
        transfer.accepted = true;
        transfer.progress_at = transfer.resent_at = now();
        transfer.acknowledged = std::max(transfer.acknowledged, *position);
        transfer.sent = std::max(transfer.sent, transfer.acknowledged);
        if (Peer* peer = host_.find_peer(transfer.message.region)) {
            peer->report_snapshot(transfer.message.to_peer.id, raft::SnapshotReport::kSending);
        }
    }
    pump();
}

void SnapshotSender::refill() {
    const Instant at = now();
    const auto per_second = static_cast<int64_t>(host_.options().snapshot_bytes_per_second);
    // A burst of a tenth of a second, and one chunk at least.
    const int64_t most = std::max<int64_t>(
        per_second / 10, static_cast<int64_t>(host_.options().snapshot_chunk_bytes));
    const int64_t elapsed_us = std::min<int64_t>((at - refilled_at_).count() / 1000, 10'000'000);
    if (elapsed_us == 0) return;
    refilled_at_ = at;
    allowance_ = std::min(most, allowance_ + per_second * elapsed_us / 1'000'000);
}

// Starts what may be read and sent now.
void SnapshotSender::pump() {
    refill();
    bool throttled = false;
    const uint64_t window =
        host_.options().snapshot_window_chunks * host_.options().snapshot_chunk_bytes;
    for (auto& [number, transfer] : transfers_) {
        if (!transfer.accepted || transfer.reading) continue;
        if (transfer.sent >= transfer.layout.total()) continue;
        if (transfer.sent >= transfer.acknowledged + window) continue;
        if (allowance_ <= 0) {
            throttled = true;
            continue;
        }
        read_next(transfer);
    }
    if (throttled && (!timer_.armed() || timer_.deadline() > now() + std::chrono::milliseconds(10)))
        arm(std::chrono::milliseconds(10));
}

using ChunkData = std::shared_ptr<std::vector<std::byte>>;

static Result<ChunkData> read_chunk(Disk& disk, const std::string& path, uint64_t offset,
                                    size_t bytes) {
    TIMBER_TRY(const FileHandle file, disk.open(path, {.read_only = true}));
    auto data = std::make_shared<std::vector<std::byte>>(bytes);
    const Result<size_t> read = await_read(disk, file, path, offset, *data);
    disk.close(file);
    if (!read.ok()) return read.error();
    if (*read != bytes) return file_error(ErrorCode::kCorrupted, path, offset, "cut short");
    return data;
}

void SnapshotSender::read_next(Transfer& transfer) {
    const uint64_t position = transfer.sent;
    const SnapshotLayout::Place place = transfer.layout.place(position);
    const uint64_t bytes = std::min<uint64_t>(host_.options().snapshot_chunk_bytes,
                                              transfer.layout.end_of(place.file) - position);
    transfer.reading = true;
    allowance_ -= static_cast<int64_t>(bytes);
    auto job = [this, &disk = host_.disk(), files = transfer.files, number = transfer.id.number,
                position, place, bytes]() mutable -> PeerHost::Completion {
        auto data = read_chunk(disk, files->paths()[place.file], place.offset, bytes);
        // The files go with their last owner, which must not happen on this thread.
        return
            [this, files = std::move(files), number, position, data = std::move(data)]() mutable {
                chunk_read(number, position, std::move(data));
            };
    };
    host_.run_job("snapshot read", std::move(job));
}

void SnapshotSender::chunk_read(uint64_t number, uint64_t position, Result<ChunkData> data) {
    const auto at = transfers_.find(number);
    if (at == transfers_.end()) return;
    Transfer& transfer = at->second;
    transfer.reading = false;
    if (!data.ok()) {
        log_warning("a snapshot cannot be read: {}", data.error().to_string());
        return end(number, End::kFailed);
    }
    // The receiver may have asked for another place meanwhile.
    if (position == transfer.sent) {
        const SnapshotLayout::Place place = transfer.layout.place(position);
        const ByteView bytes(**data);
        SnapshotChunk chunk{transfer.id, place.file, place.offset, raft::Payload(*data, bytes),
                            checksum64(bytes)};
        transfer.sent += bytes.size();
        const PeerMeta& to = transfer.message.to_peer;
        host_.send_to(to.store, to.address, std::move(chunk));
    }
    pump();
}

void SnapshotSender::end(uint64_t number, End how) {
    const auto at = transfers_.find(number);
    TIMBER_ASSERT(at != transfers_.end());  // SS2
    const RegionId region = at->second.message.region;
    const PeerId to = at->second.message.to_peer.id;
    transfers_.erase(at);
    ++(how == End::kDelivered ? counts_.sent : counts_.failed);
    if (how == End::kForgotten) return;
    if (Peer* peer = host_.find_peer(region)) {
        peer->report_snapshot(to, how == End::kDelivered ? raft::SnapshotReport::kDelivered
                                                         : raft::SnapshotReport::kFailed);
    }
}

void SnapshotSender::forget(RegionId region) {
    std::erase_if(transfers_, [&](const auto& one) { return one.second.message.region == region; });
}

void SnapshotSender::on_timer() {
    std::vector<uint64_t> silent;
    for (auto& [number, transfer] : transfers_) {
        if (now() - transfer.progress_at >= host_.options().snapshot_idle_timeout) {
            silent.push_back(number);
        } else if (now() - transfer.resent_at >= kResendDelay) {
            if (!transfer.accepted || transfer.acknowledged == transfer.layout.total()) {
                // The offer, or the word that all has arrived, was lost.
                offer(transfer);
            } else if (!transfer.reading) {
                transfer.resent_at = now();
                transfer.sent = transfer.acknowledged;
            }
        }
    }
    for (const uint64_t number : silent) end(number, End::kFailed);
    pump();
    if (!transfers_.empty() && !timer_.armed()) arm(kResendCheckDelay);
}

void SnapshotSender::arm(Duration delay) {
    if (timer_.armed()) host_.loop().cancel_timer(timer_);
    host_.loop().start_timer(timer_, delay);
}

void SnapshotSender::stop() {
    transfers_.clear();
    if (timer_.armed()) host_.loop().cancel_timer(timer_);
}

}  // namespace timber::raftstore
