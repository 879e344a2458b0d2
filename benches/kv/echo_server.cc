#include "benches/kv/echo_server.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kvrpcpb.pb.h>

#include <cstdio>

#include "src/rpc/server.h"

namespace timber::bench {

namespace {

// What a get is answered: the value that kv_load puts.
constexpr size_t kValueBytes = 256;

// The one line that the server writes.
Result<std::string> read_line(int output) {
    std::string line;
    char letter = 0;
    while (::read(output, &letter, 1) == 1) {
        if (letter == '\n') return line;
        line.push_back(letter);
    }
    return make_error(ErrorCode::kIoError, "the floor's server ended: " + line);
}

}  // namespace

int EchoServer::serve() {
    const TimberCluster wire;
    kvrpcpb::RawGetResponse got;
    got.set_value(std::string(kValueBytes, 'v'));
    const std::string get_answer = got.SerializeAsString();
    const std::string put_answer = kvrpcpb::RawPutResponse().SerializeAsString();

    rpc::ServerOptions options{.name = "echo", .address = "127.0.0.1:0"};
    options.unary[wire.put_path()] = [&](rpc::Call& call) { call.reply(put_answer); };
    options.unary[wire.get_path()] = [&](rpc::Call& call) { call.reply(get_answer); };
    auto server = rpc::Server::start(std::move(options));
    if (!server) {
        std::printf("%s\n", server.error().to_string().c_str());
        return 1;
    }
    std::printf("127.0.0.1:%d\n", (*server)->port());
    std::fflush(stdout);
    char ignored = 0;
    while (::read(STDIN_FILENO, &ignored, 1) > 0) {
    }
    (*server)->stop();
    return 0;
}

Status EchoServer::start(const std::string&) {
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
        return make_error(ErrorCode::kIoError, "no pipe to the floor's server");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(input[0], STDIN_FILENO);
        ::dup2(output[1], STDOUT_FILENO);
        ::execl("/proc/self/exe", "kv_load", kArgument, nullptr);
        ::_exit(127);
    }
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    auto line = read_line(output[0]);
    ::close(output[0]);
    TIMBER_CHECK(line);
    address_ = std::move(*line);
    return {};
}

void EchoServer::stop() {
    if (pid_ == 0) return;
    ::close(input_);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

}  // namespace timber::bench
