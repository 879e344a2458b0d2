#include "src/rpc/poller.h"

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/alarm.h>
#include <grpcpp/support/slice.h>

#include "src/base/assert.h"
#include "src/base/io/log.h"
#include "src/rpc/internal.h"

namespace timber::rpc {

std::string_view to_string(Code code) {
    switch (code) {
        case Code::kOk: return "ok";
        case Code::kCancelled: return "cancelled";
        case Code::kUnknown: return "unknown";
        case Code::kInvalidArgument: return "invalid argument";
        case Code::kDeadlineExceeded: return "deadline exceeded";
        case Code::kNotFound: return "not found";
        case Code::kAlreadyExists: return "already exists";
        case Code::kPermissionDenied: return "permission denied";
        case Code::kResourceExhausted: return "resource exhausted";
        case Code::kFailedPrecondition: return "failed precondition";
        case Code::kAborted: return "aborted";
        case Code::kOutOfRange: return "out of range";
        case Code::kUnimplemented: return "unimplemented";
        case Code::kInternal: return "internal";
        case Code::kUnavailable: return "unavailable";
        case Code::kDataLoss: return "data loss";
        case Code::kUnauthenticated: return "unauthenticated";
    }
    return "a code that gRPC does not have";
}

Poller::Impl::Impl(std::unique_ptr<grpc::CompletionQueue> from, std::string thread_name)
    : queue(std::move(from)), name(std::move(thread_name)), thread([this] { run(); }) {}

void tune_grpc() {
    // Debian builds Abseil so that each lock that gRPC takes is entered into a graph of what was
    // held meanwhile, to find deadlocks of gRPC's own: a tenth of a server's time.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    // It prints a line for each malformed header, of which a stranger can send any number; whoever
    // is concerned is told by an Ending.
    gpr_set_log_function([](gpr_log_func_args* line) {
        log_debug("gRPC, {}:{}: {}", line->file, line->line, line->message);
    });
}

void Poller::Impl::run() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Event*>(tag)->complete(ok);
}

// Deletes itself.
class DelayedCall {
  public:
    DelayedCall(Poller::Impl& poller, std::move_only_function<void()> function)
        : poller_(poller), function_(std::move(function)) {}

    void start(Duration delay) {
        const auto due = std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(delay);
        alarm_.Set(poller_.queue.get(), due, &due_);
    }
    void cancel() { alarm_.Cancel(); }

  private:
    void expire() {
        {
            MutexLock lock(poller_.mutex);
            poller_.delayed.erase(this);
        }
        function_();
        delete this;
    }

    Poller::Impl& poller_;
    std::move_only_function<void()> function_;
    grpc::Alarm alarm_;
    Event due_{[this](bool) { expire(); }};
};

void Poller::Impl::after(Duration delay, std::move_only_function<void()> function) {
    {
        MutexLock lock(mutex);
        if (!stopped) {
            auto* call = new DelayedCall(*this, std::move(function));
            delayed.insert(call);
            call->start(delay);
            return;
        }
    }
    function();
}

void Poller::Impl::stop() {
    {
        MutexLock lock(mutex);
        if (stopped) return;
        stopped = true;
        for (DelayedCall* call : delayed) call->cancel();
    }
    queue->Shutdown();
    thread.join();
}

void Poller::after(Duration delay, std::move_only_function<void()> function) {
    impl_->after(delay, std::move(function));
}

std::unique_ptr<Poller> Poller::start(std::string name) {
    tune_grpc();
    return std::make_unique<Poller>(
        std::make_unique<Impl>(std::make_unique<grpc::CompletionQueue>(), std::move(name)));
}

Poller::Poller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Poller::~Poller() { stop(); }
void Poller::stop() { impl_->stop(); }

Bytes to_bytes(grpc::ByteBuffer& buffer) {
    auto slice = std::make_shared<grpc::Slice>();
    if (!buffer.TrySingleSlice(slice.get()).ok() && !buffer.DumpToSingleSlice(slice.get()).ok())
        return {};
    const auto* data = reinterpret_cast<const std::byte*>(slice->begin());
    const size_t size = slice->size();
    return Bytes(slice, ByteView(data, size));
}

grpc::ByteBuffer to_buffer(const std::vector<Bytes>& pieces) {
    std::vector<grpc::Slice> slices;
    slices.reserve(pieces.size());
    for (const Bytes& piece : pieces) {
        if (piece.size() <= 64) {  // as cheap to copy as to share
            slices.emplace_back(piece.bytes().data(), piece.size());
            continue;
        }
        auto* held = new Bytes(piece);  // owned by the slice
        slices.emplace_back(
            const_cast<std::byte*>(held->bytes().data()), held->size(),
            [](void* owner) { delete static_cast<Bytes*>(owner); }, held);
    }
    return grpc::ByteBuffer(slices.data(), slices.size());
}

grpc::ByteBuffer to_buffer(std::string text) {
    if (text.size() <= 512) {
        grpc::Slice slice(text);
        return grpc::ByteBuffer(&slice, 1);
    }
    auto* held = new std::string(std::move(text));  // owned by the slice
    grpc::Slice slice(
        held->data(), held->size(), [](void* owner) { delete static_cast<std::string*>(owner); },
        held);
    return grpc::ByteBuffer(&slice, 1);
}

grpc::Status to_status(Code code, const std::string& message) {
    return code == Code::kOk ? grpc::Status()
                             : grpc::Status(static_cast<grpc::StatusCode>(code), message);
}

Ending to_ending(const grpc::Status& status) {
    const int code = status.error_code();
    const bool known = code >= 0 && code <= static_cast<int>(Code::kUnauthenticated);
    return {known ? static_cast<Code>(code) : Code::kUnknown, status.error_message()};
}

}  // namespace timber::rpc
