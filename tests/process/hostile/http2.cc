#include "tests/process/hostile/http2.h"

#include <algorithm>

namespace timber::hostile {

std::string big_endian(uint64_t value, size_t bytes) {
    std::string text;
    for (size_t i = bytes; i > 0; --i) text += static_cast<char>(value >> (8 * (i - 1)));
    return text;
}

std::string lying_frame(FrameType type, uint8_t flags, uint32_t stream, uint32_t length,
                        std::string_view payload) {
    std::string text = big_endian(length, 3);
    text += static_cast<char>(type);
    text += static_cast<char>(flags);
    text += big_endian(stream, 4);
    return text.append(payload);
}

std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
    return lying_frame(type, flags, stream, static_cast<uint32_t>(payload.size()), payload);
}

std::string settings_frame(std::span<const HttpSetting> settings) {
    std::string payload;
    for (const HttpSetting& setting : settings)
        payload += big_endian(setting.id, 2) + big_endian(setting.value, 4);
    return frame(FrameType::kSettings, 0, 0, payload);
}

std::string window_update(uint32_t stream, uint32_t bytes) {
    return frame(FrameType::kWindowUpdate, 0, stream, big_endian(bytes, 4));
}

std::string hpack_number(uint8_t first, int prefix_bits, uint64_t value) {
    const uint64_t prefix_max = (uint64_t{1} << prefix_bits) - 1;
    std::string text;
    text += static_cast<char>(first | std::min(value, prefix_max));
    if (value < prefix_max) return text;
    value -= prefix_max;
    for (; value >= 128; value >>= 7) text += static_cast<char>(128 | (value & 127));
    return text + static_cast<char>(value);
}

std::string hpack_field(std::string_view name, std::string_view value) {
    std::string text(1, '\0');
    text += hpack_number(0, 7, name.size());
    text += name;
    text += hpack_number(0, 7, value.size());
    text += value;
    return text;
}

std::string request_fields(std::string_view path, std::string_view content_type) {
    return hpack_field(":method", "POST") + hpack_field(":scheme", "http") +
           hpack_field(":path", path) + hpack_field(":authority", "localhost") +
           hpack_field("te", "trailers") + hpack_field("content-type", content_type);
}

std::string lying_grpc_message(uint8_t compressed, uint32_t length, std::string_view body) {
    std::string text(1, static_cast<char>(compressed));
    text += big_endian(length, 4);
    return text.append(body);
}

std::string grpc_message(std::string_view body) {
    return lying_grpc_message(0, static_cast<uint32_t>(body.size()), body);
}

std::string request_frames(uint32_t stream, std::string_view path, std::string_view body) {
    std::string text = frame(FrameType::kHeaders, kEndHeaders, stream, request_fields(path));
    std::string_view rest = body;
    do {
        const std::string_view piece = rest.substr(0, kFramePayloadMax);
        rest.remove_prefix(piece.size());
        text += frame(FrameType::kData, rest.empty() ? kEndStream : 0, stream, piece);
    } while (!rest.empty());
    return text;
}

}  // namespace timber::hostile
