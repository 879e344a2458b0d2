#pragma once
// The floor of kv_load: one server over the same gRPC code as ours that answers at once, without
// storing or replicating anything. What a call costs here, no server of gRPC's can save.
//
// Thread: one.
#include "benches/kv/kv_cluster.h"
#include "benches/kv/timber_cluster.h"

namespace timber::bench {

// Speaks as ours does.
class EchoServer final : public KvCluster {
  public:
    ~EchoServer() override { stop(); }

    std::string name() const override { return "floor"; }
    Status start(const std::string& directory) override;
    void stop() override;
    std::string address() const override { return address_; }
    std::vector<pid_t> processes() const override { return {pid_}; }

    const char* put_path() const override { return wire_.put_path(); }
    const char* get_path() const override { return wire_.get_path(); }
    std::string put_request(std::string_view key, std::string_view value) const override {
        return wire_.put_request(key, value);
    }
    std::string get_request(std::string_view key) const override { return wire_.get_request(key); }
    bool put_done(const rpc::Bytes& body) const override { return wire_.put_done(body); }
    bool got_value(const rpc::Bytes& body, size_t value_bytes) const override {
        return wire_.got_value(body, value_bytes);
    }

    // The argument with which start() runs this very program once more, as the server.
    static constexpr const char* kArgument = "--serve-echo";
    // Serves until standard input ends. The program's exit code.
    static int serve();

  private:
    const TimberCluster wire_;
    pid_t pid_ = 0;
    int input_ = -1;  // the server's; it ends once this is closed
    std::string address_;
};

}  // namespace timber::bench
