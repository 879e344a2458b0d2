#pragma once
// A listener: unary calls and streams of bytes, each method given to a handler.
//
// Thread:    handlers and listeners of streams are called on a poller's thread and must not wait. A
//            Call is answered from any thread; an IncomingStream is used on its poller's thread
//            only.
// Lifetime:  handlers outlive the server. A Call is gone once it is answered, an IncomingStream
// once
//            closed() was called.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/io/clock.h"
#include "src/base/result.h"
#include "src/rpc/poller.h"
#include "src/rpc/types.h"

namespace timber::rpc {

// One unary call. Must be answered, exactly once.
class Call {
  public:
    virtual const Bytes& request() const = 0;
    // Until the caller gives up, as of the call's arrival; nothing if it never does.
    virtual std::optional<Duration> time_left() const = 0;
    virtual void reply(std::string body) = 0;
    virtual void fail(Code code, std::string message) = 0;

  protected:
    virtual ~Call() = default;
};
using CallHandler = std::function<void(Call&)>;

// One stream that a client opened.
class IncomingStream {
  public:
    virtual void send(std::string message) = 0;
    virtual void finish(Code code, std::string message) = 0;
    virtual std::string caller() const = 0;  // its network address

  protected:
    virtual ~IncomingStream() = default;
};

class StreamListener {
  public:
    virtual ~StreamListener() = default;
    virtual void received(Bytes message) = 0;
    virtual void closed() {}
};
using StreamHandler = std::function<std::unique_ptr<StreamListener>(IncomingStream&)>;

struct ServerOptions {
    std::string name = "rpc";  // of the threads
    std::string address;       // host:port; port 0: the kernel chooses
    size_t pollers = 1;
    size_t message_bytes_max = 16 << 20;
    size_t connections_max = 1024;
    uint32_t streams_per_connection_max = 4096;
    // Of all connections together, as far as gRPC counts it: what callers send.
    size_t memory_bytes_max = size_t{256} << 20;
    // Of large answers that wait until their callers take them. Over it those that have waited
    // longest are cancelled; over twice as much, new ones fail.
    size_t answer_bytes_max = size_t{256} << 20;
    std::map<std::string, CallHandler> unary{};
    std::map<std::string, StreamHandler> streams{};
};

class Server {
  public:
    // kInvalidArgument if the address cannot be listened on.
    static Result<std::unique_ptr<Server>> start(ServerOptions options);
    ~Server();

    int port() const;
    // For channels that share the server's first thread.
    Poller& poller();
    // Calls that were handed to a handler and not answered yet.
    size_t calls_open() const;

    // Takes no new calls; returns when those that are open were answered, or after `limit`, when
    // they are cancelled.
    void drain(Duration limit);
    // Waits until every Call was answered: whoever answers them must still be at work.
    void stop();

  private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace timber::rpc
