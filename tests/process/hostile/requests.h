#pragma once
// Protobuf's wire format by hand, and the raw API's requests in it: right ones, and hostile ones.
//
// Thread:  plain functions.
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/random.h"

namespace timber::hostile {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kFixed32 = 5 };

std::string proto_varint(uint64_t value);
std::string proto_tag(uint32_t field, WireType type);
std::string proto_number(uint32_t field, uint64_t value);
std::string proto_bytes(uint32_t field, std::string_view bytes);

// The fields that the raw requests share; what they have besides differs by its number.
struct RequestText {
    std::string context{};
    std::string key{};
    std::string value{};
    std::string family{};
    uint32_t limit = 0;
};
std::string get_request(std::string_view key);
std::string raw_request(std::string_view path, const RequestText& text);

// A request to `path` that no honest client sends. Whatever it is, it changes nothing under a key
// that others use, and no membership.
std::string hostile_request(Random& random, std::string_view path);

}  // namespace timber::hostile
