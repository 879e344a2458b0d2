#pragma once
// A connection to a server, made when it is needed and made again when it broke.
//
// Thread:    any. Completions and listeners are called on the poller's thread.
// Lifetime:  the poller outlives the channel. A call's completion runs exactly once, at its time
//            limit at the latest; close() cancels what is open.
// Failure:   every call ends with an Ending. A call on a channel that is not connected may be sent
//            later or not at all: who must know whether it was sent asks when_connected() first.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/base/io/clock.h"
#include "src/rpc/poller.h"
#include "src/rpc/types.h"

namespace timber::rpc {

struct ChannelOptions {
    size_t message_bytes_max = 16 << 20;
    Duration reconnect_delay_max = std::chrono::seconds(1);
    // A connection that is silent for so long is asked for a sign of life. 0: never.
    Duration keepalive = std::chrono::seconds(2);
    Duration keepalive_timeout = std::chrono::seconds(3);
};

class OutgoingStream;

// Called on the poller's thread, closed() last and once.
class OutgoingListener {
  public:
    virtual ~OutgoingListener() = default;
    virtual void opened() = 0;
    virtual void received(Bytes message) = 0;
    virtual void written() = 0;
    virtual void closed(const Ending& ending) = 0;
};

class Channel {
  public:
    static std::unique_ptr<Channel> open(Poller& poller, const std::string& address,
                                         const ChannelOptions& options);
    ~Channel();

    // Unary. `method` is a literal: "/package.Service/Method".
    void call(const char* method, std::string request, Duration limit,
              std::move_only_function<void(Reply)> done);
    bool connected() const;
    // Starts to connect, and tells when that has succeeded (true), or failed or took longer than
    // `limit`.
    void when_connected(Duration limit, std::move_only_function<void(bool)> done);
    std::shared_ptr<OutgoingStream> open_stream(const char* method,
                                                std::shared_ptr<OutgoingListener> listener);
    // Nothing is open: close() has nothing to wait for.
    bool idle() const;
    // Cancels everything that is open, and waits until all of it has been reported: not from the
    // poller's thread. Nothing may be started afterwards.
    void close();

  private:
    friend class OutgoingStream;
    class Impl;
    explicit Channel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// One write at a time: the next after written().
class OutgoingStream {
  public:
    virtual ~OutgoingStream() = default;
    // The message is the pieces one after the other. Not copied.
    virtual void write(std::vector<Bytes> pieces) = 0;
    virtual void cancel() = 0;
};

}  // namespace timber::rpc
