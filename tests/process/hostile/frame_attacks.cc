// HTTP/2's frames: wrong ones, and too many of the right ones.
#include <algorithm>
#include <array>
#include <utility>

#include "tests/process/hostile/attacks.h"

namespace timber::hostile {

namespace {

using Milliseconds = Connection::Milliseconds;

// Lets the server take what was sent, and notices that it hung up.
void settle(Session& session) { session.take(Milliseconds(5)); }

Complaint wrong_frames(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    for (uint64_t i = random.between(1, 12); i > 0 && session->open(); --i) {
        const auto type = static_cast<FrameType>(random.below(12));
        const auto flags = static_cast<uint8_t>(random.below(256));
        const auto stream =
            static_cast<uint32_t>(random.one_in(4) ? random.next() : random.below(6));
        const std::string payload = random_bytes(random, 300);
        uint32_t length = static_cast<uint32_t>(payload.size());
        if (random.one_in(4)) length = static_cast<uint32_t>(random.below(0x100'0000));
        session->send(lying_frame(type, flags, stream, length, payload));
    }
    settle(*session);
    if (random.one_in(3)) holder.keep(std::move(session));
    return {};
}

Complaint wrong_settings(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    constexpr uint32_t kValues[] = {0,      1,           100,         16'383,
                                    16'385, 0x7fff'ffff, 0x8000'0000, UINT32_MAX};
    std::array<HttpSetting, 6> settings;
    for (HttpSetting& setting : settings)
        setting = {static_cast<uint16_t>(random.below(10)),
                   kValues[random.below(std::size(kValues))]};
    session.send(settings_frame(settings));
    session.send(request_frames(1, any_method(random, target), grpc_message("x")));
    session.send(window_update(random.one_in(2) ? 0 : 1, kValues[random.below(8)]));
    settle(session);
    return {};
}

// So many frames that ask for an answer that the answers would fill memory if nobody counted.
Complaint flood(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    std::string one;
    switch (random.below(4)) {
        case 0: one = frame(FrameType::kPing, 0, 0, "12345678"); break;
        case 1: one = settings_frame({}); break;
        case 2: one = window_update(0, 1); break;
        default: one = frame(FrameType::kPriority, 0, 3, std::string(5, '\0')); break;
    }
    std::string many;
    for (int i = 0; i < 1000; ++i) many += one;
    for (int i = 0; i < 20 && session->open(); ++i) session->send(many);
    settle(*session);
    if (random.one_in(2)) holder.keep(std::move(session));
    return {};
}

// Streams that end before they are answered.
Complaint rapid_reset(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    for (int i = 0; i < 500 && session.open(); ++i) {
        const uint32_t stream = session.begin(any_method(random, target));
        if (random.one_in(2))
            session.send(frame(FrameType::kData, 0, stream, grpc_message("x").substr(0, 3)));
        session.send(frame(FrameType::kReset, 0, stream, big_endian(8, 4)));
    }
    settle(session);
    return {};
}

// A header block that does not end.
Complaint endless_headers(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    const uint32_t stream = session.next_stream();
    session.send(frame(FrameType::kHeaders, 0, stream, request_fields("/x")));
    const uint64_t kind = random.below(3);
    for (int i = 0; i < 500 && session.open(); ++i) {
        std::string fields;
        if (kind == 0) fields = hpack_field("x" + std::to_string(i), std::string(8000, 'h'));
        if (kind == 1)
            for (int j = 0; j < 1000; ++j) fields += hpack_field("a", "b");
        session.send(frame(FrameType::kContinuation, 0, stream, fields));
        session.take(Milliseconds(0));
    }
    settle(session);
    return {};
}

// Numbers, lengths and tables of header compression.
Complaint wrong_compression(Random& random, const Target& target, Holder&) {
    Session session(target.port);
    std::string fields = request_fields(any_method(random, target));
    switch (random.below(6)) {
        case 0: fields += hpack_number(0x80, 7, random.next()); break;
        case 1: fields += "\x40" + hpack_number(0, 7, UINT32_MAX) + "short"; break;
        case 2: fields += std::string("\x40\x7f") + std::string(5000, '\x80'); break;
        case 3: fields += hpack_number(0x20, 5, UINT32_MAX); break;
        case 4: {
            // One large field enters the table, and is then named in a byte, again and again.
            fields += "\x40" + hpack_number(0, 7, 1) + "b" + hpack_number(0, 7, 3500) +
                      std::string(3500, 'b');
            fields += std::string(5000, '\xbe');
            break;
        }
        default: fields += "\x41\xff" + std::string(300, '\xff'); break;  // no Huffman code
    }
    session.send(frame(FrameType::kHeaders, kEndHeaders | kEndStream, session.next_stream(),
                       std::string_view(fields).substr(0, kFramePayloadMax)));
    settle(session);
    return {};
}

// As many streams as a connection is allowed, and more, that never end.
Complaint open_streams(Random& random, const Target& target, Holder& holder) {
    auto session = std::make_unique<Session>(target.port);
    for (uint64_t i = random.between(100, 3000); i > 0 && session->open(); --i)
        session->begin(any_method(random, target));
    settle(*session);
    holder.keep(std::move(session));
    return {};
}

constexpr std::array kFrameAttacks{
    Attack{"wrong frames", wrong_frames},
    Attack{"wrong settings", wrong_settings},
    Attack{"a flood of small frames", flood},
    Attack{"streams reset at once", rapid_reset},
    Attack{"headers without an end", endless_headers},
    Attack{"wrong header compression", wrong_compression},
    Attack{"streams without an end", open_streams},
};

}  // namespace

std::span<const Attack> frame_attacks() { return kFrameAttacks; }

}  // namespace timber::hostile
