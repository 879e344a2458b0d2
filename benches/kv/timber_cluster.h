#pragma once
// Three of our servers, with their default configuration.
//
// Thread: one.
#include <memory>

#include "benches/kv/kv_cluster.h"
#include "tests/support/server_process.h"

namespace timber::bench {

class TimberCluster final : public KvCluster {
  public:
    std::string name() const override { return "timberkv"; }
    Status start(const std::string& directory) override;
    void stop() override { cluster_.reset(); }
    std::string address() const override { return address_; }
    std::vector<pid_t> processes() const override;

    const char* put_path() const override;
    const char* get_path() const override;
    std::string put_request(std::string_view key, std::string_view value) const override;
    std::string get_request(std::string_view key) const override;
    bool put_done(const rpc::Bytes& body) const override;
    bool got_value(const rpc::Bytes& body, size_t value_bytes) const override;

  private:
    std::unique_ptr<process::TestCluster> cluster_;
    std::string address_;
};

}  // namespace timber::bench
