#pragma once
// A disk of the simulated world: one life of it, from start or restart to its death.
//
// Data operations take a drawn latency each, so they reach the medium in any order, and take
// effect at their completion. A file operation takes effect at one instant between its call and its
// return. What is durable when is DiskImage's business; a sync covers what was completed when it
// was submitted, and nothing of what is in flight.
//
// Death: image_after() says what a death at this instant would leave, without disturbing anything.
// crash() brings it about: every operation in flight and every later one gives kCrashed, so that
// loops and jobs unwind; then the owners are torn down and a new SimDisk starts from image().
//
// Locks belong to handles, so two openers of one SimDisk exclude each other as two processes do.
//
// Short reads happen at the end of the file only, as the seam promises; SimDiskOptions tells how a
// kernel's short read shows.
//
// Thread:     the world's.
// Lifetime:   the world outlives the disk; the disk outlives its users, and nothing is in flight
//             when it is destroyed.
// Invariants: D1  after crash() no operation changes the image.
//             D2  an operation completes in a step of its own, never within submit().
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "src/base/io/disk.h"
#include "tests/support/disk_image.h"
#include "tests/support/sim_disk_faults.h"
#include "tests/support/sim_world.h"

namespace timber {

// A moment before something happens to the disk.
struct DiskStep {
    enum class Kind : uint8_t { kSubmit, kComplete, kFileOperation };

    uint64_t number;  // from 1, in this life
    Kind kind;
    DiskOperation operation;
    std::string_view path;
    uint64_t offset = 0;
    uint64_t bytes = 0;
};

class SimDisk : public Disk {
  public:
    using Options = SimDiskOptions;

    explicit SimDisk(SimWorld& world, Options options = {}, DiskImage image = {});
    ~SimDisk() override;

    void submit(IoOp& op) override;
    void wait(IoOp& op) override;
    Result<FileHandle> open(std::string_view path, OpenOptions options) override;
    void close(FileHandle file) override;
    Result<uint64_t> size(FileHandle file) override;
    Status truncate(FileHandle file, uint64_t bytes) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status make_directory(std::string_view path) override;
    Result<std::vector<std::string>> list(std::string_view directory) override;
    Status sync_directory(std::string_view directory) override;
    Status lock(FileHandle file) override;
    Result<uint64_t> free_space(std::string_view directory) override;
    bool direct_io_supported() const override { return options_.direct_io_supported; }

    // Death.

    // What `death` would leave now, as `seed` decides.
    DiskImage image_after(Death death, uint64_t seed, DeathReport* report = nullptr) const;
    // Dies. `seed` decides what is left, as in image_after.
    void crash(Death death, uint64_t seed);
    bool crashed() const { return crashed_; }
    // The state as it reads now; after a crash, what the crash left.
    const DiskImage& image() const { return image_; }
    // For damage at rest while the disk is in use.
    DiskImage& mutable_image() { return image_; }

    // Watching. `hook` is called before each submission, each completion and each file operation's
    // effect, and may clone or crash this disk.
    void set_step_hook(std::function<void(const DiskStep&)> hook) { hook_ = std::move(hook); }
    uint64_t steps() const { return steps_; }

    struct InFlight {
        uint64_t reads = 0;
        uint64_t writes = 0;
        uint64_t syncs = 0;
        uint64_t allocations = 0;
        // A write in flight was overtaken: one that was submitted later, at a higher offset of the
        // same file, is complete. A death now may leave a hole with something behind it.
        bool overtaken = false;
    };
    InFlight in_flight() const;
    size_t files_open() const { return open_.size(); }
    // The first of them, for messages; empty if there is none.
    std::string any_open_path() const {
        return open_.empty() ? std::string() : open_.begin()->second.path;
    }

    // Faults.

    Options& options() { return options_; }
    void inject(Fault fault) { faults_.add(std::move(fault)); }
    void fail_next(DiskOperation operation, std::string_view path_contains = "",
                   ErrorCode error = ErrorCode::kIoError) {
        fail_nth(1, operation, path_contains, error);
    }
    void fail_nth(uint64_t nth, DiskOperation operation, std::string_view path_contains = "",
                  ErrorCode error = ErrorCode::kIoError);
    // Opening, renaming and removing such paths is refused.
    void deny(std::string_view path_contains);
    void clear_faults() { faults_.clear(); }
    uint64_t faults_met(FaultKind kind) const { return faults_.met(kind); }

  private:
    struct OpenFile {
        NodeId node;
        std::string path;
        bool read_only = false;
        bool direct = false;
        bool holds_lock = false;
        uint64_t in_flight = 0;
    };
    // A data operation between submission and completion.
    struct Pending {
        IoOp* op;
        NodeId node;
        std::optional<Fault> fault{};
        // Of a sync: what it covers.
        ChangeId last_change{};
        Instant due{};
        uint64_t event = 0;
        bool overtaken = false;
    };

    // Data operations (sim_disk_data.cc).
    void schedule_completion(uint64_t number, Duration delay);
    void complete(uint64_t number);
    void finish(uint64_t number, Result<size_t> result);
    Duration data_latency(const Pending& pending);
    Result<size_t> carry_out(Pending& pending);
    Result<size_t> carry_out_read(const Pending& pending);
    Result<size_t> carry_out_write(const Pending& pending);
    Result<size_t> write_and_fail(const Pending& pending, const Error& error);
    Result<size_t> carry_out_sync(const Pending& pending);
    Result<size_t> carry_out_allocate(const Pending& pending);
    bool read_first_part(Pending& pending);
    void mark_overtaken(const Pending& by);
    uint64_t pages_free() const;
    std::set<NodeId> open_nodes() const;

    // File operations (sim_disk.cc).
    template <typename T, typename Effect>
    Result<T> file_operation(DiskOperation operation, std::string_view path, Effect effect);
    Result<FileHandle> open_now(std::string_view path, OpenOptions options);
    Status lock_now(FileHandle file);
    OpenFile& opened(FileHandle file);

    Duration draw(LatencyRange range);
    void announce(DiskStep::Kind kind, DiskOperation operation, std::string_view path,
                  uint64_t offset = 0, uint64_t bytes = 0);

    // Death (sim_disk_death.cc).
    void apply_in_flight(DiskImage& image, Death death, uint64_t seed, DeathReport& report) const;

    SimWorld& world_;
    Options options_;
    DiskImage image_;
    FaultPlan faults_;
    std::function<void(const DiskStep&)> hook_;
    uint64_t steps_ = 0;
    bool crashed_ = false;
    std::map<FileHandle, OpenFile> open_;
    std::map<uint64_t, Pending> pending_;  // in order of submission
};

}  // namespace timber
