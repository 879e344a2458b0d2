#include "src/rpc/server.h"

#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <deque>
#include <list>

#include "src/base/mutex.h"
#include "src/rpc/internal.h"
#include "src/rpc/listener.h"

namespace timber::rpc {

namespace {

// How many calls of a method wait for arrivals on each poller: more than one, so that a burst is
// taken without a round through the queue for each.
constexpr size_t kCallsPosted = 32;

// gRPC's side of a set of methods, registered without generated code.
class RawService final : public grpc::Service {
  public:
    int add(const char* method, grpc::internal::RpcMethod::RpcType type) {
        const int index = count_++;
        AddMethod(new grpc::internal::RpcServiceMethod(method, type, nullptr));
        MarkMethodRaw(index);
        return index;
    }
    using grpc::Service::RequestAsyncBidiStreaming;
    using grpc::Service::RequestAsyncUnary;

  private:
    int count_ = 0;
};

// Large answers that gRPC has not sent yet. Who asks for many and takes none would fill memory with
// them: 200 scans in one packet, of 3 MiB each.
class WaitingAnswers {
  public:
    struct Answer {
        grpc::ServerContext* context;
        size_t bytes;
        bool cancelled = false;
    };
    using Place = std::list<Answer>::iterator;

    explicit WaitingAnswers(size_t bytes_max) : bytes_max_(bytes_max) {}

    // Nothing if there is no room.
    std::optional<Place> add(grpc::ServerContext& context, size_t bytes) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        if (bytes_ + bytes > 2 * bytes_max_) return std::nullopt;
        for (Answer& oldest : answers_) {
            if (wanted_bytes_ + bytes <= bytes_max_) break;
            if (std::exchange(oldest.cancelled, true)) continue;
            wanted_bytes_ -= oldest.bytes;
            oldest.context->TryCancel();
        }
        bytes_ += bytes;
        wanted_bytes_ += bytes;
        return answers_.insert(answers_.end(), {&context, bytes});
    }
    // Before the context goes.
    void remove(Place place) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        bytes_ -= place->bytes;
        if (!place->cancelled) wanted_bytes_ -= place->bytes;
        answers_.erase(place);
    }

  private:
    const size_t bytes_max_;
    Mutex mutex_;
    std::list<Answer> answers_ TIMBER_GUARDED_BY(mutex_);  // the oldest first
    size_t bytes_ TIMBER_GUARDED_BY(mutex_) = 0;
    size_t wanted_bytes_ TIMBER_GUARDED_BY(mutex_) = 0;  // of those that are not cancelled
};
// Smaller ones cost no more than the call itself, which gRPC counts. (An answer to a write is
// smaller: it must not fail for room, because the write was done.)
constexpr size_t kLargeAnswerBytes = 1024;

// What calls need of the server that they belong to.
struct Shared {
    explicit Shared(size_t answer_bytes_max) : answers(answer_bytes_max) {}

    RawService service;
    WaitingAnswers answers;
    std::atomic<size_t> calls_open = 0;
    std::atomic<size_t> streams_open = 0;
    // Held while a call is asked for, so that none is after the draining began: asking after the
    // queue's end would crash gRPC.
    Mutex mutex;
    bool draining TIMBER_GUARDED_BY(mutex) = false;
};

// One unary call, from asking for it to its answer's departure. Deletes itself.
class UnaryCall final : public Call {
  public:
    static void post(Shared& shared, int method, const CallHandler& handler,
                     grpc::ServerCompletionQueue& queue) {
        MutexLock lock(shared.mutex);
        if (shared.draining) return;
        auto* call = new UnaryCall(shared, method, handler, queue);
        shared.service.RequestAsyncUnary(method, &call->context_, &call->request_buffer_,
                                         &call->responder_, &queue, &queue, &call->arrived_);
    }

    const Bytes& request() const override { return request_; }
    std::optional<Duration> time_left() const override {
        const auto deadline = context_.deadline();
        if (deadline == std::chrono::system_clock::time_point::max()) return std::nullopt;
        return std::chrono::duration_cast<Duration>(deadline - std::chrono::system_clock::now());
    }
    void reply(std::string body) override {
        if (body.size() >= kLargeAnswerBytes) {
            waiting_ = shared_.answers.add(context_, body.size());
            if (!waiting_)
                return fail(Code::kResourceExhausted, "too many answers wait for their callers");
        }
        responder_.Finish(to_buffer(std::move(body)), grpc::Status::OK, &finished_);
    }
    void fail(Code code, std::string message) override {
        responder_.FinishWithError(to_status(code, message), &finished_);
    }

  private:
    UnaryCall(Shared& shared, int method, const CallHandler& handler,
              grpc::ServerCompletionQueue& queue)
        : shared_(shared), method_(method), handler_(handler), queue_(queue) {}
    ~UnaryCall() override = default;

    void arrived(bool ok) {
        if (!ok) {  // the server is on its way out
            delete this;
            return;
        }
        post(shared_, method_, handler_, queue_);
        shared_.calls_open.fetch_add(1, std::memory_order_relaxed);
        request_ = to_bytes(request_buffer_);
        handler_(*this);
    }
    void finished(bool) {
        std::atomic<size_t>& open = shared_.calls_open;
        if (waiting_) shared_.answers.remove(*waiting_);
        delete this;
        open.fetch_sub(1, std::memory_order_release);
    }

    Shared& shared_;
    const int method_;
    const CallHandler& handler_;
    grpc::ServerCompletionQueue& queue_;
    grpc::ServerContext context_;
    grpc::ByteBuffer request_buffer_;
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_{&context_};
    Bytes request_;
    std::optional<WaitingAnswers::Place> waiting_;
    Event arrived_{[this](bool ok) { arrived(ok); }};
    Event finished_{[this](bool ok) { finished(ok); }};
};

// One stream that a client opened. Deletes itself once nothing is in flight for it. All on the
// poller's thread.
class ServerStream final : public IncomingStream {
  public:
    static void post(Shared& shared, int method, const StreamHandler& handler,
                     grpc::ServerCompletionQueue& queue) {
        MutexLock lock(shared.mutex);
        if (shared.draining) return;
        auto* stream = new ServerStream(shared, method, handler, queue);
        shared.service.RequestAsyncBidiStreaming(method, &stream->context_, &stream->stream_,
                                                 &queue, &queue, &stream->arrived_);
    }

    void send(std::string message) override {
        if (finishing_) return;
        unsent_.push_back(std::move(message));
        send_next();
    }
    void finish(Code code, std::string message) override {
        if (finishing_) return;
        finishing_ = true;
        status_ = to_status(code, message);
        finish_if_idle();
    }
    std::string caller() const override { return context_.peer(); }

  private:
    ServerStream(Shared& shared, int method, const StreamHandler& handler,
                 grpc::ServerCompletionQueue& queue)
        : shared_(shared), method_(method), handler_(handler), queue_(queue) {}
    ~ServerStream() override = default;

    void arrived(bool ok) {
        if (!ok) {
            delete this;
            return;
        }
        post(shared_, method_, handler_, queue_);
        shared_.streams_open.fetch_add(1);
        listener_ = handler_(*this);
        read_next();
    }
    void read_next() {
        if (finishing_) return;
        reading_ = true;
        stream_.Read(&message_, &read_);
    }
    void read(bool ok) {
        reading_ = false;
        if (ok && !finishing_) {
            listener_->received(to_bytes(message_));
            message_.Clear();
            read_next();
        } else if (!ok) {
            finish(Code::kOk, {});
        }
        delete_if_over();
    }
    void send_next() {
        if (writing_ || unsent_.empty()) return;
        writing_ = true;
        stream_.Write(to_buffer(std::move(unsent_.front())), &written_);
        unsent_.pop_front();
    }
    void written(bool) {
        writing_ = false;
        send_next();
        finish_if_idle();
        delete_if_over();
    }
    void finish_if_idle() {
        if (!finishing_ || writing_ || finish_sent_) return;
        finish_sent_ = true;
        stream_.Finish(status_, &finished_);
    }
    void finished(bool) {
        over_ = true;
        delete_if_over();
    }
    void delete_if_over() {
        if (!over_ || reading_ || writing_) return;
        listener_->closed();
        std::atomic<size_t>& open = shared_.streams_open;
        delete this;
        open.fetch_sub(1);
    }

    Shared& shared_;
    const int method_;
    const StreamHandler& handler_;
    grpc::ServerCompletionQueue& queue_;
    grpc::ServerContext context_;
    grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};
    std::unique_ptr<StreamListener> listener_;
    grpc::ByteBuffer message_;
    std::deque<std::string> unsent_;
    grpc::Status status_;
    bool reading_ = false;
    bool writing_ = false;
    bool finishing_ = false;    // nothing is read or sent any more
    bool finish_sent_ = false;  // gRPC knows
    bool over_ = false;
    Event arrived_{[this](bool ok) { arrived(ok); }};
    Event read_{[this](bool ok) { read(ok); }};
    Event written_{[this](bool ok) { written(ok); }};
    Event finished_{[this](bool ok) { finished(ok); }};
};

void set_limits(grpc::ServerBuilder& builder, const ServerOptions& options) {
    builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               static_cast<int>(options.streams_per_connection_max));
    // Who says nothing goes.
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    grpc::ResourceQuota quota(options.name);
    quota.Resize(options.memory_bytes_max);
    builder.SetResourceQuota(quota);
}

}  // namespace

class Server::Impl {
  public:
    explicit Impl(ServerOptions options)
        : options_(std::move(options)), shared_(options_.answer_bytes_max) {}

    Status start() {
        grpc::ServerBuilder builder;
        set_limits(builder, options_);
        TIMBER_TRY(listener_, Listener::open(options_.address, options_.connections_max));
        auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
            grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
            grpc::InsecureServerCredentials());
        for (const auto& [method, handler] : options_.unary)
            calls_.emplace_back(
                shared_.service.add(method.c_str(), grpc::internal::RpcMethod::NORMAL_RPC),
                &handler);
        for (const auto& [method, handler] : options_.streams)
            streams_.emplace_back(
                shared_.service.add(method.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING),
                &handler);
        builder.RegisterService(&shared_.service);
        std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
        for (size_t i = 0; i < options_.pollers; ++i)
            queues.push_back(builder.AddCompletionQueue());
        server_ = builder.BuildAndStart();
        if (server_ == nullptr) {
            for (auto& queue : queues) queue->Shutdown();
            return make_error(ErrorCode::kInvalidArgument, "gRPC cannot start a server");
        }
        for (auto& queue : queues) {
            post_all(*queue);
            pollers_.push_back(std::make_unique<Poller>(
                std::make_unique<Poller::Impl>(std::move(queue), options_.name)));
        }
        acceptor_ = std::move(acceptor);
        listener_->start(options_.name, [this](int descriptor) {
            grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
            connection.fd = descriptor;
            acceptor_->HandleNewConnection(&connection);
        });
        return {};
    }

    void drain(Duration limit) {
        {
            MutexLock lock(shared_.mutex);
            if (shared_.draining) return;
            shared_.draining = true;
        }
        listener_->stop();
        server_->Shutdown(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::system_clock::duration>(limit));
    }

    void stop() {
        if (server_ == nullptr || stopped_) return;
        stopped_ = true;
        drain(Duration(0));
        // What is still open has been cancelled; its ends go through the queues.
        while (shared_.calls_open.load() + shared_.streams_open.load() > 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        for (auto& poller : pollers_) poller->stop();
        server_.reset();
    }

    int port() const { return listener_->port(); }
    Poller& poller() { return *pollers_.front(); }
    size_t calls_open() const { return shared_.calls_open.load(); }

  private:
    void post_all(grpc::ServerCompletionQueue& queue) {
        for (const auto& [method, handler] : calls_)
            for (size_t i = 0; i < kCallsPosted; ++i)
                UnaryCall::post(shared_, method, *handler, queue);
        for (const auto& [method, handler] : streams_)
            ServerStream::post(shared_, method, *handler, queue);
    }

    const ServerOptions options_;
    Shared shared_;
    std::vector<std::pair<int, const CallHandler*>> calls_;
    std::vector<std::pair<int, const StreamHandler*>> streams_;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<grpc::Server> server_;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
    std::vector<std::unique_ptr<Poller>> pollers_;
    bool stopped_ = false;
};

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
    TIMBER_ASSERT_OP(options.pollers, >, size_t{0});
    tune_grpc();
    auto impl = std::make_unique<Impl>(std::move(options));
    TIMBER_CHECK(impl->start());
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }
int Server::port() const { return impl_->port(); }
Poller& Server::poller() { return impl_->poller(); }
size_t Server::calls_open() const { return impl_->calls_open(); }
void Server::drain(Duration limit) { impl_->drain(limit); }
void Server::stop() { impl_->stop(); }

}  // namespace timber::rpc
