#pragma once
// Three etcd servers of the machine's package, with their default configuration (fsync on).
//
// Thread: one.
#include "benches/kv/kv_cluster.h"

namespace timber::bench {

class EtcdCluster final : public KvCluster {
  public:
    ~EtcdCluster() override { stop(); }

    // Whether the machine has it.
    static bool installed();

    std::string name() const override { return "etcd"; }
    Status start(const std::string& directory) override;
    void stop() override;
    std::string address() const override { return address_; }
    std::vector<pid_t> processes() const override { return pids_; }

    const char* put_path() const override { return "/etcdserverpb.KV/Put"; }
    const char* get_path() const override { return "/etcdserverpb.KV/Range"; }
    std::string put_request(std::string_view key, std::string_view value) const override;
    std::string get_request(std::string_view key) const override;
    bool put_done(const rpc::Bytes& body) const override;
    bool got_value(const rpc::Bytes& body, size_t value_bytes) const override;

  private:
    std::vector<pid_t> pids_;
    std::string address_;
};

}  // namespace timber::bench
