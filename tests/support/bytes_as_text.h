#pragma once
// Bytes as hexadecimal text, for golden values.
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"

namespace timber {

inline std::string to_hex(ByteView bytes) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::byte byte : bytes) {
        text += kDigits[static_cast<size_t>(byte >> 4)];
        text += kDigits[static_cast<size_t>(byte & std::byte{15})];
    }
    return text;
}

// Of text without anything but digits.
inline std::vector<std::byte> from_hex(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::vector<std::byte> bytes;
    for (size_t at = 0; at + 1 < text.size(); at += 2)
        bytes.push_back(static_cast<std::byte>(digit(text[at]) * 16 + digit(text[at + 1])));
    return bytes;
}

}  // namespace timber
