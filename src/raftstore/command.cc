// Layouts: FORMAT.md, "Commands". The meaning of a version never changes: a Store that replays an
// old log must come to the same state as the one that wrote it.
#include "src/raftstore/command.h"

#include <algorithm>

#include "src/raftstore/codec.h"

namespace timber::raftstore {

static constexpr uint8_t kCommandVersion = 1;
static constexpr uint8_t kChangePeerVersion = 1;

enum class CommandType : uint8_t { kWrite = 0, kCompactLog = 1 };

static CommandType begin_command(Decoder& decoder) {
    decoder.version(kCommandVersion);
    return decoder.choice(CommandType::kCompactLog);
}

size_t encoded_write_bytes(std::span<const WriteOperation> operations) {
    // Version, type, epoch and count; kind, family and two lengths for each operation.
    size_t bytes = 2 + 3 * kVarintBytesMax;
    for (const WriteOperation& operation : operations) {
        bytes += 2 + 2 * kVarintBytesMax + operation.key.size() + operation.value.size();
    }
    return bytes;
}

raft::Payload encode_write(const RegionEpoch& epoch, std::span<const WriteOperation> operations) {
    Encoder encoder(encoded_write_bytes(operations));
    encoder.u8(kCommandVersion);
    encoder.u8(static_cast<uint8_t>(CommandType::kWrite));
    encoder.epoch(epoch);
    encoder.varint(operations.size());
    for (const WriteOperation& operation : operations) {
        TIMBER_ASSERT(operation.family != memtable::Family::kMeta);
        encoder.u8(static_cast<uint8_t>(operation.kind));
        encoder.u8(static_cast<uint8_t>(operation.family));
        encoder.text(operation.key);
        if (operation.kind == WriteOperation::Kind::kPut) encoder.text(operation.value);
    }
    return encoder.take_payload();
}

raft::Payload encode_compact_log(raft::LogIndex index, raft::Term term) {
    Encoder encoder;
    encoder.u8(kCommandVersion);
    encoder.u8(static_cast<uint8_t>(CommandType::kCompactLog));
    encoder.id(index);
    encoder.id(term);
    return encoder.take_payload();
}

static WriteOperation decode_operation(Decoder& decoder) {
    WriteOperation operation;
    operation.kind = decoder.choice(WriteOperation::Kind::kDelete);
    operation.family = decoder.choice(memtable::Family::kWrite);
    operation.key = decoder.text();
    if (operation.kind == WriteOperation::Kind::kPut) operation.value = decoder.text();
    // The limits of the state store, so that what decodes can be applied.
    if (operation.key.size() > memtable::kKeyBytesMax) decoder.malformed();
    if (operation.value.size() > memtable::kValueBytesMax) decoder.malformed();
    return operation;
}

Result<DecodedCommand> decode_command(const raft::Payload& payload) {
    constexpr size_t kOperationBytesMin = 3;
    Decoder decoder("command", payload.bytes());
    DecodedCommand command;
    switch (begin_command(decoder)) {
        case CommandType::kWrite: {
            DecodedWrite write;
            write.epoch = decoder.epoch();
            const size_t count = decoder.count(kOperationBytesMin);
            write.operations.reserve(count);
            for (size_t i = 0; i < count && decoder.ok(); ++i) {
                write.operations.push_back(decode_operation(decoder));
            }
            command = std::move(write);
            break;
        }
        case CommandType::kCompactLog: {
            DecodedCompactLog compact;
            compact.index = decoder.id<raft::LogIndex>();
            compact.term = decoder.id<raft::Term>();
            command = compact;
            break;
        }
    }
    TIMBER_CHECK(decoder.finish());
    return command;
}

raft::Payload encode_change_peer(const RegionEpoch& epoch, const PeerMeta& peer) {
    Encoder encoder;
    encoder.u8(kChangePeerVersion);
    encoder.epoch(epoch);
    encoder.peer(peer);
    return encoder.take_payload();
}

Result<DecodedChangePeer> decode_change_peer(const raft::Payload& context) {
    Decoder decoder("context of a membership change", context.bytes());
    decoder.version(kChangePeerVersion);
    DecodedChangePeer change;
    change.epoch = decoder.epoch();
    change.peer = decoder.peer();
    TIMBER_CHECK(decoder.finish());
    return change;
}

}  // namespace timber::raftstore
