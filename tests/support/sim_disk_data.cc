// The data operations of a simulated disk: read, write, sync, allocate.
#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "tests/support/sim_disk.h"

namespace timber {

namespace {

DiskOperation operation_of(const IoOp& op) {
    switch (op.kind()) {
        case IoKind::kRead: return DiskOperation::kRead;
        case IoKind::kWrite: return DiskOperation::kWrite;
        case IoKind::kSync: return DiskOperation::kSync;
        case IoKind::kAllocate: return DiskOperation::kAllocate;
    }
    TIMBER_UNREACHABLE();
}

ByteView write_bytes(const IoOp& op) { return {op.data(), op.bytes()}; }

bool aligned(const IoOp& op) {
    return op.offset() % kDirectAlignment == 0 && op.bytes() % kDirectAlignment == 0 &&
           reinterpret_cast<uintptr_t>(op.data()) % kDirectAlignment == 0;
}

}  // namespace

void SimDisk::submit(IoOp& op) {
    if (op.home() == nullptr) {
        TIMBER_ASSERT(world_.current_job() != nullptr);
    } else {
        TIMBER_ASSERT(op.home()->on_loop_thread());
    }
    op.start();
    OpenFile& file = opened(op.file());
    const bool transfers = op.kind() == IoKind::kRead || op.kind() == IoKind::kWrite;
    if (transfers && file.direct) TIMBER_ASSERT(aligned(op));
    if (!crashed_) {
        announce(DiskStep::Kind::kSubmit, operation_of(op), file.path, op.offset(), op.bytes());
    }
    const uint64_t number = world_.next_number();
    ++file.in_flight;
    Pending pending{.op = &op, .node = file.node};
    pending.last_change = image_.last_change();
    if (!crashed_)
        pending.fault = faults_.next(operation_of(op), file.path, options_, world_.random());
    const Duration delay = crashed_ ? Duration(1) : data_latency(pending);
    pending_.emplace(number, std::move(pending));
    schedule_completion(number, delay);
}

void SimDisk::wait(IoOp& op) {
    TIMBER_ASSERT(op.home() == nullptr);
    TIMBER_ASSERT(world_.current_job() != nullptr);
    while (op.in_flight()) {
        op.scratch.pointer = world_.current_job();
        world_.park();
    }
}

Duration SimDisk::data_latency(const Pending& pending) {
    if (pending.fault && pending.fault->kind == FaultKind::kStall) return options_.stall;
    switch (pending.op->kind()) {
        case IoKind::kRead: return draw(options_.read_latency);
        case IoKind::kWrite:
            // Done with the flush that makes it durable.
            return draw(options_.write_latency) +
                   (pending.op->durable() ? draw(options_.sync_latency) / 2 : Duration(0));
        case IoKind::kSync: return draw(options_.sync_latency);
        case IoKind::kAllocate: return draw(options_.allocate_latency);
    }
    TIMBER_UNREACHABLE();
}

void SimDisk::schedule_completion(uint64_t number, Duration delay) {
    Pending& pending = pending_.at(number);
    pending.due = world_.now() + delay;
    pending.event = world_.schedule(pending.due, [this, number] { complete(number); });
}

void SimDisk::complete(uint64_t number) {
    Pending& pending = pending_.at(number);
    if (crashed_) {
        finish(number, Error{.code = ErrorCode::kCrashed});
        return;
    }
    const IoOp& op = *pending.op;
    announce(DiskStep::Kind::kComplete, operation_of(op), opened(op.file()).path, op.offset(),
             op.bytes());
    // The hook crashed the disk, and with it gave this operation a new completion.
    if (crashed_) return;
    if (op.kind() == IoKind::kRead && read_first_part(pending)) {
        schedule_completion(number, data_latency(pending));
        return;
    }
    Result<size_t> result = carry_out(pending);
    finish(number, std::move(result));
}

void SimDisk::finish(uint64_t number, Result<size_t> result) {
    IoOp& op = *pending_.at(number).op;
    pending_.erase(number);
    --opened(op.file()).in_flight;
    world_.trace(result ? *result : UINT64_MAX - static_cast<uint64_t>(result.error().code));
    auto* const waiter = static_cast<SimFiber*>(op.scratch.pointer);
    const bool of_job = op.home() == nullptr;
    op.finish(std::move(result));
    if (of_job && waiter != nullptr) world_.wake(*waiter);
}

Result<size_t> SimDisk::carry_out(Pending& pending) {
    switch (pending.op->kind()) {
        case IoKind::kRead: return carry_out_read(pending);
        case IoKind::kWrite: return carry_out_write(pending);
        case IoKind::kSync: return carry_out_sync(pending);
        case IoKind::kAllocate: return carry_out_allocate(pending);
    }
    TIMBER_UNREACHABLE();
}

static Error injected(const Fault& fault) {
    return {.code = fault.error, .os_error = EIO, .detail = "injected"};
}

static bool meets(const std::optional<Fault>& fault, FaultKind kind) {
    return fault && fault->kind == kind;
}

// Reads some of it now, if the seed wants it; the rest is left to a second completion.
bool SimDisk::read_first_part(Pending& pending) {
    IoOp& op = *pending.op;
    if (op.scratch.transferred > 0 || op.bytes() < 2 * kSectorBytes) return false;
    if (!world_.random().percent(options_.short_reads_percent)) return false;
    const uint64_t part = world_.random().between(1, op.bytes() / kSectorBytes - 1) * kSectorBytes;
    const size_t got = image_.file(pending.node).read(op.offset(), {op.data(), part});
    // At the end of the file there is no rest.
    if (got < part) return false;
    op.scratch.transferred = part;
    return true;
}

Result<size_t> SimDisk::carry_out_read(const Pending& pending) {
    const IoOp& op = *pending.op;
    if (meets(pending.fault, FaultKind::kError)) return injected(*pending.fault);
    const uint64_t done = op.scratch.transferred;
    const size_t got =
        done +
        image_.file(pending.node).read(op.offset() + done, {op.data() + done, op.bytes() - done});
    if (meets(pending.fault, FaultKind::kBitFlip) && got > 0) {
        const uint64_t bit = world_.random().below(got * 8);
        op.data()[bit / 8] ^= std::byte{1} << (bit % 8);
    }
    return got;
}

Result<size_t> SimDisk::carry_out_write(const Pending& pending) {
    const IoOp& op = *pending.op;
    if (op.bytes() == 0) return size_t{0};
    if (opened(op.file()).read_only) return Error{.code = ErrorCode::kIoError, .os_error = EBADF};
    if (meets(pending.fault, FaultKind::kError))
        return write_and_fail(pending, injected(*pending.fault));
    mark_overtaken(pending);
    if (meets(pending.fault, FaultKind::kLose)) return size_t{op.bytes()};
    DiskFile& file = image_.mutable_file(pending.node);
    uint64_t offset = op.offset();
    std::vector<std::byte> flipped;
    ByteView bytes = write_bytes(op);
    if (meets(pending.fault, FaultKind::kMisdirect)) {
        const uint64_t pages = std::max<uint64_t>(file.size() / kPageBytes, 2);
        offset =
            (offset + world_.random().between(1, pages - 1) * kPageBytes) % (pages * kPageBytes);
    }
    if (meets(pending.fault, FaultKind::kBitFlip)) {
        flipped.assign(bytes.begin(), bytes.end());
        const uint64_t bit = world_.random().below(flipped.size() * 8);
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        bytes = flipped;
    }
    const uint64_t holes = options_.capacity_bytes ? file.holes_within(offset, bytes.size()) : 0;
    if (holes > pages_free())
        return write_and_fail(pending, {.code = ErrorCode::kNoSpace, .os_error = ENOSPC});
    file.write(image_.next_change(), offset, bytes);
    if (op.durable()) file.persist(offset, bytes.size());
    return size_t{op.bytes()};
}

// A failed write: any of its sectors may be there, and no sync will make them durable.
Result<size_t> SimDisk::write_and_fail(const Pending& pending, const Error& error) {
    const IoOp& op = *pending.op;
    DiskFile& file = image_.mutable_file(pending.node);
    const bool fits =
        !options_.capacity_bytes || file.holes_within(op.offset(), op.bytes()) <= pages_free();
    if (fits) {
        const ChangeId change = image_.next_change();
        const Survival survival(world_.random().next(), {change});
        file.write(change, op.offset(), write_bytes(op), &survival);
        file.doubt(change, change);
    }
    return error;
}

Result<size_t> SimDisk::carry_out_sync(const Pending& pending) {
    DiskFile& file = image_.mutable_file(pending.node);
    if (meets(pending.fault, FaultKind::kError)) {
        file.doubt(ChangeId(0), image_.last_change());
        return injected(*pending.fault);
    }
    if (!meets(pending.fault, FaultKind::kLose)) file.sync(pending.last_change);
    return size_t{0};
}

Result<size_t> SimDisk::carry_out_allocate(const Pending& pending) {
    const IoOp& op = *pending.op;
    if (op.bytes() == 0) return Error{.code = ErrorCode::kIoError, .os_error = EINVAL};
    if (opened(op.file()).read_only) return Error{.code = ErrorCode::kIoError, .os_error = EBADF};
    if (meets(pending.fault, FaultKind::kError)) return injected(*pending.fault);
    DiskFile& file = image_.mutable_file(pending.node);
    if (options_.capacity_bytes && file.holes_within(op.offset(), op.bytes()) > pages_free())
        return Error{.code = ErrorCode::kNoSpace, .os_error = ENOSPC};
    file.allocate(image_.next_change(), op.offset(), op.bytes());
    return size_t{0};
}

void SimDisk::mark_overtaken(const Pending& by) {
    for (auto& [number, other] : pending_) {
        if (&other == &by) break;
        const bool writes = other.op->kind() == IoKind::kWrite && other.node == by.node;
        if (writes && other.op->offset() < by.op->offset()) other.overtaken = true;
    }
}

SimDisk::InFlight SimDisk::in_flight() const {
    InFlight counts;
    for (const auto& [number, pending] : pending_) {
        switch (pending.op->kind()) {
            case IoKind::kRead: ++counts.reads; break;
            case IoKind::kWrite: ++counts.writes; break;
            case IoKind::kSync: ++counts.syncs; break;
            case IoKind::kAllocate: ++counts.allocations; break;
        }
        counts.overtaken |= pending.overtaken;
    }
    return counts;
}

}  // namespace timber
