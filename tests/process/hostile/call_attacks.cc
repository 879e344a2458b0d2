// gRPC's messages and the raw API's requests.
#include <array>
#include <utility>

#include "src/base/bytes.h"
#include "tests/process/hostile/attacks.h"
#include "tests/process/hostile/requests.h"

namespace timber::hostile {

namespace {

using Milliseconds = Connection::Milliseconds;

// HTTP/2 is right here, so each has a right to an answer.
Complaint ask_many(Random& random, const Target& target,
                   std::string (*bytes_of)(Random&, std::string_view)) {
    Session session(target.port);
    for (int i = 0; i < 8 && session.open(); ++i) {
        const std::string_view path = any_method(random, target);
        if (!session.ask(path, bytes_of(random, path), kAnswerLimit))
            return "a call of " + std::string(path) + " was never answered";
    }
    return {};
}

Complaint hostile_requests(Random& random, const Target& target, Holder&) {
    return ask_many(random, target, [](Random& drawn, std::string_view path) {
        return grpc_message(hostile_request(drawn, path));
    });
}

// Messages that are not as long as they say, or not packed as they say, or too many.
Complaint wrong_messages(Random& random, const Target& target, Holder&) {
    return ask_many(random, target, [](Random& drawn, std::string_view path) {
        const std::string body =
            path.starts_with("/timberkv.Admin") ? "\xff" : hostile_request(drawn, path);
        switch (drawn.below(6)) {
            case 0: return std::string();
            case 1: return grpc_message({});
            case 2: return lying_grpc_message(0, UINT32_MAX, body);
            case 3: return lying_grpc_message(1, static_cast<uint32_t>(body.size()), body);
            case 4: return lying_grpc_message(static_cast<uint8_t>(drawn.below(256)), 3, body);
            default: return grpc_message(body) + grpc_message(body) + "rest";
        }
    });
}

Complaint wrong_headers(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    for (int i = 0; i < 8 && session.open(); ++i) {
        const std::string_view path = any_method(random, target);
        std::string fields;
        switch (random.below(6)) {
            case 0: fields = request_fields(path, "application/json"); break;
            case 1: fields = request_fields("/tinykvpb.TinyKv/Raft"); break;
            case 2: fields = request_fields(std::string(6000, '/')); break;
            case 3: fields = hpack_field(":method", "TRACE") + hpack_field(":path", path); break;
            case 4:
                fields = request_fields(path) + hpack_field("grpc-timeout", "999999999999999999H") +
                         hpack_field("grpc-encoding", "nonsense");
                break;
            default:
                fields = request_fields(path) + hpack_field("grpc-timeout", "1n") +
                         hpack_field("x-bin", "%%%not base64");
                break;
        }
        const uint32_t stream = session.next_stream();
        session.send(frame(FrameType::kHeaders, kEndHeaders, stream, fields));
        session.send(frame(FrameType::kData, kEndStream, stream, grpc_message("\xff")));
        session.take(Milliseconds(5));
    }
    return {};
}

// Large requests of which the last byte never comes: what was sent waits somewhere.
Complaint huge_requests(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    const size_t bytes = random.one_in(2) ? 8_MiB : 1_MiB;
    const std::string piece =
        lying_grpc_message(0, static_cast<uint32_t>(bytes), {}) + std::string(bytes - 1, 'u');
    for (uint64_t i = random.between(1, 16); i > 0 && session->open(); --i)
        session->send_data(session->begin("/tinykvpb.TinyKv/RawPut"), piece, Milliseconds(300));
    holder.keep(std::move(session));
    return {};
}

// Requests for large answers that nobody takes.
Complaint answers_not_taken(Random& random, const Target& target, Holder& holder) {
    auto connection = std::make_unique<Connection>(target.port);
    std::string bytes = std::string(kPreface) + settings_frame({});
    RequestText scan{.limit = 10'240};
    const std::string body = raw_request("/tinykvpb.TinyKv/RawScan", scan);
    for (uint32_t i = 0; i < 200; ++i)
        bytes += request_frames(2 * i + 1, "/tinykvpb.TinyKv/RawScan", grpc_message(body));
    connection->send(bytes);
    if (random.one_in(2)) holder.keep(std::move(connection));
    return {};
}

constexpr std::array kCallAttacks{
    Attack{"hostile requests", hostile_requests},
    Attack{"wrong gRPC messages", wrong_messages},
    Attack{"wrong headers", wrong_headers},
    Attack{"huge requests that never end", huge_requests},
    Attack{"answers that nobody takes", answers_not_taken},
};

}  // namespace

std::span<const Attack> call_attacks() { return kCallAttacks; }

}  // namespace timber::hostile
