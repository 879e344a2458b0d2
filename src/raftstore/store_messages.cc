// What other Stores say: who they are, first, then what for.
#include <algorithm>
#include <span>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/raftstore/message_checks.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

// Of Stores that were not met before: those that may wait at once, and what is kept of each.
static constexpr size_t kMeetingsMax = 64;
static constexpr size_t kEnvelopesHeldMax = 16;
static constexpr size_t kEnvelopeHeldBytesMax = 64_KiB;
static constexpr size_t kAddressesMax = Incarnations::kStoresMax;

void Store::Core::on_envelope(Envelope envelope) {
    if (failed_ || closing_) return;
    ++messages_received_;
    if (!envelope_counts(envelope)) return;
    const StoreId from = envelope.from;
    std::visit([&](auto& body) { on_body(from, std::move(body)); }, envelope.body);
}

void Store::Core::refuse_envelope(const Envelope& envelope, const std::string& why) {
    ++messages_refused_;
    observer_.stranger(envelope.from, why);
}

// Whether the sender is who this Store knows, and means this Store.
bool Store::Core::envelope_counts(Envelope& envelope) {
    if (envelope.cluster != identity_.cluster) {
        refuse_envelope(envelope, "of another cluster");
        return false;
    }
    if (envelope.to != identity_.store || envelope.from == identity_.store) {
        ++messages_refused_;
        return false;
    }
    // The sender remembers another disk in this Store's place, which had perhaps promised things.
    const bool takes_us_for_another = envelope.to_incarnation != Incarnation(0) &&
                                      envelope.to_incarnation != identity_.incarnation;
    if (takes_us_for_another && !TIMBER_MISTAKE(rs_incarnation_unchecked)) {
        refuse_envelope(envelope, "it knows this Store with another incarnation");
        return false;
    }
    switch (incarnations_.judge(envelope.from, envelope.from_incarnation)) {
        case Incarnations::Verdict::kKnown: introduced_to(envelope); return true;
        case Incarnations::Verdict::kOther:
            refuse_envelope(envelope,
                            "its incarnation is not the one known here: its disk was "
                            "wiped or swapped; replace it by a change of membership");
            return false;
        case Incarnations::Verdict::kTooMany: ++messages_refused_; return false;
        case Incarnations::Verdict::kNew:
            if (other_than_membership_says(envelope)) {
                refuse_envelope(envelope, "its incarnation is not the one that became a member");
            } else {
                meet(std::move(envelope));
            }
            return false;
    }
    TIMBER_UNREACHABLE();
}

// Nothing that it says counts before who it is is durable here.
void Store::Core::meet(Envelope envelope) {
    const StoreId store = envelope.from;
    if (const auto at = meeting_.find(store); at != meeting_.end()) {
        if (at->second.incarnation != envelope.from_incarnation) {
            return refuse_envelope(envelope, "two incarnations speak up at once");
        }
        at->second.hold(std::move(envelope));
        return;
    }
    if (meeting_.size() >= kMeetingsMax) return;
    storage::WriteBatch batch;
    batch.put_local(Incarnations::row_key(store),
                    Incarnations::row_value(envelope.from_incarnation));
    const Status status = engine_->commit(
        std::move(batch), [this, store](const Status& done) { met(store, done); }, true);
    if (!status.ok()) return;  // it will speak up again
    HeldEnvelopes& held = meeting_[store];
    held.incarnation = envelope.from_incarnation;
    held.hold(std::move(envelope));
}

// What is left out comes again, or is as good as lost on the way.
void Store::Core::HeldEnvelopes::hold(Envelope envelope) {
    const bool fits =
        envelopes.size() < kEnvelopesHeldMax && bytes_of(envelope) <= kEnvelopeHeldBytesMax;
    if (fits) envelopes.push_back(std::move(envelope));
}

void Store::Core::met(StoreId store, const Status& status) {
    const auto at = meeting_.find(store);
    TIMBER_ASSERT(at != meeting_.end());
    HeldEnvelopes held = std::move(at->second);
    meeting_.erase(at);
    if (!status.ok()) return;
    log_info("Store {} is known from here on, by incarnation {:016x}", store.value(),
             held.incarnation.value());
    incarnations_.add(store, held.incarnation);
    for (Envelope& envelope : held.envelopes) mailbox_.receive(std::move(envelope));
}

void Store::Core::learn_address(const PeerMeta& peer) {
    if (peer.address.empty()) return;
    if (addresses_.size() >= kAddressesMax && !addresses_.contains(peer.store)) return;
    addresses_.insert_or_assign(peer.store, peer.address);
}

static bool without_payload(std::span<const raft::Entry> entries) {
    return std::ranges::all_of(entries,
                               [](const raft::Entry& entry) { return entry.payload.empty(); });
}

void Store::Core::on_body(StoreId from, RaftMessage message) {
    if (message.from_peer.store != from) return;
    learn_address(message.from_peer);
    if (!takes_part_) return;
    Peer* peer = find_peer(message.region);
    if (peer == nullptr) return on_message_for_missing(std::move(message));
    if (peer->destroying()) return;
    switch (judge_for_peer(message, identity_.store, peer->id(), peer->region())) {
        case MessageVerdict::kTellTombstoneOrStep:
            if (peer->may_tell_removed()) return tell_tombstone(message, peer->region());
            [[fallthrough]];
        case MessageVerdict::kStep:
            // Without room only small things can be written, votes and the empty entry of a new
            // leader, who could serve no read without it: the others come again.
            if (disk_full_ && !without_payload(message.message.entries) &&
                !TIMBER_MISTAKE(rs_full_disk_acknowledges)) {
                return;
            }
            return peer->step(message.from_peer, std::move(message.message));
        case MessageVerdict::kTellTombstone:
            if (peer->may_tell_removed()) tell_tombstone(message, peer->region());
            return;
        case MessageVerdict::kDestroy: return destroy_wanted(message.region);
        case MessageVerdict::kReplace:
            // The one that takes its place is made by a later message, when this one is gone.
            return destroy_wanted(message.region);
        case MessageVerdict::kCreate:
        case MessageVerdict::kDrop: return;
    }
}

void Store::Core::on_message_for_missing(RaftMessage message) {
    const MessageVerdict verdict =
        judge_for_missing(message, identity_.store, tombstone_of(message.region));
    if (verdict == MessageVerdict::kCreate) make_peer(std::move(message));
}

void Store::Core::tell_tombstone(const RaftMessage& about, const Region& region) {
    RaftMessage answer;
    answer.region = about.region;
    answer.from_peer = about.to_peer;
    answer.to_peer = about.from_peer;
    answer.epoch = region.epoch;
    answer.tombstone = true;
    send(std::move(answer));
}

void Store::Core::on_body(StoreId from, SnapshotOffer offer) {
    learn_address(offer.message.from_peer);
    if (!takes_part_) return;
    receiver_->receive(from, std::move(offer));
}

void Store::Core::on_body(StoreId from, SnapshotChunk chunk) {
    receiver_->receive(from, std::move(chunk));
}

void Store::Core::on_body(StoreId from, SnapshotAck ack) { sender_->receive(from, ack); }

void Store::Core::send(RaftMessage message) {
    const StoreId to = message.to_peer.store;
    const std::string address = message.to_peer.address;
    send_to(to, address, std::move(message));
}

void Store::Core::send_to(StoreId store, const std::string& address, Body body) {
    if (failed_ || store == identity_.store) return;
    ++messages_sent_;
    Envelope envelope;
    envelope.cluster = identity_.cluster;
    envelope.from = identity_.store;
    envelope.from_incarnation = identity_.incarnation;
    envelope.to = store;
    envelope.to_incarnation = incarnations_.known(store).value_or(Incarnation(0));
    envelope.body = std::move(body);
    if (!address.empty()) return transport_.send(address, std::move(envelope));
    const auto known = addresses_.find(store);
    transport_.send(known != addresses_.end() ? known->second : std::string(), std::move(envelope));
}

}  // namespace timber::raftstore
