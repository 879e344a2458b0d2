#pragma once
// A TCP connection to a server of this machine, for bytes of any kind, and an HTTP/2 session on
// one, which keeps to the protocol where its user does.
//
// Thread:   one.
// Lifetime: the destructor closes, the orderly way.
// Failure:  a server may hang up whenever it likes: everything then says so and does nothing.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/process/hostile/http2.h"

namespace timber::hostile {

class Connection {
  public:
    using Milliseconds = std::chrono::milliseconds;

    explicit Connection(int port);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool open() const { return socket_ >= 0; }
    // Gives up, and hangs up, when the server takes nothing for `limit`.
    bool send(std::string_view bytes, Milliseconds limit = Milliseconds(2000));
    // What arrives within `limit`, perhaps nothing; hangs up if the server did.
    std::string receive(Milliseconds limit);
    // With a RST instead of a FIN.
    void abort();
    void close();

  private:
    int socket_ = -1;
};

class Session {
  public:
    using Milliseconds = Connection::Milliseconds;

    // Says hello with the preface and settings that leave all windows wide open.
    explicit Session(int port);

    Connection& connection() { return connection_; }
    bool open() const { return connection_.open() && !gone_away_; }
    bool send(std::string_view bytes) { return connection_.send(bytes); }
    // The number of the next stream.
    uint32_t next_stream();
    // Begins a request.
    uint32_t begin(std::string_view path);
    // Sends as much of a stream's `bytes` as the windows allow within `limit`; how much that was.
    size_t send_data(uint32_t stream, std::string_view bytes, Milliseconds limit);
    // A whole unary request; true if it was answered, or refused by hanging up, within `limit`.
    bool ask(std::string_view path, std::string_view grpc_bytes, Milliseconds limit);
    // Reads and obeys what the server says.
    void take(Milliseconds limit);
    // The server has ended the stream, or the connection.
    bool over(uint32_t stream) const;
    // Data frames' payloads, of all streams.
    const std::string& data() const { return data_; }

  private:
    void on_frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
    void on_settings(uint8_t flags, std::string_view payload);

    Connection connection_;
    std::string unread_;
    std::string data_;
    uint32_t streams_ = 1;
    int64_t window_ = 65'535;
    int64_t stream_window_ = 65'535;
    bool gone_away_ = false;
    struct Stream {
        int64_t window = 0;  // beyond the initial one
        bool over = false;
    };
    std::map<uint32_t, Stream> states_;
};

}  // namespace timber::hostile
