#pragma once
// From a WriteBatch to its completion: builds the log's batch, takes in what became durable, and
// carries out the changes by value in the state store.
//
// A commit's part of one Region is done when its entries are readable and its change by value, if
// it has one, is in the state store. Parts of one Region are done in the order of their commits; so
// are commits, but for those that wait for a change by value.
//
// Thread:     the loop.
// Lifetime:   `parts` outlives it; idle() when it is destroyed.
// Invariants: CP1  a change by value touches the state store only after its batch is durable.
//             CP2  a Region's parts are done in the order in which their commits were accepted.
//             CP3  the record of a change by value counts as live until its effects are in the
//                  state store's files.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "src/base/io/event_loop.h"
#include "src/storage/engine_parts.h"

namespace timber::storage {

// A commit on its way.
struct PendingCommit {
    struct Part {
        RegionId region;
        WriteBatchAccess::RegionChanges changes;
        RegionLog after;
        bool doomed = false;  // it builds on a commit that was refused
        // Once it is durable: of the change's record, and of the entries'.
        std::optional<logengine::RecordLocation> change_location{};
        std::vector<logengine::RecordLocation> entry_locations{};
        bool done = false;
    };

    uint64_t number = 0;
    std::vector<Part> parts;
    // Regions whose progress rides along, and the local rows.
    std::vector<RegionId> riders;
    std::map<uint64_t, std::optional<std::string>> locals;
    StorageEngine::Done done;
    bool urgent = false;
    logengine::Lsn lsn;
    size_t parts_left = 0;
};

class CommitPath {
  public:
    // `changed` is called when log space may have become free, or work may be due.
    CommitPath(EngineParts& parts, std::function<void()> changed);
    ~CommitPath();

    Status commit(WriteBatch batch, StorageEngine::Done done, bool urgent);
    // What carried_bytes() leaves of the log's batches.
    size_t commit_bytes_max() const { return parts_.log->batch_bytes_max() / 5 * 4; }
    // The state store may take writes again.
    void writable();
    // The state store's files hold everything up to `flushed`.
    void flushed(memtable::Sequence flushed);
    // A change that recovery carried out in memory, and that no file holds yet.
    void keep_until_flushed(RegionId region, const logengine::RecordLocation& location,
                            memtable::Sequence sequence) {
        unflushed_.push_back({region, location, sequence});
        parts_.live.add(region, location);
    }
    // The Region owes the log the news of how far it has applied.
    void owes_progress(Region& region);
    // The lowest batch whose change by value is not in the state store.
    std::optional<logengine::Lsn> lowest_pending() const;

    bool idle() const { return in_flight_ == 0 && durable_.empty() && installs_running_ == 0; }
    bool in_flight() const { return in_flight_ > 0; }
    // What waits for the state store gets this error; its next life carries it out.
    void give_up(const Error& error);

  private:
    using Part = PendingCommit::Part;
    struct Unflushed {
        RegionId region;
        logengine::RecordLocation location;
        memtable::Sequence sequence;
    };

    // Accepting (commit_path.cc).
    Result<std::unique_ptr<PendingCommit>> plan(WriteBatch& batch);
    void add_riders(PendingCommit& commit) const;
    size_t carried_bytes(const PendingCommit& commit) const;
    Status encode(PendingCommit& commit, logengine::Batch& batch) const;
    Status encode_part(const Part& part, logengine::Batch& batch) const;
    Status encode_progress_of(const PendingCommit& commit, logengine::Batch& batch) const;
    Status hand_over(std::unique_ptr<PendingCommit> commit, logengine::Batch records);
    void accepted(PendingCommit& commit);
    // The log's answer (commit_path.cc).
    void answered(std::unique_ptr<PendingCommit> commit,
                  const Result<logengine::Appended>& appended);
    void left_flight(PendingCommit& commit);
    void refused(PendingCommit& commit, const Error& error);
    void fall_back(Region& region, uint64_t refused_commit) const;
    void durable(std::unique_ptr<PendingCommit> commit, const logengine::Appended& appended);
    void take_locations(PendingCommit& commit, const logengine::Appended& appended) const;
    void take_in(Region& region, Part& part);
    static void finish_now(PendingCommit& commit, Status status);
    // Changes by value (change_path.cc).
    void go_on(Region& region);
    // Whether the part is done; otherwise it goes on by itself.
    bool carry_out(PendingCommit& commit, size_t index);
    Status write_change(Part& part);
    void start_install(PendingCommit& commit, size_t index);
    void install_ended(uint64_t number, size_t index, Status status);
    void retry_installs();
    void part_done(PendingCommit& commit);

    EngineParts& parts_;
    const std::function<void()> changed_;
    size_t in_flight_ = 0;
    uint64_t last_number_ = 0;
    // Durable, with parts left.
    std::map<uint64_t, std::unique_ptr<PendingCommit>> durable_;
    std::deque<Unflushed> unflushed_;  // in the order of their sequences
    // Regions whose first waiting part waits for the store to take a write.
    std::vector<RegionId> stalled_;
    std::vector<RegionId> owing_;
    size_t installs_running_ = 0;
    std::vector<std::pair<uint64_t, size_t>> installs_to_retry_;
    Timer retry_;
};

// The effects of a change that is no install, and the row that goes with it.
memtable::WriteBatch effects_of(RegionId region, ChangeNumber change, const RegionChange& by_value);
// What an install asks of the state store.
memtable::IngestRequest ingest_request(const EngineParts& parts, RegionId region,
                                       ChangeNumber change, const SnapshotInstall& install);

}  // namespace timber::storage
