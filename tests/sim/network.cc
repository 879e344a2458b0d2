#include "tests/sim/network.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace timber::sim {

using raftstore::Envelope;
using raftstore::StoreId;

SimNetwork::Port::~Port() {
    if (network_.ports_[place_] == this) network_.ports_[place_] = nullptr;
}

void SimNetwork::Port::send(const std::string& address, Envelope envelope) {
    if (plugged_) network_.send(place_, address, envelope);
}

SimNetwork::SimNetwork(SimWorld& world, size_t places)
    : world_(world), places_(places), links_(places * places), ports_(places) {}

SimNetwork::~SimNetwork() {
    TIMBER_ASSERT(std::ranges::all_of(ports_, [](Port* port) { return port == nullptr; }));
}

std::string SimNetwork::address_of(size_t place) { return "store-" + std::to_string(place + 1); }

std::unique_ptr<SimNetwork::Port> SimNetwork::plug_in(size_t place, Port::Receive receive,
                                                      Port::Unreachable unreachable) {
    TIMBER_ASSERT(ports_[place] == nullptr || !ports_[place]->plugged_);
    std::unique_ptr<Port> port(new Port(*this, place, std::move(receive), std::move(unreachable)));
    ports_[place] = port.get();
    return port;
}

size_t SimNetwork::place_of(const std::string& address, StoreId store) const {
    for (size_t place = 0; place < places_; ++place) {
        if (address_of(place) == address) return place;
    }
    return address.empty() && store.value() > 0 ? store.value() - 1 : places_;
}

void SimNetwork::heal() {
    for (Link& each : links_) {
        each.blocked = false;
        each.lose_per_mille = 0;
    }
}

bool SimNetwork::cut() const {
    return std::ranges::any_of(links_, [](const Link& each) { return each.blocked; });
}

void SimNetwork::send(size_t from, const std::string& address, const Envelope& envelope) {
    ++sent_;
    const size_t to = place_of(address, envelope.to);
    Random& random = world_.random();
    if (to >= places_ || to == from) return lost(from, envelope.to);
    const Link& way = link(from, to);
    if (way.blocked || random.below(1000) < faults.lose_per_mille ||
        random.below(1000) < way.lose_per_mille) {
        return lost(from, envelope.to);
    }
    const raft::Payload frame = raftstore::encode_envelope(envelope);
    schedule(from, to, frame);
    if (random.below(1000) < faults.double_per_mille) {
        ++doubled_;
        schedule(from, to, frame);
    }
}

void SimNetwork::schedule(size_t from, size_t to, const raft::Payload& frame) {
    Random& random = world_.random();
    uint64_t delay = random.between(static_cast<uint64_t>(faults.delay_min.count()),
                                    static_cast<uint64_t>(faults.delay_max.count()));
    if (random.below(1000) < faults.straggle_per_mille) {
        delay += random.below(static_cast<uint64_t>(faults.straggle_max.count()) + 1);
    }
    Link& way = link(from, to);
    Instant arrival = world_.now() + Duration(delay);
    if (!faults.reorder) arrival = std::max(arrival, way.last_arrival);  // N1
    way.last_arrival = std::max(arrival, way.last_arrival);
    world_.schedule(arrival,
                    [this, from, to, number = sent_, frame] { deliver(from, to, number, frame); });
}

void SimNetwork::deliver(size_t from, size_t to, uint64_t number, const raft::Payload& frame) {
    Link& way = link(from, to);
    Result<Envelope> envelope = raftstore::decode_envelope(frame);
    TIMBER_ASSERT(envelope.ok());
    // What was under way when the link broke is gone with it.
    if (way.blocked) return lost(from, envelope->to);
    Port* const port = ports_[to];
    if (port == nullptr || !port->plugged_) return lost(from, envelope->to);
    if (number < way.last_number) ++overtaken_;
    way.last_number = std::max(way.last_number, number);
    ++delivered_;
    port->receive_(std::move(*envelope));
}

void SimNetwork::lost(size_t from, StoreId to) {
    ++lost_;
    Port* const port = ports_[from];
    if (!faults.tell_unreachable || port == nullptr || !port->unreachable_) return;
    if (!world_.random().one_in(4)) return;
    world_.schedule(world_.now(), [this, from, to] {
        Port* const sender = ports_[from];
        if (sender != nullptr && sender->plugged_ && sender->unreachable_) sender->unreachable_(to);
    });
}

}  // namespace timber::sim
