#pragma once
// Numbers with units, as people write them in configurations: "64MiB", "100ms".
//
// Thread:  plain functions.
// Failure: kInvalidArgument that says what would be right.
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/io/clock.h"
#include "src/base/result.h"

namespace timber::server {

// Whole decimal digits and nothing else.
Result<uint64_t> parse_number(std::string_view text);
// With B, KiB, MiB, GiB or TiB; "0" needs no unit.
Result<uint64_t> parse_bytes(std::string_view text);
// With us, ms, s, min or h; "0" needs no unit.
Result<Duration> parse_duration(std::string_view text);
Result<bool> parse_flag(std::string_view text);

// The largest unit that leaves no rest.
std::string print_bytes(uint64_t bytes);
std::string print_duration(Duration duration);

struct HostPort {
    std::string host{};
    uint16_t port = 0;
};
// "127.0.0.1:20160", "[::1]:20160", "db1:20160".
Result<HostPort> parse_address(std::string_view text);
// An address that only this machine reaches.
bool is_loopback(std::string_view host);

}  // namespace timber::server
