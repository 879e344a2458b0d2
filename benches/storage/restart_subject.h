#pragma once
// Case `restart`: from the start of a replica whose process was killed, with nothing cached, until
// it has answered its first read and returned the value that was written last.
//
// A child process fills a directory and kills itself when the last put is answered. What it leaves
// is the image from which every restart begins anew: copied, but for tables, which nobody writes
// again, and which are linked.
#include <memory>
#include <optional>
#include <string>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/storage/put_load.h"
#include "benches/storage/replica.h"

namespace timber::bench {

class RestartSubject : public Subject {
  public:
    RestartSubject(Options& options, const MakeReplica& make);

    std::string name() const override { return replica_->name(); }
    bool takes(const Case& wanted) const override { return wanted.name == "restart"; }
    uint32_t lanes(const Case&) const override { return 1; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status finish(const Case& wanted) override;

    // The child's main: fills and kills itself; returns only with an error.
    static Status fill(Replica& replica, char** words);
    static constexpr size_t kFillWords = 3 + ReplicaSettings::kWords;

  private:
    Status fill_in_child(uint64_t puts, uint64_t value_bytes) const;
    Status make_ready() const;
    Status restart(SliceRecorder& recorder);

    const std::string image_;
    const std::string directory_;
    const ReplicaSettings settings_;
    const uint64_t bytes_;
    std::unique_ptr<Replica> replica_;
    std::optional<PutLoad> load_;
};

}  // namespace timber::bench
