// Who knows this Store. Without that a wiped one could take the place of its predecessor: Store 3
// acknowledges an entry to Store 1, loses its disk and is formed again; Store 2, which has never
// heard of the first one and lacks the entry, is elected by its vote.
//
// So a Store that was formed together with others votes for nobody and acknowledges nothing before
// each of them has it, durably, under its incarnation; and who becomes a member later is named in
// the change of membership by the incarnation that the leader knows.
#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/raftstore/local_rows.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

void Store::Core::begin_introductions() {
    if (engine_->local(kIntroducedRow) != nullptr) return take_part();
    for (const auto& [id, peer] : peers_) {
        for (const PeerMeta& member : peer->region().peers) {
            if (member.store == identity_.store) continue;
            introductions_due_.emplace(member.store, member.address);
        }
    }
    log_info("Store {} begins its work when the {} others of its Regions know it",
             identity_.store.value(), introductions_due_.size());
    greet_all();
}

void Store::Core::greet_all() {
    for (const auto& [store, address] : introductions_due_) greet(store, address);
    // The last one knows it, and the disk had no room to remember that.
    if (introductions_due_.empty()) commit_introductions();
}

void Store::Core::greet(StoreId store, const std::string& address) {
    send_to(store, address, Greeting{.answer = false, .address = own_address()});
}

// Where its Regions say that it is.
std::string Store::Core::own_address() const {
    for (const auto& [id, peer] : peers_) {
        const PeerMeta* self = peer->region().find_store(identity_.store);
        if (self != nullptr && !self->address.empty()) return self->address;
    }
    return {};
}

void Store::Core::on_body(StoreId from, Greeting greeting) {
    learn_address({.store = from, .address = greeting.address});
    if (greeting.answer) return;
    send_to(from, greeting.address, Greeting{.answer = true, .address = own_address()});
}

// What a Store takes this one for, it has from its disk.
void Store::Core::introduced_to(const Envelope& envelope) {
    if (takes_part_ || introductions_due_.empty()) return;
    const bool known = envelope.to_incarnation == identity_.incarnation;
    if (!known && !TIMBER_MISTAKE(rs_incarnation_unchecked)) return;
    introductions_due_.erase(envelope.from);
    if (introductions_due_.empty()) commit_introductions();
}

// Else every later life would have to be introduced again, also when one of the others is gone.
void Store::Core::commit_introductions() {
    if (introductions_committing_) return;
    storage::WriteBatch batch;
    batch.put_local(kIntroducedRow, "1");
    const Status status = engine_->commit(
        std::move(batch),
        [this](const Status& done) {
            introductions_committing_ = false;
            if (done.ok() && !failed_ && !closing_) take_part();
        },
        true);
    introductions_committing_ = status.ok();
}

void Store::Core::take_part() {
    TIMBER_ASSERT(!takes_part_);
    takes_part_ = true;
    for (const auto& [id, peer] : peers_) {
        // Nobody else could be elected.
        const std::vector<PeerMeta>& members = peer->region().peers;
        if (members.size() == 1 && members.front().id == peer->id()) peer->campaign();
        active_.insert(id);
    }
    mailbox_.ring();
}

std::optional<Incarnation> Store::Core::incarnation_of(StoreId store) const {
    return store == identity_.store ? identity_.incarnation : incarnations_.known(store);
}

// Of a Store that was not met yet.
bool Store::Core::other_than_membership_says(const Envelope& envelope) const {
    for (const auto& [id, peer] : peers_) {
        const PeerMeta* member = peer->region().find_store(envelope.from);
        if (member != nullptr && member->incarnation != Incarnation(0) &&
            member->incarnation != envelope.from_incarnation) {
            return true;
        }
    }
    return false;
}

}  // namespace timber::raftstore
