#include "tests/process/hostile/attacks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/process/hostile/requests.h"

namespace timber::hostile {

namespace {

// Of a thread's; fewer than a server has room for, so that others find some.
constexpr size_t kHeldMax = 60;

}  // namespace

void Holder::keep(std::unique_ptr<Connection> connection) {
    add({.connection = std::move(connection)});
}

void Holder::keep(std::unique_ptr<Session> session) { add({.session = std::move(session)}); }

void Holder::dribble_on(std::unique_ptr<Connection> connection, std::string rest) {
    add({.connection = std::move(connection), .rest = std::move(rest)});
}

void Holder::add(Held held) {
    held_.push_back(std::move(held));
    if (held_.size() <= kHeldMax) return;
    const auto leaving = held_.begin() + static_cast<ptrdiff_t>(random_.below(held_.size()));
    Connection& connection =
        leaving->session ? leaving->session->connection() : *leaving->connection;
    if (random_.one_in(2)) connection.abort();
    held_.erase(leaving);
}

void Holder::dribble() {
    for (Held& held : held_) {
        if (held.rest.empty()) continue;
        held.connection->send(std::string_view(held.rest).substr(0, 1));
        held.rest.erase(0, 1);
    }
}

std::string random_bytes(Random& random, uint64_t size_max) {
    std::string bytes(random.below(size_max + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    return bytes;
}

std::string mutated(Random& random, std::string bytes) {
    for (uint64_t i = random.between(1, 4); i > 0 && !bytes.empty(); --i) {
        const uint64_t at = random.below(bytes.size());
        const uint64_t count = random.between(1, std::min<uint64_t>(bytes.size() - at, 32));
        switch (random.below(6)) {
            case 0: bytes[at] = static_cast<char>(random.below(256)); break;
            case 1: bytes.resize(at); break;
            case 2: bytes.erase(at, count); break;
            case 3: bytes.insert(at, bytes.substr(at, count)); break;
            case 4: bytes.insert(at, random_bytes(random, 16)); break;
            default: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.below(8)); break;
        }
    }
    return bytes;
}

std::string_view any_method(Random& random, const Target& target) {
    static constexpr std::array<std::string_view, 2> kOfPeers{"/timberkv.Peer/Messages",
                                                              "/timberkv.Peer/Snapshots"};
    static constexpr std::array<std::string_view, 7> kOfClients{
        "/tinykvpb.TinyKv/RawGet",     "/tinykvpb.TinyKv/RawPut", "/tinykvpb.TinyKv/RawDelete",
        "/tinykvpb.TinyKv/RawScan",    "/timberkv.Admin/Status",  "/timberkv.Admin/TransferLeader",
        "/timberkv.Admin/ChangeMember"};
    if (target.of_peers) return kOfPeers[random.below(kOfPeers.size())];
    return kOfClients[random.below(kOfClients.size())];
}

std::string honest_session(Random& random, const Target& target) {
    std::string bytes(kPreface);
    bytes += settings_frame({});
    bytes += frame(FrameType::kSettings, kAck, 0, {});
    for (uint32_t i = 0; i < 3; ++i)
        bytes += request_frames(2 * i + 1,
                                target.of_peers ? any_method(random, target)
                                                : std::string_view("/tinykvpb.TinyKv/RawGet"),
                                grpc_message(get_request("honest")));
    return bytes;
}

}  // namespace timber::hostile
