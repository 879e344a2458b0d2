// One batch for the writes of all Regions that have some.
#include <algorithm>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

// A batch is closed once it holds this much: what comes behind it need not wait for all of it. The
// other half is for the write that comes last.
static size_t batch_bytes_target(const storage::StorageEngine& engine) {
    return std::min<size_t>(16_MiB, engine.commit_bytes_max() / 2);
}

void Store::Core::commit_writes() {
    while (!writers_.empty() && !engine_busy_ && !urgent_refused_ && commit_some()) {
    }
    if (TIMBER_MISTAKE(rs_full_disk_acknowledges) && disk_full_) {
        for (const RegionId region : writers_) find_peer(region)->send_held();
    }
}

// False if there is nothing that may go now.
bool Store::Core::commit_some() {
    storage::WriteBatch batch;
    std::vector<CommitPart> parts;
    bool urgent = true;
    if (fill_batch(batch, parts, urgent) == 0) {
        if (!TIMBER_MISTAKE(rs_install_in_two_steps) || batch.empty()) return false;
        const Status first = engine_->commit(std::move(batch), [this](const Status&) {
            for (const RegionId region : writers_) wake(region);
        });
        return first.ok();
    }
    const Status status = engine_->commit(
        std::move(batch), [this, parts](const Status& done) { batch_done(parts, done); }, urgent);
    if (!status.ok()) {
        batch_refused(status.error(), urgent);
        return true;
    }
    batch_accepted(parts, urgent);
    return true;
}

size_t Store::Core::fill_batch(storage::WriteBatch& batch, std::vector<CommitPart>& parts,
                               bool& urgent) {
    const size_t target = batch_bytes_target(*engine_);
    for (auto at = writers_.begin(); at != writers_.end() && batch.bytes() < target;) {
        Peer* peer = find_peer(*at);
        if (peer == nullptr || peer->destroying() || !peer->writes().has_waiting()) {
            at = writers_.erase(at);
            continue;
        }
        const PeerWrites& writes = peer->writes();
        const PeerWrites::Offer offer =
            writes.offer(target - batch.bytes(), disk_full_ && !probing_room_);
        const RegionId region = *at++;
        if (offer.count == 0) continue;
        // An install keeps its batch from being done for long; nobody else waits with it.
        const bool install = writes.waiting(0).snapshot != nullptr;
        if (install && !parts.empty()) continue;
        if (TIMBER_MISTAKE(rs_install_in_two_steps) && install && peer->clear_first(batch)) break;
        peer->add_writes(offer.count, batch);
        parts.push_back({region, offer.count, writes.waiting(0).number,
                         writes.waiting(offer.count - 1).number});
        urgent = urgent && offer.urgent;
        if (install) break;
    }
    return parts.size();
}

void Store::Core::batch_accepted(const std::vector<CommitPart>& parts, bool urgent) {
    if (!urgent) disk_full_ = probing_room_ = false;
    for (const CommitPart& part : parts) {
        Peer* peer = find_peer(part.region);
        peer->writes().accepted(part.count);
        if (!peer->writes().has_waiting()) writers_.erase(part.region);
    }
}

// The writes stay where they were. Without room, what needs none may still go.
void Store::Core::batch_refused(const Error& error, bool urgent) {
    switch (error.code) {
        case ErrorCode::kBusy: engine_busy_ = true; return;
        case ErrorCode::kNoSpace:
            if (!disk_full_) log_warning("no space: {}", error.to_string());
            disk_full_ = true;
            probing_room_ = false;
            urgent_refused_ = urgent;
            return;
        case ErrorCode::kPoisoned:
        case ErrorCode::kClosed: engine_busy_ = true; return;  // the listener tells
        default: engine_busy_ = true; return fail(error);
    }
}

void Store::Core::batch_done(const std::vector<CommitPart>& parts, const Status& status) {
    if (failed_) return;
    if (!status.ok() && status.error().code != ErrorCode::kNoSpace) {
        // kPoisoned: unknown whether done. Nothing that waits for it may be sent any more.
        if (status.error().code != ErrorCode::kClosed) fail(status.error());
        return;
    }
    for (const CommitPart& part : parts) {
        Peer* peer = find_peer(part.region);
        TIMBER_ASSERT(peer != nullptr);  // SC1
        if (status.ok()) {
            peer->writes_durable(part.last);
        } else {
            disk_full_ = true;
            peer->writes_refused(part.first, part.last);
            writers_.insert(part.region);
        }
    }
}

}  // namespace timber::raftstore
