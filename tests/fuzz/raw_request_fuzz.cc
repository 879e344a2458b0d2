// What a client may send, and what a server may answer: the first byte says which method, the rest
// is the message. Every input gives a request or an error, and what was taken keeps the limits.
#include <cstdint>

#include "src/base/assert.h"
#include "src/client/messages.h"
#include "src/server/admin_wire.h"
#include "src/server/wire.h"

namespace timber {
namespace {

constexpr server::RawLimits kLimits{
    .key_bytes_max = 64, .value_bytes_max = 128, .scan_limit_max = 1000};

void check_write(const raftstore::WriteRequest& write) {
    TIMBER_ASSERT_OP(write.operations.size(), ==, size_t{1});
    TIMBER_ASSERT(!write.operations[0].key.empty());
    TIMBER_ASSERT_OP(write.operations[0].key.size(), <=, kLimits.key_bytes_max);
    TIMBER_ASSERT_OP(write.operations[0].value.size(), <=, kLimits.value_bytes_max);
    TIMBER_ASSERT(write.operations[0].family != memtable::Family::kMeta);
}

void decode_request(server::RawMethod method, const rpc::Bytes& bytes) {
    const auto request = server::decode_raw(method, bytes, kLimits);
    if (!request) return;
    if (const auto* write = std::get_if<raftstore::WriteRequest>(&*request)) check_write(*write);
    if (const auto* scan = std::get_if<raftstore::ScanRequest>(&*request)) {
        TIMBER_ASSERT_OP(scan->limit, >, 0u);
        TIMBER_ASSERT_OP(scan->limit, <=, kLimits.scan_limit_max);
    }
}

}  // namespace
}  // namespace timber

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    if (size == 0) return 0;
    const uint8_t choice = data[0];
    const auto bytes =
        rpc::Bytes::copy_of(ByteView(reinterpret_cast<const std::byte*>(data + 1), size - 1));
    decode_request(server::kRawMethods[choice % 4], bytes);
    constexpr client::Method kMethods[] = {client::Method::kGet, client::Method::kPut,
                                           client::Method::kDelete, client::Method::kScan,
                                           client::Method::kAdmin};
    const auto judged = client::judge(kMethods[choice % 5], bytes);
    // Only what was surely not done is tried again.
    if (judged.verdict != client::Verdict::kFinal)
        TIMBER_ASSERT(judged.answer.outcome == client::Outcome::kNotDone);
    TIMBER_MAYBE(client::decode_view(bytes).has_value());
    TIMBER_MAYBE(server::decode_transfer(bytes).ok());
    TIMBER_MAYBE(server::decode_member_order(bytes).ok());
    return 0;
}
