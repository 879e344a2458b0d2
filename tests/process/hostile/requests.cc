#include "tests/process/hostile/requests.h"

#include "src/base/bytes.h"

namespace timber::hostile {

namespace {

std::string any_context(Random& random) {
    const auto number = [&] {
        switch (random.below(4)) {
            case 0: return uint64_t{0};
            case 1: return uint64_t{1};
            case 2: return UINT64_MAX;
            default: return random.next();
        }
    };
    const std::string epoch = proto_number(1, number()) + proto_number(2, number());
    const std::string peer = proto_number(1, number()) + proto_number(2, number());
    return proto_number(1, number()) + proto_bytes(2, epoch) + proto_bytes(3, peer) +
           proto_number(5, number());
}

std::string any_key(Random& random) {
    switch (random.below(4)) {
        case 0: return {};
        case 1: return std::string(4_KiB + random.below(3), 'k');
        case 2: return "hostile" + std::string(random.below(200'000), 'k');
        default: return "hostile" + std::to_string(random.below(100));
    }
}

std::string any_family(Random& random) {
    switch (random.below(4)) {
        case 0: return {};
        case 1: return "nonsense";
        case 2: return std::string(random.below(100'000), 'f');
        default: return "\xff\xfe";  // no text
    }
}

std::string nested(uint64_t depth) {
    std::string inner;
    for (uint64_t i = 0; i < depth; ++i) inner = proto_bytes(1, inner);
    return inner;
}

// Fields in themselves without end, of the wrong type, or longer than the message.
std::string malformed(Random& random) {
    const auto field = static_cast<uint32_t>(random.between(1, 5));
    switch (random.below(7)) {
        case 0: return proto_number(field, random.next());
        case 1: return nested(random.between(50, 2000));
        case 2: return proto_tag(field, WireType::kBytes) + proto_varint(UINT64_MAX);
        case 3: return proto_tag(field, WireType::kBytes) + proto_varint(0x7fff'ffff) + "short";
        case 4: {
            std::string groups;
            for (uint64_t i = random.between(1, 20'000); i > 0; --i)
                groups += proto_tag(field, WireType::kGroup);
            return groups;
        }
        case 5: return std::string(random.between(1, 20), '\xff');
        default: return proto_tag(0, WireType::kVarint) + "x";
    }
}

// Of timberkv.Admin: nothing that could be done.
std::string admin_request(Random& random, std::string_view path) {
    if (path.ends_with("Status")) return proto_bytes(7, std::string(random.below(5000), 's'));
    const std::string nobody = proto_number(2, UINT64_MAX) + proto_number(3, UINT64_MAX);
    return random.one_in(2) ? malformed(random) : nobody + proto_bytes(4, "nowhere");
}

}  // namespace

std::string proto_varint(uint64_t value) {
    std::string text;
    for (; value >= 128; value >>= 7) text += static_cast<char>(128 | (value & 127));
    return text + static_cast<char>(value);
}

std::string proto_tag(uint32_t field, WireType type) {
    return proto_varint(uint64_t{field} << 3 | static_cast<uint64_t>(type));
}

std::string proto_number(uint32_t field, uint64_t value) {
    return proto_tag(field, WireType::kVarint) + proto_varint(value);
}

std::string proto_bytes(uint32_t field, std::string_view bytes) {
    return (proto_tag(field, WireType::kBytes) + proto_varint(bytes.size())).append(bytes);
}

std::string get_request(std::string_view key) { return proto_bytes(2, key); }

std::string raw_request(std::string_view path, const RequestText& text) {
    std::string bytes;
    if (!text.context.empty()) bytes += proto_bytes(1, text.context);
    bytes += proto_bytes(2, text.key);
    if (path.ends_with("RawPut")) {
        bytes += proto_bytes(3, text.value) + proto_bytes(4, text.family);
    } else if (path.ends_with("RawScan")) {
        bytes += proto_number(3, text.limit) + proto_bytes(4, text.family);
    } else {
        bytes += proto_bytes(3, text.family);
    }
    return bytes;
}

std::string hostile_request(Random& random, std::string_view path) {
    if (path.starts_with("/timberkv.Admin")) return admin_request(random, path);
    if (random.one_in(3)) return malformed(random);
    RequestText text{.key = any_key(random)};
    if (random.one_in(2)) text.context = any_context(random);
    if (random.one_in(2)) text.family = any_family(random);
    if (random.one_in(2)) text.value = std::string(random.below(300'000), 'v');
    constexpr uint32_t kLimits[] = {0, 1, 10'240, 10'241, UINT32_MAX};
    text.limit = kLimits[random.below(std::size(kLimits))];
    return raw_request(path, text);
}

}  // namespace timber::hostile
