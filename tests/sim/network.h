#pragma once
// The network between the machines of a simulated cluster: loss, delay, doubling, overtaking,
// partitions whole and one-way, link by link.
//
// A place is where a machine stands; its address is "store-<number>", and Store n stands at place
// n - 1. Each message goes through its wire form, so what a Store sends is what another one reads.
// A message that is on its way when its receiver dies reaches the receiver's next life.
//
// Thread:     the world's; messages are delivered in steps of their own, outside of loops and jobs.
// Lifetime:   the world outlives the network, which outlives its ports. A port goes before the
//             network does.
// Invariants: N1  without `reorder` a link keeps the order of what it does not lose.
//             N2  what a dead port sends goes nowhere.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/raftstore/transport.h"
#include "tests/support/sim_world.h"

namespace timber::sim {

struct NetworkFaults {
    uint64_t lose_per_mille = 0;
    uint64_t double_per_mille = 0;
    Duration delay_min = std::chrono::microseconds(50);
    Duration delay_max = std::chrono::microseconds(300);
    // Now and then a message takes this long instead; 0: never.
    Duration straggle_max{};
    uint64_t straggle_per_mille = 0;
    bool reorder = false;
    // The sender is told, now and then, that a message of his was lost.
    bool tell_unreachable = false;
};

class SimNetwork {
  public:
    class Port : public raftstore::Transport {
      public:
        ~Port() override;
        void send(const std::string& address, raftstore::Envelope envelope) override;
        // The machine is dead: nothing goes out or comes in any more.
        void unplug() { plugged_ = false; }

      private:
        friend class SimNetwork;
        using Receive = std::function<void(raftstore::Envelope)>;
        using Unreachable = std::function<void(raftstore::StoreId)>;
        Port(SimNetwork& network, size_t place, Receive receive, Unreachable unreachable)
            : network_(network),
              place_(place),
              receive_(std::move(receive)),
              unreachable_(std::move(unreachable)) {}

        SimNetwork& network_;
        const size_t place_;
        const Receive receive_;
        const Unreachable unreachable_;
        bool plugged_ = true;
    };

    SimNetwork(SimWorld& world, size_t places);
    ~SimNetwork();

    static std::string address_of(size_t place);
    // `unreachable` may be empty; it is called in a step of its own, outside of loops.
    std::unique_ptr<Port> plug_in(size_t place, Port::Receive receive,
                                  Port::Unreachable unreachable = {});

    // How the network is now.
    NetworkFaults faults{};
    void block(size_t from, size_t to, bool blocked) { link(from, to).blocked = blocked; }
    bool blocked(size_t from, size_t to) const { return links_[from * places_ + to].blocked; }
    // Additional loss on one link.
    void set_loss(size_t from, size_t to, uint64_t per_mille) {
        link(from, to).lose_per_mille = per_mille;
    }
    // No link is blocked or lossy any more; `faults` stay.
    void heal();
    bool cut() const;
    size_t places() const { return places_; }

    uint64_t sent() const { return sent_; }
    uint64_t lost() const { return lost_; }
    uint64_t delivered() const { return delivered_; }
    uint64_t doubled() const { return doubled_; }
    // Of those delivered: later sent than one that came after them on the same link.
    uint64_t overtaken() const { return overtaken_; }

  private:
    struct Link {
        bool blocked = false;
        uint64_t lose_per_mille = 0;
        Instant last_arrival{};
        uint64_t last_number = 0;
    };
    // Links have the sender's row; outside clients have none.
    Link& link(size_t from, size_t to) { return links_[from * places_ + to]; }
    size_t place_of(const std::string& address, raftstore::StoreId store) const;
    void send(size_t from, const std::string& address, const raftstore::Envelope& envelope);
    void schedule(size_t from, size_t to, const raft::Payload& frame);
    void deliver(size_t from, size_t to, uint64_t number, const raft::Payload& frame);
    void lost(size_t from, raftstore::StoreId to);

    SimWorld& world_;
    const size_t places_;
    std::vector<Link> links_;
    std::vector<Port*> ports_;
    uint64_t sent_ = 0;
    uint64_t lost_ = 0;
    uint64_t delivered_ = 0;
    uint64_t doubled_ = 0;
    uint64_t overtaken_ = 0;
};

}  // namespace timber::sim
