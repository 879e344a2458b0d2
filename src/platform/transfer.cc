#include "src/platform/transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "src/base/bytes.h"

namespace timber {

namespace {

const char* name_of(IoKind kind) {
    switch (kind) {
        case IoKind::kRead: return "read";
        case IoKind::kWrite: return "write";
        case IoKind::kSync: return "sync";
        case IoKind::kAllocate: return "allocate";
    }
    TIMBER_UNREACHABLE();
}

bool at_end_of_file(int fd, uint64_t offset) {
    struct stat status;
    return ::fstat(fd, &status) == 0 && offset >= static_cast<uint64_t>(status.st_size);
}

// A direct read that stopped between two blocks. At the end of the file that is the result;
// elsewhere the rest could not even be asked for.
std::optional<Result<size_t>> finish_unaligned_read(const IoOp& op, Descriptor file) {
    const uint64_t done = op.scratch.transferred;
    if (at_end_of_file(file.fd, op.offset() + done)) return Result<size_t>(done);
    return Result<size_t>(make_error(ErrorCode::kIoError, "direct read stopped inside a block"));
}

std::optional<Result<size_t>> advance_read(IoOp& op, Descriptor file, size_t answer) {
    uint64_t& done = op.scratch.transferred;
    done += answer;
    TIMBER_ASSERT_OP(done, <=, op.bytes());
    if (answer == 0 || done == op.bytes()) return Result<size_t>(done);
    if (file.direct && done % kDirectAlignment != 0) return finish_unaligned_read(op, file);
    return std::nullopt;
}

std::optional<Result<size_t>> advance_write(IoOp& op, Descriptor file, size_t answer) {
    uint64_t& done = op.scratch.transferred;
    const uint64_t done_before = done;
    done += answer;
    TIMBER_ASSERT_OP(done, <=, op.bytes());
    if (done == op.bytes()) return Result<size_t>(done);
    // A direct write must go on at a block's beginning: it writes the begun block once more.
    if (file.direct) done = round_down(done, kDirectAlignment);
    if (done > done_before) return std::nullopt;
    // Asking again for the same part could go on for ever.
    return Result<size_t>(make_error(ErrorCode::kIoError, "write made no progress"));
}

int64_t blocking_call(const IoOp& op, int fd) {
    const TransferPart part = next_part(op);
    const iovec vector = {part.data, part.bytes};
    const auto offset = static_cast<off_t>(part.offset);
    switch (op.kind()) {
        case IoKind::kRead: return ::preadv(fd, &vector, 1, offset);
        case IoKind::kWrite:
            return ::pwritev2(fd, &vector, 1, offset, op.durable() ? RWF_DSYNC : 0);
        case IoKind::kSync: return ::fdatasync(fd);
        case IoKind::kAllocate: return ::fallocate(fd, 0, offset, static_cast<off_t>(op.bytes()));
    }
    TIMBER_UNREACHABLE();
}

}  // namespace

TransferPart next_part(const IoOp& op) {
    const uint64_t done = op.scratch.transferred;
    return {.data = op.data() == nullptr ? nullptr : op.data() + done,
            .offset = op.offset() + done,
            .bytes = std::min<size_t>(op.bytes() - done, kTransferBytesMax)};
}

std::optional<Result<size_t>> advance_transfer(IoOp& op, Descriptor file, int64_t answer) {
    if (answer == -EINTR || answer == -EAGAIN) return std::nullopt;
    if (answer < 0) {
        return Result<size_t>(os_error(static_cast<int>(-answer), {}, name_of(op.kind())));
    }
    switch (op.kind()) {
        case IoKind::kRead: return advance_read(op, file, static_cast<size_t>(answer));
        case IoKind::kWrite: return advance_write(op, file, static_cast<size_t>(answer));
        case IoKind::kSync:
        case IoKind::kAllocate: return Result<size_t>(size_t{0});
    }
    TIMBER_UNREACHABLE();
}

Result<size_t> transfer_blocking(IoOp& op, Descriptor file) {
    while (true) {
        const int64_t answer = blocking_call(op, file.fd);
        auto result = advance_transfer(op, file, answer < 0 ? -int64_t{errno} : answer);
        if (result) return *std::move(result);
    }
}

}  // namespace timber
