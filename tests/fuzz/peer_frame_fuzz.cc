// What another server, or whoever calls itself one, may send: frames, welcomes and envelopes.
#include <cstdint>

#include "src/base/assert.h"
#include "src/raftstore/transport.h"
#include "src/server/peer_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    const auto bytes =
        rpc::Bytes::copy_of(ByteView(reinterpret_cast<const std::byte*>(data), size));
    TIMBER_MAYBE(server::decode_welcome(bytes).ok());
    const auto frame = server::decode_frame(bytes);
    if (!frame) return 0;
    size_t taken = 0;
    for (const rpc::Bytes& envelope : frame->envelopes) {
        taken += envelope.size();
        TIMBER_MAYBE(raftstore::decode_envelope(envelope).ok());
    }
    TIMBER_ASSERT_OP(taken, <=, size);
    return 0;
}
