#pragma once
// What can go wrong with a simulated disk, besides its death: options, planned faults, and the
// plan that decides which operation meets which fault.
//
// Faults come from two places: planned ones, by operation, path and count (Fault), and random ones
// at the rates of SimDiskOptions. A planned fault goes before a random one.
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/io/clock.h"
#include "src/base/random.h"
#include "src/base/result.h"

namespace timber {

enum class DiskOperation : uint8_t {
    kRead,
    kWrite,
    kSync,
    kAllocate,
    kOpen,
    kClose,
    kSize,
    kTruncate,
    kRename,
    kRemove,
    kMakeDirectory,
    kList,
    kSyncDirectory,
    kLock,
    kFreeSpace,
};

std::string_view to_string(DiskOperation operation);

enum class FaultKind : uint8_t {
    kError,      // fails; of a write, any sectors may be there
    kStall,      // takes as long as a stall
    kBitFlip,    // of a read, in the bytes given; of a write, in the bytes stored
    kMisdirect,  // of a write: lands at another offset of the same file
    kLose,       // reported as done: of a write, never there; of a sync, nothing made durable
    kCount,
};

// Meets the operations that match, from the `nth` one on.
struct Fault {
    DiskOperation operation = DiskOperation::kWrite;
    std::string path_contains = {};  // every path if empty; of a rename, the old one
    uint64_t nth = 1;                // 1 is the next one that matches
    uint64_t count = 1;              // how many in a row
    FaultKind kind = FaultKind::kError;
    ErrorCode error = ErrorCode::kIoError;

    static constexpr uint64_t kForever = std::numeric_limits<uint64_t>::max();
};

// How long operations of a kind take: anything from `min` to `max`.
struct LatencyRange {
    Duration min;
    Duration max;
};

struct SimDiskOptions {
    LatencyRange read_latency{std::chrono::microseconds(40), std::chrono::microseconds(160)};
    LatencyRange write_latency{std::chrono::microseconds(50), std::chrono::microseconds(300)};
    LatencyRange sync_latency{std::chrono::microseconds(100), std::chrono::microseconds(1000)};
    LatencyRange allocate_latency{std::chrono::microseconds(20), std::chrono::microseconds(200)};
    LatencyRange file_operation_latency{std::chrono::microseconds(1),
                                        std::chrono::microseconds(100)};
    Duration stall = std::chrono::milliseconds(100);
    // How often an operation meets a fault by itself.
    uint64_t stalls_per_million = 0;
    uint64_t read_errors_per_million = 0;
    uint64_t write_errors_per_million = 0;
    uint64_t sync_errors_per_million = 0;
    uint64_t read_bit_flips_per_million = 0;
    uint64_t write_bit_flips_per_million = 0;
    uint64_t misdirected_writes_per_million = 0;
    uint64_t lost_writes_per_million = 0;
    // How many of the reads are done in two parts, as after a short read of the kernel's: what is
    // written meanwhile shows in the second part alone.
    uint64_t short_reads_percent = 10;
    // Of the whole disk; without it space never runs out.
    std::optional<uint64_t> capacity_bytes{};
    bool direct_io_supported = true;
};

class FaultPlan {
  public:
    void add(Fault fault) { planned_.push_back({std::move(fault)}); }
    void clear() { planned_.clear(); }
    // The fault that an operation meets. To be asked once for each, in order of submission.
    std::optional<Fault> next(DiskOperation operation, std::string_view path,
                              const SimDiskOptions& options, Random& random);
    uint64_t met(FaultKind kind) const { return met_[static_cast<size_t>(kind)]; }

  private:
    struct Planned {
        Fault fault;
        uint64_t matched = 0;
    };

    std::optional<Fault> next_planned(DiskOperation operation, std::string_view path);

    std::vector<Planned> planned_;
    std::array<uint64_t, static_cast<size_t>(FaultKind::kCount)> met_{};
};

}  // namespace timber
