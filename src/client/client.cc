#include "src/client/client.h"

#include <algorithm>
#include <atomic>
#include <map>

#include "src/base/mutex.h"
#include "src/client/endpoints.h"
#include "src/client/request.h"
#include "src/platform/system_clock.h"
#include "src/rpc/channel.h"

namespace timber::client {

namespace {

constexpr const char* kStatusMethod = "/timberkv.Admin/Status";
// How long one try of a read waits for its server: another one may answer sooner.
constexpr Duration kReadTryLimit = std::chrono::seconds(3);
// How long a try waits for a connection, which goes on being made while the next server is tried.
// A request for one server alone has no next one.
constexpr Duration kConnectLimit = std::chrono::milliseconds(100);
constexpr Duration kOnlyConnectLimit = std::chrono::seconds(1);
// How often the leader is asked who the other servers are. A client that is to survive the
// replacement of all servers that it was told of, one by one, must have met each new one before the
// last old one goes.
constexpr Duration kLookInterval = std::chrono::seconds(2);

using Pending = std::unique_ptr<PendingRequest>;

}  // namespace

class Client::Impl {
  public:
    explicit Impl(const Options& options)
        : options_(options), poller_(rpc::Poller::start("client")), endpoints_(options.endpoints) {}

    ~Impl() {
        std::map<std::string, std::unique_ptr<rpc::Channel>> channels;
        {
            MutexLock lock(mutex_);
            closing_ = true;
            channels.swap(channels_);
        }
        // Each of these waits for its calls' ends, which see that we are closing.
        for (auto& [address, channel] : channels) channel->close();
        poller_->stop();
    }

    void start(Method method, std::string body, Done done,
               std::optional<std::string> only_at = std::nullopt, const char* path = nullptr) {
        auto request = std::make_unique<PendingRequest>();
        request->method = method;
        request->path = path != nullptr ? path : path_of(method);
        request->body = std::move(body);
        request->done = std::move(done);
        request->only_at = std::move(only_at);
        request->deadline = clock_.now() + options_.time_limit;
        request->delay = options_.retry_delay;
        if (in_flight_.fetch_add(1) >= options_.in_flight_max)
            return finish(std::move(request), {.outcome = Outcome::kNotDone,
                                               .error = "too many requests are in flight"});
        try_once(std::move(request));
    }

    const Options& options() const { return options_; }
    std::vector<std::string> endpoints() const TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return endpoints_.all();
    }

  private:
    // The channel to ask now; null when closing.
    rpc::Channel* pick(const PendingRequest& request, std::string& address)
        TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        if (closing_) return nullptr;
        address = request.only_at ? *request.only_at : endpoints_.pick();
        std::unique_ptr<rpc::Channel>& channel = channels_[address];
        if (channel == nullptr) {
            rpc::ChannelOptions channel_options;
            channel_options.message_bytes_max = options_.message_bytes_max;
            channel = rpc::Channel::open(*poller_, address, channel_options);
        }
        return channel.get();
    }

    void try_once(Pending request) {
        const Duration left = request->deadline - clock_.now();
        if (left <= Duration(0)) return out_of_time(std::move(request));
        std::string address;
        rpc::Channel* channel = pick(*request, address);
        if (channel == nullptr) return closed(std::move(request));
        // Sent only on a connection that stands: a try that fails before is surely not done.
        if (channel->connected()) return send(*channel, address, std::move(request));
        const Duration limit = std::min(left, request->only_at ? kOnlyConnectLimit : kConnectLimit);
        channel->when_connected(
            limit, [this, channel, address, request = std::move(request)](bool connected) mutable {
                if (connected && !closing()) return send(*channel, address, std::move(request));
                request->last_error = "no connection to " + address;
                if (request->only_at)
                    return finish(std::move(request), {.outcome = Outcome::kNotDone,
                                                       .error = "no connection to " + address});
                avoid(address);
                try_later(std::move(request));
            });
    }

    void send(rpc::Channel& channel, const std::string& address, Pending request) {
        Duration limit = request->deadline - clock_.now();
        if (limit <= Duration(0)) return out_of_time(std::move(request));
        if (!is_write(request->method)) limit = std::min(limit, kReadTryLimit);
        ++request->tries;
        const char* path = request->path;
        // Kept for another try, so it is copied.
        std::string body = request->body;
        channel.call(path, std::move(body), limit,
                     [this, address, request = std::move(request)](rpc::Reply reply) mutable {
                         answered(address, std::move(request), std::move(reply));
                     });
    }

    void answered(const std::string& address, Pending request, rpc::Reply reply) {
        if (!reply.ending.ok()) return failed(address, std::move(request), reply.ending);
        if (request->only_at) {
            Answer answer;
            answer.value = std::string(reply.body.text());
            return finish(std::move(request), std::move(answer));
        }
        Judgement judged = judge(request->method, reply.body);
        switch (judged.verdict) {
            case Verdict::kFinal:
                if (judged.answer.outcome == Outcome::kDone && led(address)) look_around(address);
                return finish(std::move(request), std::move(judged.answer));
            case Verdict::kElsewhere: {
                request->last_error = std::move(judged.answer.error);
                if (judged.leader_store != 0 && follow(judged.leader_store)) {
                    // At once, but not for ever: two servers may each name the other.
                    if (request->tries % 4 != 0) return try_once(std::move(request));
                } else {
                    if (judged.leader_store != 0) look_around(address);
                    avoid(address);
                }
                return try_later(std::move(request));
            }
            case Verdict::kLater:
                request->last_error = std::move(judged.answer.error);
                return try_later(std::move(request));
        }
        TIMBER_UNREACHABLE();
    }

    // The call ended without an answer.
    void failed(const std::string& address, Pending request, const rpc::Ending& ending) {
        request->last_error = address + ": " + std::string(rpc::to_string(ending.code)) +
                              (ending.message.empty() ? "" : ", " + ending.message);
        const bool refused = refused_untouched(ending);
        if (refused || request->only_at) {
            const bool harmless = refused || std::string_view(request->path) == kStatusMethod;
            Answer answer{.outcome = harmless ? Outcome::kNotDone : Outcome::kUnknown,
                          .error = request->last_error};
            return finish(std::move(request), std::move(answer));
        }
        if (ending.code != rpc::Code::kUnknown) avoid(address);
        if (is_write(request->method)) {
            if (!options_.retry_unknown)
                return finish(std::move(request),
                              {.outcome = Outcome::kUnknown, .error = request->last_error});
            request->in_doubt = true;
        }
        try_later(std::move(request));
    }

    void try_later(Pending request) {
        const Duration left = request->deadline - clock_.now();
        if (left <= Duration(0)) return out_of_time(std::move(request));
        if (closing()) return closed(std::move(request));
        const Duration delay = std::min(request->delay, left);
        request->delay = std::min(2 * request->delay, options_.retry_delay_max);
        poller_->after(delay, [this, request = std::move(request)]() mutable {
            try_once(std::move(request));
        });
    }

    void out_of_time(Pending request) {
        const std::string why = request->last_error;
        finish(std::move(request),
               {.outcome = Outcome::kNotDone,
                .error = "not within the time limit" + (why.empty() ? "" : "; " + why)});
    }
    void closed(Pending request) {
        finish(std::move(request),
               {.outcome = Outcome::kNotDone, .error = "the client was closed"});
    }

    void finish(Pending request, Answer answer) {
        if (request->in_doubt && answer.outcome == Outcome::kNotDone)
            answer.outcome = Outcome::kUnknown;
        answer.tries = request->tries;
        in_flight_.fetch_sub(1);
        request->done(std::move(answer));
    }

    // Asks the server at `address` who the others are.
    void look_around(const std::string& address) {
        if (looking_.exchange(true)) return;
        start(
            Method::kAdmin, {},
            [this, address](Answer answer) {
                looking_ = false;
                if (!answer.value) return;
                const auto view = decode_view(rpc::Bytes::copy_of(*answer.value));
                if (!view) return;
                MutexLock lock(mutex_);
                endpoints_.learn(view->store, address);
                for (const auto& [store, other] : view->others) endpoints_.learn(store, other);
            },
            address, kStatusMethod);
    }

    // The leader is at `address`. Whether it is time to ask it about the others.
    bool led(const std::string& address) TIMBER_EXCLUDES(mutex_) {
        const Instant now = clock_.now();
        MutexLock lock(mutex_);
        if (!endpoints_.answered(address) && now - looked_ < kLookInterval) return false;
        looked_ = now;
        return true;
    }
    void avoid(const std::string& address) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        endpoints_.avoid(address);
    }
    bool follow(uint64_t store) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return endpoints_.follow(store);
    }
    bool closing() const TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        return closing_;
    }

    const Options options_;
    SystemClock clock_;
    std::unique_ptr<rpc::Poller> poller_;
    std::atomic<size_t> in_flight_ = 0;
    std::atomic<bool> looking_ = false;

    mutable Mutex mutex_;
    Endpoints endpoints_ TIMBER_GUARDED_BY(mutex_);
    Instant looked_ TIMBER_GUARDED_BY(mutex_){};
    std::map<std::string, std::unique_ptr<rpc::Channel>> channels_ TIMBER_GUARDED_BY(mutex_);
    bool closing_ TIMBER_GUARDED_BY(mutex_) = false;
};

Result<std::unique_ptr<Client>> Client::connect(const Options& options) {
    if (options.endpoints.empty())
        return make_error(ErrorCode::kInvalidArgument, "a client needs an endpoint, at least one");
    return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(options)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

void Client::get(std::string_view key, Done done) {
    impl_->start(Method::kGet, encode_get(key, impl_->options().column_family), std::move(done));
}

void Client::put(std::string_view key, std::string_view value, Done done) {
    impl_->start(Method::kPut, encode_put(key, value, impl_->options().column_family),
                 std::move(done));
}

void Client::remove(std::string_view key, Done done) {
    impl_->start(Method::kDelete, encode_delete(key, impl_->options().column_family),
                 std::move(done));
}

void Client::scan(std::string_view start_key, uint32_t limit, Done done) {
    impl_->start(Method::kScan, encode_scan(start_key, limit, impl_->options().column_family),
                 std::move(done));
}

void Client::admin(const std::string& endpoint, const char* method, std::string request,
                   Done done) {
    impl_->start(Method::kAdmin, std::move(request), std::move(done),
                 endpoint.empty() ? std::nullopt : std::optional(endpoint), method);
}

std::vector<std::string> Client::endpoints() const { return impl_->endpoints(); }

}  // namespace timber::client
