// The servers' own protocol, spoken by strangers: before an introduction, after a wrong one and
// after a right one.
//
// A stranger of this cluster may claim to be a Store that nobody knows, but no member: whoever can
// speak in a member's name can undo what Raft promises. Against those there is byzantine.h, which
// asks for less.
#include <array>

#include "src/base/bytes.h"
#include "tests/process/hostile/attacks.h"
#include "tests/process/hostile/peer_frames.h"
#include "tests/process/hostile/requests.h"

namespace timber::hostile {

namespace {

using Milliseconds = Connection::Milliseconds;

PeerPair stranger(Random& random, const Target& target) {
    const uint64_t id = 1000 + random.below(20);
    return {{storage::ClusterId(target.cluster), storage::StoreId(id), storage::Incarnation(id)},
            target.store};
}

std::string_view any_stream(Random& random) {
    return random.one_in(2) ? "/timberkv.Peer/Messages" : "/timberkv.Peer/Snapshots";
}

void say(Session& session, uint32_t stream, std::string_view message) {
    session.send_data(stream, grpc_message(message), Milliseconds(500));
}

Complaint wrong_introduction(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    const PeerPair pair = stranger(random, target);
    for (int i = 0; i < 10 && session.open(); ++i) {
        const uint32_t stream = session.begin(any_stream(random));
        server::PeerHello hello = hello_of(pair);
        switch (random.below(6)) {
            case 0: hello.from.cluster = storage::ClusterId(random.next()); break;
            case 1: hello.to = storage::StoreId(random.next()); break;
            case 2: hello.protocol_version = static_cast<uint32_t>(random.next()); break;
            case 3: hello.from.store = storage::StoreId(target.store); break;
            case 4: hello.client_address = std::string(random.below(2000), 'a'); break;
            default: break;
        }
        std::string bytes = server::encode_hello(hello);
        if (random.one_in(2)) bytes = mutated(random, bytes);
        if (random.one_in(4)) bytes = frame_of({spoilt_envelope(random, pair)});
        say(session, stream, bytes);
        say(session, stream, frame_of({spoilt_envelope(random, pair)}));
        session.take(Milliseconds(2));
    }
    return {};
}

Complaint spoilt_envelopes(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    const PeerPair pair = stranger(random, target);
    for (int i = 0; i < 20 && session->open(); ++i) {
        const uint32_t stream = session->begin(any_stream(random));
        say(*session, stream, server::encode_hello(hello_of(pair)));
        // One that is refused ends its stream, the others come through.
        for (int j = 0; j < 5 && !session->over(stream); ++j)
            say(*session, stream, frame_of({spoilt_envelope(random, pair)}));
        session->take(Milliseconds(2));
    }
    if (random.one_in(2)) holder.keep(std::move(session));
    return {};
}

// Raft messages of a Store that is no member, from a time that is past.
Complaint stale_raft_messages(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    const PeerPair pair = stranger(random, target);
    const uint32_t stream = session.begin("/timberkv.Peer/Messages");
    say(session, stream, server::encode_hello(hello_of(pair)));
    for (int i = 0; i < 100 && !session.over(stream); ++i) {
        raftstore::Envelope envelope = envelope_of(pair);
        envelope.body = any_raft_message(random, pair, random.between(1, 100), 10);
        const auto bytes = raftstore::encode_envelope(envelope);
        say(session, stream, frame_of({std::string(bytes.text())}));
    }
    session.take(Milliseconds(5));
    return {};
}

// A crowd of Stores that nobody has heard of, each with a long address.
Complaint many_strangers(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    for (int i = 0; i < 100 && session->open(); ++i) {
        server::PeerHello hello = hello_of(stranger(random, target));
        hello.from.store = storage::StoreId(1'000'000 + random.below(uint64_t{1} << 40));
        hello.client_address = std::string(100'000, 'a');
        const uint32_t stream = session->begin(any_stream(random));
        say(*session, stream, server::encode_hello(hello));
        if (random.one_in(2)) session->send(frame(FrameType::kReset, 0, stream, big_endian(8, 4)));
    }
    if (random.one_in(4)) holder.keep(std::move(session));
    return {};
}

// Greetings ask for an answer, here at another address each time.
Complaint greetings_from_everywhere(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    const PeerPair pair = stranger(random, target);
    const uint32_t stream = session.begin("/timberkv.Peer/Messages");
    say(session, stream, server::encode_hello(hello_of(pair)));
    for (int i = 0; i < 100 && !session.over(stream); ++i) {
        raftstore::Envelope envelope = envelope_of(pair);
        envelope.body =
            raftstore::Greeting{.address = "127.0.0." + std::to_string(random.between(2, 250)) +
                                           ":" + std::to_string(random.between(1, 1000))};
        say(session, stream, frame_of({std::string(raftstore::encode_envelope(envelope).text())}));
    }
    session.take(Milliseconds(5));
    return {};
}

// Frames as large as they may be, full of things that are small in them and large in memory.
Complaint crowded_frames(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    const PeerPair pair = stranger(random, target);
    const uint32_t stream = session.begin(any_stream(random));
    say(session, stream, server::encode_hello(hello_of(pair)));
    const std::string one = random.one_in(2) ? proto_bytes(2, "") : proto_bytes(1, "");
    std::string crowd;
    while (crowd.size() < 16_MiB) crowd += one;
    session.send_data(stream, grpc_message(crowd), Milliseconds(5000));
    session.take(Milliseconds(5));
    return {};
}

// Large frames of which the last byte never comes.
Complaint huge_frames(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    constexpr size_t kAnnounced = 79_MiB;
    const std::string piece = lying_grpc_message(0, kAnnounced, {}) + std::string(8_MiB, 'u');
    for (uint64_t i = random.between(1, 8); i > 0 && session->open(); --i)
        session->send_data(session->begin(any_stream(random)), piece, Milliseconds(300));
    holder.keep(std::move(session));
    return {};
}

constexpr std::array kPeerAttacks{
    Attack{"wrong introductions", wrong_introduction},
    Attack{"spoilt envelopes", spoilt_envelopes},
    Attack{"Raft messages of a stranger", stale_raft_messages},
    Attack{"many strangers", many_strangers},
    Attack{"greetings from everywhere", greetings_from_everywhere},
    Attack{"crowded frames", crowded_frames},
    Attack{"huge frames that never end", huge_frames},
};

}  // namespace

std::span<const Attack> peer_attacks() { return kPeerAttacks; }

}  // namespace timber::hostile
