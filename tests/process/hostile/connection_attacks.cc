// Below and at the beginning of HTTP/2: noise, other protocols, connections that do nothing, or too
// many of them.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tests/process/hostile/attacks.h"

namespace timber::hostile {

namespace {

Complaint noise(Random& random, const Target& target, Holder&) {
    Connection connection(target.port);
    std::string bytes = random.one_in(2) ? std::string(kPreface) : std::string();
    bytes += random_bytes(random, random.one_in(4) ? 200'000 : 2000);
    connection.send(bytes);
    if (random.one_in(2)) connection.receive(Connection::Milliseconds(5));
    if (random.one_in(2)) connection.abort();
    return {};
}

Complaint other_protocols(Random& random, const Target& target, Holder&) {
    static const std::array<std::string, 5> kWords{
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /tinykvpb.TinyKv/RawGet HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        // TLS: a handshake's record, a client's hello.
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(507, 'r'),
        "SSH-2.0-OpenSSH_9.2\r\n", "*1\r\n$4\r\nPING\r\n"};
    Connection connection(target.port);
    connection.send(kWords[random.below(kWords.size())]);
    connection.receive(Connection::Milliseconds(5));
    return {};
}

Complaint damaged_session(Random& random, const Target& target, Holder& holder) {
    std::string bytes = mutated(random, honest_session(random, target));
    auto connection = std::make_unique<Connection>(target.port);
    // In pieces that end anywhere.
    std::string_view rest = bytes;
    while (!rest.empty() && connection->open()) {
        const size_t count = std::min<size_t>(rest.size(), random.between(1, 400));
        connection->send(rest.substr(0, count));
        rest.remove_prefix(count);
    }
    connection->receive(Connection::Milliseconds(5));
    if (random.one_in(2)) holder.keep(std::move(connection));
    return {};
}

Complaint silence(Random& random, const Target& target, Holder& holder) {
    auto connection = std::make_unique<Connection>(target.port);
    const std::string begun = honest_session(random, target);
    connection->send(std::string_view(begun).substr(0, random.below(begun.size())));
    holder.keep(std::move(connection));
    return {};
}

Complaint slowly(Random& random, const Target& target, Holder& holder) {
    holder.dribble_on(std::make_unique<Connection>(target.port), honest_session(random, target));
    holder.dribble();
    return {};
}

Complaint crowd(Random& random, const Target& target, Holder&) {
    std::vector<std::unique_ptr<Connection>> connections;
    const std::string begun = honest_session(random, target);
    for (uint64_t i = random.between(50, 250); i > 0; --i) {
        connections.push_back(std::make_unique<Connection>(target.port));
        if (random.one_in(2)) connections.back()->send(begun);
    }
    for (const auto& connection : connections)
        if (random.one_in(2)) connection->abort();
    return {};
}

Complaint hang_up_in_mid_call(Random& random, const Target& target, Holder&) {
    for (int i = 0; i < 10; ++i) {
        Connection connection(target.port);
        const std::string begun = honest_session(random, target);
        connection.send(std::string_view(begun).substr(0, random.below(begun.size())));
        connection.abort();
    }
    return {};
}

constexpr std::array kConnectionAttacks{
    Attack{"noise", noise},
    Attack{"other protocols", other_protocols},
    Attack{"a damaged session", damaged_session},
    Attack{"silence", silence},
    Attack{"a byte now and then", slowly},
    Attack{"a crowd", crowd},
    Attack{"hanging up in mid-call", hang_up_in_mid_call},
};

}  // namespace

std::span<const Attack> connection_attacks() { return kConnectionAttacks; }

}  // namespace timber::hostile
