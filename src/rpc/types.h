#pragma once
// What calls carry, and how they end.
//
// Thread: plain values.
#include <cstdint>
#include <string>
#include <string_view>

#include "raft/raft.h"

namespace timber::rpc {

// Immutable, shared bytes: a received message is not copied on its way to the log.
using Bytes = raft::Payload;

// gRPC's status codes, by its numbers.
enum class Code : uint8_t {
    kOk = 0,
    kCancelled = 1,
    kUnknown = 2,  // here: whether a write was done, or will be, is not known
    kInvalidArgument = 3,
    kDeadlineExceeded = 4,
    kNotFound = 5,
    kAlreadyExists = 6,
    kPermissionDenied = 7,
    kResourceExhausted = 8,
    kFailedPrecondition = 9,
    kAborted = 10,
    kOutOfRange = 11,
    kUnimplemented = 12,
    kInternal = 13,
    kUnavailable = 14,
    kDataLoss = 15,
    kUnauthenticated = 16,
};
std::string_view to_string(Code code);

struct Ending {
    Code code = Code::kOk;
    std::string message{};

    bool ok() const { return code == Code::kOk; }
};

// The answer to a unary call.
struct Reply {
    Ending ending{};
    Bytes body{};
};

}  // namespace timber::rpc
