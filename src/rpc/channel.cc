#include "src/rpc/channel.h"

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <list>

#include "src/base/mutex.h"
#include "src/rpc/internal.h"

namespace timber::rpc {

namespace {

std::chrono::system_clock::time_point deadline_in(Duration limit) {
    return std::chrono::system_clock::now() +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(limit);
}

// What is open on a channel: calls and streams, which can be cancelled, and waits for a connection,
// which look whether they are still wanted.
class OpenCalls {
  public:
    using Place = std::list<grpc::ClientContext*>::iterator;

    // Cancels at once what is added after close().
    Place add(grpc::ClientContext& context) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        if (closed_) context.TryCancel();
        ++running_;
        return open_.insert(open_.end(), &context);
    }
    // Before the context goes: from here on nobody cancels it.
    void remove(Place place) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        open_.erase(place);
    }
    bool begin_wait() TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        if (closed_) return false;
        ++running_;
        return true;
    }
    // Once for each add() and begin_wait(), when the call or wait is gone.
    void ended() TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        --running_;
        empty_.notify_all();
    }
    bool closed() const TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return closed_;
    }
    bool idle() const TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return running_ == 0;
    }
    void close() TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        closed_ = true;
        for (grpc::ClientContext* context : open_) context->TryCancel();
        while (running_ > 0) empty_.wait(mutex_);
    }

  private:
    mutable Mutex mutex_;
    ConditionVariable empty_;
    std::list<grpc::ClientContext*> open_ TIMBER_GUARDED_BY(mutex_);
    size_t running_ TIMBER_GUARDED_BY(mutex_) = 0;  // calls, streams and waits
    bool closed_ TIMBER_GUARDED_BY(mutex_) = false;
};
// How long close() may wait for a wait to notice.
constexpr Duration kWaitSlice = std::chrono::milliseconds(100);

// One unary call under way. Deletes itself.
class ClientCall {
  public:
    ClientCall(std::shared_ptr<OpenCalls> open, std::move_only_function<void(Reply)> done)
        : open_(std::move(open)), done_(std::move(done)) {}

    void start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const char* method,
               std::string request, Duration limit) {
        context_.set_deadline(deadline_in(limit));
        place_ = open_->add(context_);
        reader_ = stub.PrepareUnaryCall(&context_, method, to_buffer(std::move(request)), &queue);
        reader_->StartCall();
        reader_->Finish(&response_, &status_, &finished_);
    }

  private:
    void finished() {
        Reply reply{to_ending(status_), {}};
        if (status_.ok()) reply.body = to_bytes(response_);
        done_(std::move(reply));
        const auto open = open_;
        open->remove(place_);
        delete this;
        open->ended();
    }

    std::shared_ptr<OpenCalls> open_;  // shared with the channel, which may go first
    OpenCalls::Place place_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader_;
    grpc::ByteBuffer response_;
    grpc::Status status_;
    std::move_only_function<void(Reply)> done_;
    Event finished_{[this](bool) { finished(); }};
};

// Watches a channel's state until it is connected or has failed. Deletes itself.
class ConnectWait {
  public:
    ConnectWait(std::shared_ptr<OpenCalls> open, std::shared_ptr<grpc::Channel> channel,
                grpc::CompletionQueue& queue, Duration limit,
                std::move_only_function<void(bool)> done)
        : open_(std::move(open)),
          channel_(std::move(channel)),
          queue_(queue),
          deadline_(deadline_in(limit)),
          done_(std::move(done)) {}

    // On the poller's thread only: `done` may then run within.
    void look() {
        const grpc_connectivity_state state = channel_->GetState(true);
        // A failure is the answer only after the attempt that this wait asked for.
        const bool failed = state == GRPC_CHANNEL_SHUTDOWN ||
                            (attempted_ && state == GRPC_CHANNEL_TRANSIENT_FAILURE);
        attempted_ = attempted_ || state == GRPC_CHANNEL_CONNECTING;
        const bool over = open_->closed() || std::chrono::system_clock::now() >= deadline_;
        if (state == GRPC_CHANNEL_READY || failed || over)
            return finish(state == GRPC_CHANNEL_READY);
        channel_->NotifyOnStateChange(state, std::min(deadline_, deadline_in(kWaitSlice)), &queue_,
                                      &changed_);
    }
    void start() { alarm_.Set(&queue_, deadline_in(Duration(0)), &changed_); }

  private:
    void finish(bool connected) {
        done_(connected);
        const auto open = open_;
        delete this;
        open->ended();
    }

    std::shared_ptr<OpenCalls> open_;         // shared with the channel, which may go first
    std::shared_ptr<grpc::Channel> channel_;  // the same
    grpc::CompletionQueue& queue_;
    const std::chrono::system_clock::time_point deadline_;
    std::move_only_function<void(bool)> done_;
    bool attempted_ = false;
    grpc::Alarm alarm_;
    Event changed_{[this](bool) { look(); }};
};

// A stream that we opened: reads all the time, writes when told. Keeps itself alive until closed.
class ClientStream final : public OutgoingStream {
  public:
    ClientStream(std::shared_ptr<OpenCalls> open, std::shared_ptr<OutgoingListener> listener)
        : open_(std::move(open)), listener_(std::move(listener)) {}

    void start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const char* method,
               std::shared_ptr<ClientStream> self) {
        self_ = std::move(self);
        place_ = open_->add(context_);
        stream_ = stub.PrepareCall(&context_, method, &queue);
        stream_->StartCall(&started_);
    }
    void write(std::vector<Bytes> pieces) override TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        if (ending_) return;
        TIMBER_ASSERT(!writing_);
        writing_ = true;
        stream_->Write(to_buffer(pieces), &written_);
    }
    void cancel() override { context_.TryCancel(); }

  private:
    void started(bool ok) {
        if (!ok) return end();
        listener_->opened();
        stream_->Read(&message_, &read_);
    }
    void read(bool ok) {
        if (!ok) return end();
        listener_->received(to_bytes(message_));
        message_.Clear();
        stream_->Read(&message_, &read_);
    }
    void written(bool ok) TIMBER_EXCLUDES(mutex_) {
        bool finish = false;
        {
            MutexLock lock(mutex_);
            writing_ = false;
            finish = ending_;
        }
        if (finish) return finish_call();
        // After a failed write the read fails too, and that is the end.
        if (ok) listener_->written();
    }
    // No read is open any more. The call is asked for its status once no write is either.
    void end() TIMBER_EXCLUDES(mutex_) {
        {
            MutexLock lock(mutex_);
            ending_ = true;
            if (writing_) return;
        }
        finish_call();
    }
    void finish_call() { stream_->Finish(&status_, &finished_); }
    void finished() {
        listener_->closed(to_ending(status_));
        const auto open = open_;
        open->remove(place_);
        self_.reset();  // may be the last reference
        open->ended();
    }

    std::shared_ptr<OpenCalls> open_;             // shared with the channel
    std::shared_ptr<OutgoingListener> listener_;  // shared with whoever opened the stream
    std::shared_ptr<ClientStream> self_;          // until closed
    OpenCalls::Place place_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
    grpc::ByteBuffer message_;
    grpc::Status status_;
    Mutex mutex_;
    bool writing_ TIMBER_GUARDED_BY(mutex_) = false;
    bool ending_ TIMBER_GUARDED_BY(mutex_) = false;
    Event started_{[this](bool ok) { started(ok); }};
    Event read_{[this](bool ok) { read(ok); }};
    Event written_{[this](bool ok) { written(ok); }};
    Event finished_{[this](bool) { finished(); }};
};

int milliseconds(Duration duration) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

grpc::ChannelArguments arguments_of(const ChannelOptions& options) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(options.reconnect_delay_max));
    if (options.keepalive > Duration(0)) {
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive));
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
        arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
        arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    // A connection of its own for each channel: two clients in one process share no fate.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    // What may be retried is decided by who knows what the call does.
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    return arguments;
}

}  // namespace

class Channel::Impl {
  public:
    Impl(Poller& poller, const std::string& address, const ChannelOptions& options)
        : queue(*poller.impl().queue),
          channel(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                            arguments_of(options))),
          stub(channel) {}

    grpc::CompletionQueue& queue;
    std::shared_ptr<grpc::Channel> channel;  // gRPC shares it with calls
    grpc::GenericStub stub;
    // Shared with the calls, which end after the channel.
    std::shared_ptr<OpenCalls> open = std::make_shared<OpenCalls>();
};

std::unique_ptr<Channel> Channel::open(Poller& poller, const std::string& address,
                                       const ChannelOptions& options) {
    return std::unique_ptr<Channel>(new Channel(std::make_unique<Impl>(poller, address, options)));
}

Channel::Channel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Channel::~Channel() { close(); }

void Channel::call(const char* method, std::string request, Duration limit,
                   std::move_only_function<void(Reply)> done) {
    auto* call = new ClientCall(impl_->open, std::move(done));  // deletes itself
    call->start(impl_->stub, impl_->queue, method, std::move(request), limit);
}

bool Channel::connected() const { return impl_->channel->GetState(false) == GRPC_CHANNEL_READY; }

void Channel::when_connected(Duration limit, std::move_only_function<void(bool)> done) {
    const bool taken = impl_->open->begin_wait();
    TIMBER_ASSERT(taken);  // nothing is started after close()
    auto* wait = new ConnectWait(impl_->open, impl_->channel, impl_->queue, limit, std::move(done));
    wait->start();  // deletes itself
}

std::shared_ptr<OutgoingStream> Channel::open_stream(const char* method,
                                                     std::shared_ptr<OutgoingListener> listener) {
    auto stream = std::make_shared<ClientStream>(impl_->open, std::move(listener));
    stream->start(impl_->stub, impl_->queue, method, stream);
    return stream;
}

bool Channel::idle() const { return impl_->open->idle(); }
void Channel::close() { impl_->open->close(); }

}  // namespace timber::rpc
