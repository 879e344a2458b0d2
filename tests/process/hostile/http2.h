#pragma once
// HTTP/2 and gRPC's frames in it, byte by byte: right ones, for whoever makes them wrong.
//
// Thread:  plain functions.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace timber::hostile {

// RFC 9113, section 6.
enum class FrameType : uint8_t {
    kData = 0,
    kHeaders = 1,
    kPriority = 2,
    kReset = 3,
    kSettings = 4,
    kPushPromise = 5,
    kPing = 6,
    kGoAway = 7,
    kWindowUpdate = 8,
    kContinuation = 9,
};
inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kAck = 1;
inline constexpr uint8_t kEndHeaders = 4;
inline constexpr uint8_t kPadded = 8;
inline constexpr size_t kFrameHeaderBytes = 9;
inline constexpr size_t kFramePayloadMax = 16'384;  // unless both sides agree on more

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct HttpSetting {
    uint16_t id = 0;
    uint32_t value = 0;
};

// Numbers in the network's byte order.
std::string big_endian(uint64_t value, size_t bytes);

std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
// One that says that its payload is `length` bytes long.
std::string lying_frame(FrameType type, uint8_t flags, uint32_t stream, uint32_t length,
                        std::string_view payload);
std::string settings_frame(std::span<const HttpSetting> settings);
std::string window_update(uint32_t stream, uint32_t bytes);

// RFC 7541: a number behind `prefix_bits`, and a field that enters no table.
std::string hpack_number(uint8_t first, int prefix_bits, uint64_t value);
std::string hpack_field(std::string_view name, std::string_view value);
// The fields of a gRPC request to `path`.
std::string request_fields(std::string_view path,
                           std::string_view content_type = "application/grpc");

// A gRPC message: five bytes, and `body`.
std::string grpc_message(std::string_view body);
std::string lying_grpc_message(uint8_t compressed, uint32_t length, std::string_view body);

// HEADERS, and DATA that ends the stream.
std::string request_frames(uint32_t stream, std::string_view path, std::string_view body);

}  // namespace timber::hostile
