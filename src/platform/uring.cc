#include "src/platform/uring.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "src/base/io/log.h"

namespace timber {

namespace {

// What a completion is about if it is not about an IoOp.
constexpr uint64_t kWatchData = 1;
static_assert(alignof(IoOp) > kWatchData);

// From the best to the plainest. Completions run in the owner's own system call, without an
// interrupt of whatever it does (DEFER_TASKRUN, Linux 6.1; COOP_TASKRUN, 5.19), and a flag says
// whether that call would find any (TASKRUN_FLAG). R_DISABLED lets another thread than the maker
// become the single issuer.
struct SetupStep {
    unsigned flags;
    bool single_issuer;
};
constexpr std::array<SetupStep, 4> kSetupSteps = {{
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG, true},
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, true},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, false},
    {0, false},
}};

// EXT_ARG (5.11) gives waits a timeout, NODROP keeps completions that find no room.
constexpr unsigned kFeaturesNeeded =
    IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;

void store_descriptor(IoOp& op, Descriptor file) {
    op.scratch.number = uint64_t{static_cast<uint32_t>(file.fd)} << 1 | (file.direct ? 1 : 0);
}

Descriptor load_descriptor(const IoOp& op) {
    return {.fd = static_cast<int>(op.scratch.number >> 1), .direct = (op.scratch.number & 1) != 0};
}

// What a call into the ring may answer besides success: the time is over, a signal came, the kernel
// wants completions to be taken first, or is short of memory. All mean "look again". Anything else
// would go on for ever: a ring that is used from the wrong thread or process.
void check_entered(int answer) {
    if (answer >= 0 || answer == -ETIME || answer == -EINTR || answer == -EBUSY) return;
    if (answer == -EAGAIN || answer == -ENOMEM) return;
    log_error("io_uring_enter: {}", std::strerror(-answer));
    TIMBER_UNREACHABLE();
}

void prepare_entry(io_uring_sqe* entry, const IoOp& op) {
    const TransferPart part = next_part(op);
    const int fd = load_descriptor(op).fd;
    const auto bytes = static_cast<unsigned>(part.bytes);
    switch (op.kind()) {
        case IoKind::kRead: io_uring_prep_read(entry, fd, part.data, bytes, part.offset); return;
        case IoKind::kWrite:
            io_uring_prep_write(entry, fd, part.data, bytes, part.offset);
            if (op.durable()) entry->rw_flags = RWF_DSYNC;
            return;
        case IoKind::kSync: io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC); return;
        case IoKind::kAllocate:
            io_uring_prep_fallocate(entry, fd, 0, static_cast<off_t>(op.offset()),
                                    static_cast<off_t>(op.bytes()));
            return;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace

Result<std::unique_ptr<Uring>> Uring::create(Options options) {
    std::unique_ptr<Uring> made(new Uring);
    int refused = 0;
    for (const SetupStep& step : kSetupSteps) {
        io_uring_params params = {};
        params.flags = step.flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
        params.cq_entries = options.completion_count_max;
        made->disabled_ = options.enable_later && step.single_issuer;
        if (made->disabled_) params.flags |= IORING_SETUP_R_DISABLED;
        refused = io_uring_queue_init_params(options.submission_count_max, &made->ring_, &params);
        if (refused != -EINVAL) break;
    }
    if (refused < 0) {
        made->ring_.ring_fd = -1;
        return os_error(-refused, {}, "io_uring_setup");
    }
    if ((made->ring_.features & kFeaturesNeeded) != kFeaturesNeeded) {
        return make_error(ErrorCode::kUnsupported, "this kernel's io_uring is too old");
    }
    return made;
}

Uring::~Uring() {
    TIMBER_ASSERT_OP(operations_in_flight_, ==, size_t{0});
    if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

Status Uring::probe() {
    TIMBER_TRY(const std::unique_ptr<Uring> ring,
               create({.submission_count_max = 4, .completion_count_max = 8}));
    const int event = ::eventfd(1, EFD_CLOEXEC);
    if (event < 0) return os_error(errno, {}, "eventfd");
    ring->watch(event);
    const int submitted = io_uring_submit(&ring->ring_);
    io_uring_cqe* completion = nullptr;
    __kernel_timespec timeout = {.tv_sec = 1, .tv_nsec = 0};
    const int waited = io_uring_wait_cqe_timeout(&ring->ring_, &completion, &timeout);
    const int answer = waited < 0 ? waited : completion->res;
    ::close(event);
    if (submitted < 0) return os_error(-submitted, {}, "io_uring_enter");
    if (answer < 0) return os_error(-answer, {}, "io_uring poll");
    return {};
}

void Uring::enable() {
    if (disabled_) {
        // Debian 12's shared liburing does not export io_uring_enable_rings.
        const int enabled =
            io_uring_register(ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
        TIMBER_ASSERT_OP(enabled, ==, 0);
        disabled_ = false;
    }
    // Saves looking up the ring's descriptor on every call; a kernel without it is as good.
    (void)io_uring_register_ring_fd(&ring_);
}

io_uring_sqe* Uring::next_entry() { return io_uring_get_sqe(&ring_); }

void Uring::submit(IoOp& op, Descriptor file) {
    store_descriptor(op, file);
    ++operations_in_flight_;
    if (backlog_first_ != nullptr || !fill(op)) push_backlog(op);
}

bool Uring::fill(IoOp& op) {
    io_uring_sqe* entry = next_entry();
    if (entry == nullptr) return false;
    prepare_entry(entry, op);
    io_uring_sqe_set_data(entry, &op);
    return true;
}

void Uring::push_backlog(IoOp& op) {
    op.scratch.pointer = nullptr;
    if (backlog_last_ == nullptr) {
        backlog_first_ = &op;
    } else {
        backlog_last_->scratch.pointer = &op;
    }
    backlog_last_ = &op;
}

void Uring::fill_from_backlog() {
    while (backlog_first_ != nullptr && fill(*backlog_first_)) {
        backlog_first_ = static_cast<IoOp*>(backlog_first_->scratch.pointer);
    }
    if (backlog_first_ == nullptr) backlog_last_ = nullptr;
}

void Uring::watch(int fd) {
    watched_fd_ = fd;
    io_uring_sqe* entry = next_entry();
    watch_armed_ = entry != nullptr;
    if (!watch_armed_) return;  // complete_watch() or the next wait() tries again
    io_uring_prep_poll_multishot(entry, fd, POLLIN);
    io_uring_sqe_set_data64(entry, kWatchData);
}

// Brings everything that is queued into the kernel, up to the last filling of the submission
// queue, which goes along with the call that waits.
void Uring::submit_all_but_last() {
    if (watched_fd_ >= 0 && !watch_armed_) watch(watched_fd_);
    fill_from_backlog();
    while (backlog_first_ != nullptr) {
        const int submitted = io_uring_submit(&ring_);
        check_entered(submitted);
        if (submitted < 0) return;
        fill_from_backlog();
    }
}

bool Uring::kernel_has_work() const {
    constexpr unsigned kFlags = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
    return io_uring_sq_ready(&ring_) > 0 || (IO_URING_READ_ONCE(*ring_.sq.kflags) & kFlags) != 0;
}

void Uring::poll() {
    submit_all_but_last();
    if (kernel_has_work()) check_entered(io_uring_submit_and_get_events(&ring_));
    reap();
}

void Uring::wait(std::optional<Duration> timeout) {
    submit_all_but_last();
    if (io_uring_cq_ready(&ring_) > 0 || backlog_first_ != nullptr) {
        if (kernel_has_work()) check_entered(io_uring_submit_and_get_events(&ring_));
    } else if (timeout) {
        __kernel_timespec time = {.tv_sec = timeout->count() / 1'000'000'000,
                                  .tv_nsec = timeout->count() % 1'000'000'000};
        io_uring_cqe* completion = nullptr;
        check_entered(io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &time, nullptr));
    } else {
        check_entered(io_uring_submit_and_wait(&ring_, 1));
    }
    reap();
}

// Takes the completions that are there when it begins. Each is taken off before it is acted upon,
// because a completion runs the owner's code, which may submit.
void Uring::reap() {
    for (unsigned left = io_uring_cq_ready(&ring_); left > 0; --left) {
        io_uring_cqe* next = nullptr;
        if (io_uring_peek_cqe(&ring_, &next) != 0) return;
        const io_uring_cqe completion = *next;
        io_uring_cqe_seen(&ring_, next);
        if (completion.user_data == kWatchData) {
            complete_watch(completion);
        } else {
            complete(*reinterpret_cast<IoOp*>(completion.user_data), completion.res);
        }
    }
}

void Uring::complete_watch(const io_uring_cqe& completion) {
    if ((completion.flags & IORING_CQE_F_MORE) != 0) return;
    watch_armed_ = false;
    watch(watched_fd_);
}

void Uring::complete(IoOp& op, int64_t answer) {
    auto result = advance_transfer(op, load_descriptor(op), answer);
    if (!result) {
        if (backlog_first_ != nullptr || !fill(op)) push_backlog(op);
        return;
    }
    TIMBER_ASSERT_OP(operations_in_flight_, >, size_t{0});
    --operations_in_flight_;
    if (op.home() != nullptr) {
        op.finish_on_loop(*std::move(result));
    } else {
        op.finish(*std::move(result));
    }
}

}  // namespace timber
