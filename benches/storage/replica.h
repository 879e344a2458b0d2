#pragma once
// One replica of one Region, as storage_engine drives it: puts that are answered once they are
// durable in the Raft log and applied to the state. Ours, or two RocksDBs, behind the same calls.
//
// Thread:   open() to settle() from the bench's thread; put() and the answers on the replica's own.
// Lifetime: nothing is in flight at close().
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "benches/frame/subject.h"
#include "benches/store/settings.h"
#include "src/base/result.h"

namespace timber::bench {

struct ReplicaSettings {
    Settings state{};
    uint64_t segment_bytes = 0;  // of our log's files
    // Entries that are applied leave the Raft log once there are so many of them, or so many bytes.
    uint64_t log_gc_entries = 0;
    uint64_t log_gc_bytes = 0;

    static ReplicaSettings of(Options& options);
    // For a child process, and back: as many words as there are numbers.
    std::vector<std::string> to_words() const;
    static ReplicaSettings from_words(char** words);
    static constexpr size_t kWords = 8;
};

// Hears the answer to a put.
class PutDone {
  public:
    virtual void answered(const Status& status) = 0;

  protected:
    ~PutDone() = default;
};

// What went to logs of any kind so far.
struct LogCount {
    uint64_t bytes = 0;
    uint64_t durable_writes = 0;
};

class Replica {
  public:
    virtual ~Replica() = default;

    virtual std::string name() const = 0;
    // Makes a new one in an empty directory; otherwise recovers what is there.
    virtual Status open(const std::string& directory, const ReplicaSettings& settings) = 0;
    virtual void close() = 0;

    // Runs `function` on the replica's thread and waits for its end.
    virtual void on_thread(std::move_only_function<void()> function) = 0;
    // On that thread. Key and value stay as they are until the answer, which comes on it too,
    // later.
    virtual void put(std::string_view key, std::string_view value, PutDone& done) = 0;
    // Through whatever a client's read goes through.
    virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
    // Waits for flushes and compactions that are due.
    virtual Status settle() = 0;

    virtual LogCount log_count() = 0;
    // What it gave to the device, counted where it hands it over; nothing where that cannot be
    // seen.
    virtual std::optional<DeviceCount> device_count() { return std::nullopt; }
    // The log's durable writes since it was last asked, from submission to completion; nothing
    // where they cannot be seen.
    virtual std::optional<std::vector<Interval>> take_durable_writes() { return std::nullopt; }
    // Figures of its own about what open() did.
    virtual std::map<std::string, double> opening_notes() { return {}; }
};

using MakeReplica = std::function<std::unique_ptr<Replica>()>;

}  // namespace timber::bench
