#pragma once
// How a data operation goes on after the kernel did a part of it; the same for every way to ask
// the kernel.
//
// A Descriptor is what the kernel needs to know of an open file. `IoOp::scratch.transferred`
// counts what is done; each request to the kernel is for the rest, and advance_transfer() says
// after each answer whether there is a rest.
//
// Thread: whoever has the operation.
#include <optional>

#include "src/base/io/disk.h"

namespace timber {

struct Descriptor {
    int fd = -1;
    bool direct = false;  // opened with O_DIRECT
};

// The most bytes that one request to the kernel asks for: below the kernel's own limit of
// 2 GiB - 4 KiB, and a multiple of every alignment.
inline constexpr size_t kTransferBytesMax = size_t{1} << 30;

// The part of `op` that the next request covers.
struct TransferPart {
    std::byte* data;
    uint64_t offset;
    size_t bytes;
};
TransferPart next_part(const IoOp& op);

// Takes the kernel's answer to a request for next_part(): bytes (for sync and allocate 0), or minus
// errno. Gives the operation's result, or nothing if the next part must be asked for.
std::optional<Result<size_t>> advance_transfer(IoOp& op, Descriptor file, int64_t answer);

// Carries `op` out on the calling thread with plain system calls.
Result<size_t> transfer_blocking(IoOp& op, Descriptor file);

}  // namespace timber
