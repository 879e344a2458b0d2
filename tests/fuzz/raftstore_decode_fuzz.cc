// Everything that the raftstore reads from disk and wire, on arbitrary bytes.
//
// The first byte says which decoder; an envelope is tried as it is, and once more with its checksum
// made right, so that what lies behind it is reached. What decodes encodes to the same value again.
#include <cstdint>
#include <cstring>
#include <string>

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/raftstore/command.h"
#include "src/raftstore/region.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {
namespace {

void try_command(const raft::Payload& payload) {
    const Result<DecodedCommand> command = decode_command(payload);
    if (!command.ok()) return;
    if (const auto* write = std::get_if<DecodedWrite>(&*command)) {
        const raft::Payload again = encode_write(write->epoch, write->operations);
        TIMBER_ASSERT(decode_command(again).ok());
        return;
    }
    const auto& compact = std::get<DecodedCompactLog>(*command);
    TIMBER_ASSERT(decode_command(encode_compact_log(compact.index, compact.term)).ok());
}

void try_envelope(const raft::Payload& frame) {
    const Result<Envelope> envelope = decode_envelope(frame);
    if (!envelope.ok()) return;
    const Result<Envelope> again = decode_envelope(encode_envelope(*envelope));
    TIMBER_ASSERT(again.ok());
    TIMBER_ASSERT(again->body.index() == envelope->body.index());
}

void try_sealed_envelope(ByteView bytes) {
    std::vector<std::byte> sealed(bytes.begin(), bytes.end());
    if (sealed.size() < sizeof(uint32_t)) return;
    store(sealed.data(), checksum32(ByteView(sealed).subspan(sizeof(uint32_t))));
    try_envelope(raft::Payload::copy_of(sealed));
}

}  // namespace
}  // namespace timber::raftstore

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::raftstore;
    if (size == 0) return 0;
    const ByteView bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    const raft::Payload payload = raft::Payload::copy_of(bytes);
    switch (data[0] % 5) {
        case 0: try_command(payload); break;
        case 1: {
            const auto state = decode_region_local_state(as_text(bytes));
            if (!state.ok()) break;
            const std::string again = encode_region_local_state(*state);
            TIMBER_ASSERT(*decode_region_local_state(again) == *state);
            break;
        }
        case 2: {
            const auto manifest = decode_snapshot_manifest(payload);
            if (!manifest.ok()) break;
            const raft::Payload again = encode_snapshot_manifest(*manifest);
            TIMBER_ASSERT(*decode_snapshot_manifest(again) == *manifest);
            break;
        }
        case 3: (void)decode_change_peer(payload).ok(); break;
        case 4:
            try_envelope(payload);
            try_sealed_envelope(bytes);
            break;
    }
    return 0;
}
