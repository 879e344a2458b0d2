#pragma once
// A replica on two RocksDBs in one process, as stores on top of RocksDB or badger arrange it: the
// Raft log in one, whose writes are synced, the state in another, whose log is written and not
// synced.
//
// Without Raft: one thread gives whatever puts have queued their places in the log and writes them,
// with the hard state, in one synced batch; another writes their values to the state, in one batch
// with the applied index, and answers. The two overlap. A third removes entries that are applied
// from the Raft log, once the log of the state is synced: until then they may be needed again.
#include <rocksdb/db.h>

#include <atomic>
#include <thread>

#include "benches/storage/replica.h"
#include "src/base/mutex.h"

namespace timber::bench {

class RocksdbReplica : public Replica {
  public:
    ~RocksdbReplica() override { close(); }

    std::string name() const override { return "two_rocksdbs"; }
    Status open(const std::string& directory, const ReplicaSettings& settings) override;
    void close() override;
    void on_thread(std::move_only_function<void()> function) override TIMBER_EXCLUDES(mutex_);
    void put(std::string_view key, std::string_view value, PutDone& done) override;
    Result<std::optional<std::string>> get(std::string_view key) override;
    Status settle() override;
    LogCount log_count() override;
    std::map<std::string, double> opening_notes() override;

  private:
    struct Put {
        std::string_view key;
        std::string_view value;
        PutDone* done;
    };
    // Puts that went to the Raft log together.
    struct Group {
        std::vector<Put> puts;
        uint64_t last_index = 0;
        Status appended;
    };

    Status open_both(const std::string& directory);
    Status recover();
    void start_threads();
    // The log's thread.
    void append_groups() TIMBER_EXCLUDES(mutex_);
    Status append(Group& group);
    // The replica's thread: applies and answers.
    void apply_groups() TIMBER_EXCLUDES(mutex_);
    void apply_and_answer(std::vector<Group> groups) TIMBER_EXCLUDES(mutex_);
    Status apply(const std::vector<Group>& groups);
    // The third.
    void collect_garbage() TIMBER_EXCLUDES(mutex_);
    Status remove_entries(uint64_t end);

    ReplicaSettings settings_;
    std::unique_ptr<rocksdb::DB> log_;
    std::unique_ptr<rocksdb::DB> state_;
    double entries_replayed_ = 0;
    std::atomic<uint64_t> log_bytes_ = 0;  // of both
    std::atomic<uint64_t> log_syncs_ = 0;

    Mutex mutex_;
    ConditionVariable to_append_changed_;
    ConditionVariable to_apply_changed_;
    ConditionVariable applied_changed_;
    std::vector<Put> to_append_ TIMBER_GUARDED_BY(mutex_);
    std::vector<Group> to_apply_ TIMBER_GUARDED_BY(mutex_);
    std::vector<std::move_only_function<void()>> to_run_ TIMBER_GUARDED_BY(mutex_);
    uint64_t applied_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t applied_bytes_ TIMBER_GUARDED_BY(mutex_) = 0;  // since open()
    bool ending_ TIMBER_GUARDED_BY(mutex_) = false;

    uint64_t last_index_ = 0;            // the log's thread, once it runs
    std::vector<Put> given_;             // the replica's thread: puts of this turn
    uint64_t first_index_ = 0;           // the third thread, once it runs
    std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace timber::bench
