#pragma once
// Case `put`: a replica's put path, with as many commands in flight as the case has callers.
#include <memory>
#include <optional>
#include <string>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/storage/put_load.h"
#include "benches/storage/replica.h"

namespace timber::bench {

class PutSubject : public Subject {
  public:
    PutSubject(Options& options, const MakeReplica& make);

    std::string name() const override { return replica_->name(); }
    bool takes(const Case& wanted) const override { return wanted.name == "put"; }
    uint32_t lanes(const Case&) const override { return 1; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status settle(const Case&) override { return replica_->settle(); }
    Status finish(const Case& wanted) override;

  private:
    Status warm_up(uint64_t value_bytes);
    void note_log(SliceRecorder& recorder, const LogCount& before, double puts, double bytes);
    void note_device(SliceRecorder& recorder, uint64_t value_bytes);
    Status note_waits(SliceRecorder& recorder);

    const std::string directory_;
    const ReplicaSettings settings_;
    const bool tiny_;
    std::unique_ptr<Replica> replica_;
    std::optional<PutLoad> load_;
    // When the warm-up was over.
    std::optional<DeviceCount> warm_count_;
    uint64_t warm_puts_ = 0;
};

}  // namespace timber::bench
