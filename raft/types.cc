#include "raft/types.h"

#include <cstring>

#include "src/base/coding.h"

namespace timber::raft {

Payload Payload::copy_of(ByteView bytes) {
    if (bytes.empty()) return {};
    auto buffer = std::make_shared<std::byte[]>(bytes.size());
    std::memcpy(buffer.get(), bytes.data(), bytes.size());
    return Payload(buffer, {buffer.get(), bytes.size()});
}

// Layout: type (1 byte), node (varint), context (the rest).
Payload encode_conf_change(const ConfChange& change) {
    TIMBER_ASSERT(change.node != kNobody);
    TIMBER_ASSERT(change.type <= ConfChangeType::kRemove);
    std::vector<std::byte> bytes;
    put_fixed(bytes, static_cast<uint8_t>(change.type));
    put_varint(bytes, change.node.value());
    put_bytes(bytes, change.context.bytes());
    return Payload::copy_of(bytes);
}

Result<ConfChange> decode_conf_change(const Payload& payload) {
    ByteReader reader(payload.bytes());
    const auto type = reader.fixed<uint8_t>();
    const NodeId node(reader.varint());
    if (!reader.ok()) {
        return make_error(ErrorCode::kCorrupted, "membership change: cut short after " +
                                                     std::to_string(payload.size()) + " bytes");
    }
    if (type > static_cast<uint8_t>(ConfChangeType::kRemove)) {
        return make_error(ErrorCode::kNewerFormat,
                          "membership change: unknown type " + std::to_string(type));
    }
    if (node == kNobody) {
        return make_error(ErrorCode::kCorrupted,
                          "membership change: names node 0, which is nobody");
    }
    const ByteView context = reader.bytes(reader.remaining());
    return ConfChange{static_cast<ConfChangeType>(type), node, Payload::copy_of(context)};
}

}  // namespace timber::raft
