#pragma once
// What strangers do to a listener. Each attack is short, comes from a seed, and ends by itself;
// what it holds on to, silent or half-sent, it leaves with the holder for later.
//
// Thread:  an attack uses nothing but what it is given; a holder belongs to one thread.
// Failure: an attack gives what the server owed it and did not do; hanging up on a stranger is
//          always right.
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/base/random.h"
#include "tests/process/hostile/connection.h"

namespace timber::hostile {

// A listener, and what a stranger that has done his homework knows of it.
struct Target {
    int port = 0;
    bool of_peers = false;
    uint64_t cluster = 0;
    uint64_t store = 0;
};

// Connections that stay open while other things happen.
class Holder {
  public:
    explicit Holder(uint64_t seed) : random_(seed) {}

    // Lets one of the others go, politely or not, if there are too many.
    void keep(std::unique_ptr<Connection> connection);
    void keep(std::unique_ptr<Session> session);
    // One more byte of what each still has to say.
    void dribble();
    void dribble_on(std::unique_ptr<Connection> connection, std::string rest);

  private:
    struct Held {
        std::unique_ptr<Connection> connection{};
        std::unique_ptr<Session> session{};
        std::string rest{};
    };
    void add(Held held);

    Random random_;
    std::deque<Held> held_;
};

using Complaint = std::optional<std::string>;

struct Attack {
    const char* name = "";
    Complaint (*run)(Random& random, const Target& target, Holder& holder) = nullptr;
};

// On TCP and HTTP/2: any listener.
std::span<const Attack> connection_attacks();
std::span<const Attack> frame_attacks();
// On gRPC and what clients may ask, on the clients' listener.
std::span<const Attack> call_attacks();
// On timberkv.Peer.
std::span<const Attack> peer_attacks();

// --- What several of them need ---

std::string random_bytes(Random& random, uint64_t size_max);
// With bits flipped, pieces cut out, doubled or swapped.
std::string mutated(Random& random, std::string bytes);
// A client's whole session: preface, settings and a few right requests.
std::string honest_session(Random& random, const Target& target);
// Methods of the listener.
std::string_view any_method(Random& random, const Target& target);
// How long a server may take for an answer, under a sanitizer and with the others at work.
inline constexpr std::chrono::milliseconds kAnswerLimit{30'000};

}  // namespace timber::hostile
