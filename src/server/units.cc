#include "src/server/units.h"

#include <array>
#include <charconv>

namespace timber::server {

namespace {

// Of a name in the DNS; raftstore::kAddressBytesMax leaves room for the port.
constexpr size_t kHostBytesMax = 253;

struct Unit {
    std::string_view name;
    uint64_t factor;
};
constexpr std::array kByteUnits{Unit{"TiB", uint64_t{1} << 40}, Unit{"GiB", 1 << 30},
                                Unit{"MiB", 1 << 20}, Unit{"KiB", 1 << 10}, Unit{"B", 1}};
// In nanoseconds, the largest first; "min" before "m" could be taken for it.
constexpr std::array kTimeUnits{Unit{"h", 3'600'000'000'000}, Unit{"min", 60'000'000'000},
                                Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000}};

Error not_a(std::string_view text, std::string_view what) {
    return make_error(ErrorCode::kInvalidArgument,
                      "'" + std::string(text) + "' is not " + std::string(what));
}

// Digits followed by exactly one of the units.
template <size_t kCount>
Result<uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, kCount>& units,
                                 std::string_view what) {
    if (text == "0") return uint64_t{0};
    const size_t digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return not_a(text, what);
    auto count = parse_number(text.substr(0, digits));
    if (!count) return not_a(text, what);
    for (const Unit& unit : units) {
        if (text.substr(digits) != unit.name) continue;
        uint64_t value = 0;
        if (__builtin_mul_overflow(*count, unit.factor, &value) || value > INT64_MAX)
            return make_error(ErrorCode::kTooLarge, "'" + std::string(text) + "' is too large");
        return value;
    }
    return not_a(text, what);
}

template <size_t kCount>
std::string print_with_unit(uint64_t value, const std::array<Unit, kCount>& units) {
    if (value == 0) return "0";
    for (const Unit& unit : units)
        if (value % unit.factor == 0)
            return std::to_string(value / unit.factor) + std::string(unit.name);
    return std::to_string(value / units.back().factor) + std::string(units.back().name);
}

}  // namespace

Result<uint64_t> parse_number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || text.empty())
        return not_a(text, "a whole number");
    return value;
}

Result<uint64_t> parse_bytes(std::string_view text) {
    return parse_with_unit(text, kByteUnits, "a size such as \"64MiB\" (B, KiB, MiB, GiB, TiB)");
}

Result<Duration> parse_duration(std::string_view text) {
    TIMBER_TRY(const uint64_t value,
               parse_with_unit(text, kTimeUnits, "a time such as \"100ms\" (us, ms, s, min, h)"));
    return Duration(static_cast<int64_t>(value));
}

Result<bool> parse_flag(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return not_a(text, "true or false");
}

std::string print_bytes(uint64_t bytes) { return print_with_unit(bytes, kByteUnits); }

std::string print_duration(Duration duration) {
    return print_with_unit(static_cast<uint64_t>(duration.count()), kTimeUnits);
}

Result<HostPort> parse_address(std::string_view text) {
    const auto wrong = [&] { return not_a(text, "an address such as 127.0.0.1:20160"); };
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return wrong();
    std::string_view host = text.substr(0, colon);
    if (host.front() == '[') {
        if (host.size() < 3 || host.back() != ']') return wrong();
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return wrong();
    }
    if (host.size() > kHostBytesMax) return wrong();
    if (host.find_first_of(" \t\r\n/,=") != std::string_view::npos) return wrong();
    auto port = parse_number(text.substr(colon + 1));
    if (!port || *port > UINT16_MAX) return wrong();
    return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

bool is_loopback(std::string_view host) {
    if (host == "localhost" || host == "::1") return true;
    // Any 127.a.b.c, and nothing that only begins so ("127.example.org").
    return host.starts_with("127.") &&
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace timber::server
