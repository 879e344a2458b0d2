#pragma once
// The raw API's messages, from bytes to the Store's requests and back. All of protobuf that
// clients' requests need is in wire.cc.
//
// Thread:  plain functions.
// Failure: decoders are total. kCorrupted: no such message. Everything else (an unknown column
//          family, an empty key, a limit that is exceeded) is the client's mistake, which the
//          Error's detail explains to it.
#include <string>

#include "src/raftstore/command.h"
#include "src/rpc/types.h"

namespace errorpb {
class Error;
}

namespace timber::server {

enum class RawMethod : uint8_t { kGet, kPut, kDelete, kScan };
inline constexpr RawMethod kRawMethods[] = {RawMethod::kGet, RawMethod::kPut, RawMethod::kDelete,
                                            RawMethod::kScan};
// "/tinykvpb.TinyKv/RawGet" and so on.
const char* path_of(RawMethod method);

struct RawLimits {
    size_t key_bytes_max = 4_KiB;
    size_t value_bytes_max = 8_MiB;
    uint32_t scan_limit_max = 10'240;
};

// Protobuf prints a line for each text that is no UTF-8, of which a client can send any number. For
// the whole process; before the first request is decoded.
void quiet_protobuf();

Result<raftstore::Request> decode_raw(RawMethod method, const rpc::Bytes& bytes,
                                      const RawLimits& limits);
// The answer's message, where the outcome is known.
std::string encode_raw(RawMethod method, const raftstore::Response& response);
// The answer to a request that was refused for what it says.
std::string encode_raw_refusal(RawMethod method, const std::string& reason);

void fill_error(errorpb::Error& to, const raftstore::RegionError& from);

}  // namespace timber::server
