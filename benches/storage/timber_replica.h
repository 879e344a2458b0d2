#pragma once
// Our replica: a real Store on the production platform, with one Region of which it is the only
// member. So a put goes the whole way of the server's but for gRPC: queue, checks, Raft, write
// gate, one batch for the storage engine, apply, answer.
//
// The bench could drive the storage engine itself, which would leave Raft and the checks out; but
// how the engine is driven decides how many commands share a write, and that is the Store's doing.
// The two RocksDBs do without Raft, so the comparison errs in their favour.
#include <future>

#include "benches/log/counting_disk.h"
#include "benches/storage/log_watch.h"
#include "benches/storage/replica.h"
#include "src/platform/platform.h"
#include "src/raftstore/store.h"

namespace timber::bench {

class TimberReplica : public Replica,
                      private raftstore::Transport,
                      private raftstore::StoreObserver {
  public:
    ~TimberReplica() override { close(); }

    std::string name() const override { return "timberkv"; }
    Status open(const std::string& directory, const ReplicaSettings& settings) override;
    void close() override;
    void on_thread(std::move_only_function<void()> function) override;
    void put(std::string_view key, std::string_view value, PutDone& done) override;
    Result<std::optional<std::string>> get(std::string_view key) override;
    Status settle() override;
    LogCount log_count() override;
    std::optional<DeviceCount> device_count() override { return counter_->count(); }
    std::optional<std::vector<Interval>> take_durable_writes() override;
    std::map<std::string, double> opening_notes() override;

  private:
    // A put that was refused, since the state store cannot keep up: tried again, as a client would.
    struct Refused {
        std::string_view key;
        std::string_view value;
        PutDone* done;
    };

    static raftstore::StoreOptions options_of(const std::string& directory,
                                              const ReplicaSettings& settings);
    void answered(const Refused& put, const raftstore::Response& response);
    void try_again();

    // There are no others.
    void send(const std::string&, raftstore::Envelope) override {}
    void failed(const Error& error) override;
    void leader_changed(const raftstore::Region& region,
                        const std::optional<raftstore::PeerMeta>& leader) override;

    std::unique_ptr<Platform> platform_;
    std::unique_ptr<CountingDisk> counter_;
    std::unique_ptr<LogWatch> disk_;
    std::unique_ptr<LoopThread> thread_;
    std::unique_ptr<raftstore::Store> store_;
    // The loop's.
    std::optional<std::promise<void>> leads_;  // until there is a leader
    std::vector<Refused> refused_;
    std::unique_ptr<Timer> retry_;
};

}  // namespace timber::bench
