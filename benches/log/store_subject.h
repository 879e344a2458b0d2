#pragma once
// A key-value store with synced writes, asked for nothing but its log: each caller overwrites one
// key of its own, so that what the store has to flush and compact stays a few kilobytes.
//
// Its callers block, in case `async` too: such a store has no other interface.
#include <memory>
#include <string>
#include <vector>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/log/caller_threads.h"
#include "src/base/bytes.h"

namespace timber::bench {

class StoreSubject : public Subject {
  public:
    bool takes(const Case& wanted) const override { return wanted.name != "full_rate"; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status finish(const Case& wanted) override;

  protected:
    // Bytes that a store collects in memory before it begins a new log file.
    static constexpr size_t kMemtableBytes = 64_MiB;

    explicit StoreSubject(const Options& options, const std::string& name);

    virtual Status open(const std::string& directory) = 0;
    virtual Status put(const std::string& key, std::string_view value, bool synced) = 0;
    virtual Result<std::string> get(const std::string& key) = 0;
    virtual void close() = 0;

  private:
    struct alignas(64) Caller {
        std::string key;
        std::string value;  // begins with the number of the write
        uint64_t written = 0;
    };

    Status write(Caller& caller, bool synced);

    const std::string directory_;
    const bool tiny_;
    std::vector<Caller> callers_;
    std::unique_ptr<CallerThreads> threads_;
};

}  // namespace timber::bench
