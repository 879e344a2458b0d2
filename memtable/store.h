#pragma once
// The state store: an ordered key-value store by column family, in memory and in sorted table
// files. It has no log of its own: what is not flushed when the process dies is written again by
// the owner, from its log.
//
// The owner writes batches; readers on any thread see immutable views. A memory table that is full
// is sealed and flushed in the background, all families together, in one change of the manifest.
// So after a crash the store holds exactly the batches up to some point of the owner's choosing,
// the whole of each, in every family alike.
//
// Thread:     reads and snapshots from any thread; everything else on the owner's event loop, where
//             all completions and the listener's calls run too. open() and reads that may wait for
//             I/O: from jobs only.
// Lifetime:   environment and listener outlive the store. It is destroyed on the loop, after
//             close() has completed. When close() is called no read is under way any more, and
//             iterators and snapshots are gone.
// Invariants: S1  a batch is visible whole or not at all, at one sequence number.
//             S2  after a crash: the batches up to Version::flushed() and no other, but for
//             ingests,
//                 each of which is there whole or not at all.
//             S3  a file that the current version, a view or an unfinished ingest needs is there.
//             S4  until finish_recovery() no file is removed that this opening found.
//             S5  a snapshot sees the same until it is let go.
//             S6  once failed, nothing is flushed, compacted or ingested any more; reads go on.
// Failure:    no space: background work waits and tries again by itself, condition() tells, reads
// go
//             on, writes go on until the memory tables are full. A failed write or sync of the
//             manifest is final (S6): the owner stops. A damaged block fails the reads that need
//             it.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memtable/options.h"
#include "memtable/pinned_value.h"
#include "memtable/store_stats.h"
#include "memtable/types.h"
#include "memtable/write_batch.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/base/result.h"

namespace timber::memtable {

// A moment of the store, held: everything visible then stays readable. Any thread.
class Snapshot {
  public:
    virtual ~Snapshot() = default;
    virtual Sequence sequence() const = 0;
};
// Owners are whoever reads at it; the last one lets it go.
using SnapshotRef = std::shared_ptr<const Snapshot>;

struct ReadOptions {
    // Read as of then; null: as of now.
    const Snapshot* snapshot = nullptr;
    // Only what is in memory: kBusy where a block would have to be read, and the caller tries again
    // from a job. For reads on a loop.
    bool cache_only = false;
    // Keep the blocks that are read in the cache.
    bool fill_cache = true;
    // Of iterators. Only keys in [lower, upper) are shown; an empty upper is no limit.
    std::string_view lower = {};
    std::string_view upper = {};
    // Of iterators: how far to read ahead; 0: grows while the iterator walks on.
    size_t readahead_bytes = 0;
};

// Walks over the visible keys of one family, in order. Not valid before the first seek.
// Thread: one at a time. Moves may wait for I/O, from jobs, unless cache_only.
class StoreIterator {
  public:
    virtual ~StoreIterator() = default;

    virtual bool valid() const = 0;
    // Of a valid one, good until the next move.
    virtual std::string_view key() const = 0;
    virtual std::string_view value() const = 0;

    virtual void seek_to_first() = 0;
    virtual void seek_to_last() = 0;
    // To the first key at or behind `key`, to the last at or before it.
    virtual void seek(std::string_view key) = 0;
    virtual void seek_for_prev(std::string_view key) = 0;
    virtual void next() = 0;
    virtual void prev() = 0;

    // Why it is not valid, if it is not because of an end.
    virtual Status status() const = 0;
};

// How fast to write: what the owner asks before it takes on more.
struct Pace {
    // Wait this long before the next batch; none most of the time.
    Duration delay{};
    // Writes are refused at present.
    bool stopped = false;
};

enum class Condition : uint8_t {
    kRunning,
    kNoSpace,  // flushes and compactions wait for space
    kTrouble,  // a background job failed in another way and is tried again; condition_error() says
    kFailed,   // the manifest could not be written; only a restart helps
};

class StoreListener {
  public:
    virtual ~StoreListener() = default;
    // Asked when a memory table is sealed: once everything written so far is flushed, the log is
    // not needed below this.
    virtual LogMark log_floor() = 0;
    // Everything up to `flushed` is durable, and the log is not needed below `floor`.
    virtual void flushed(Sequence flushed, LogMark floor) = 0;
    virtual void condition_changed(Condition condition) = 0;
    // After kBusy or a stopped pace: it may be worth trying again.
    virtual void writable() {}
};

// Ingest: replaces a range.
struct IngestFile {
    FileNumber number;  // from reserve_file(), also one of an earlier life
    Family family = Family::kDefault;
    FileId id;
    uint64_t file_bytes = 0;
    uint64_t file_checksum = 0;
};
struct IngestRequest {
    // Everything older in it is hidden, in kDefault, kLock and kWrite.
    KeyRange range;
    // Their keys lie in the range. At any level of overlap among each other only by family.
    std::vector<IngestFile> files;
    // Puts and removes that take effect together with the files.
    WriteBatch rows;
};

// Export: a range as it is at a snapshot, in table files of its own.
struct ExportRequest {
    KeyRange range;
    SnapshotRef snapshot;
    // Where the files go: an existing directory, and how their names begin.
    std::string directory;
    std::string prefix;
    uint64_t file_bytes_max = 64_MiB;
};
struct ExportedFile {
    std::string path;
    Family family = Family::kDefault;
    FileId id;
    uint64_t file_bytes = 0;
    uint64_t file_checksum = 0;
    uint64_t entries = 0;
};

struct StoreReport {  // of open()
    bool created = false;
    Sequence flushed;
    LogMark log_floor;
    size_t files = 0;
    uint64_t file_bytes = 0;
    size_t orphans = 0;  // files that no version holds, kept until finish_recovery()
};

class Store {
  public:
    struct Environment {
        Disk& disk;
        Executor& executor;
        EventLoop& loop;
    };
    using Done = std::move_only_function<void(Status)>;

    // Opens the store, or creates it. From a job; the store then belongs to the loop. The listener
    // is called from the loop only.
    // Errors: kMissing (no store and none to be made; a live file is gone), kLocked, kWrongFormat,
    // kNewerFormat, kForeign, kCorrupted, kPermissionDenied, kNoSpace (creation only), kIoError,
    // kInvalidArgument (options).
    static Result<std::unique_ptr<Store>> open(Environment environment, const Options& options,
                                               StoreListener& listener);
    ~Store();
    const StoreReport& report() const;

    // The owner's log speaks of this file: finish_recovery() must not remove it.
    void keep_file(FileNumber number);
    // Recovery is over: files that no version holds and nobody named are removed. Until then, or
    // until the first flush, nothing is compacted unless asked for.
    void finish_recovery();

    // Applies a batch in memory: visible when this returns. Gives its sequence number. Errors, with
    // nothing applied: kTooLarge, kBusy (the memory tables are full), kPoisoned (condition
    // kFailed), kClosed.
    Result<Sequence> write(const WriteBatch& batch);
    // To be asked before a write of about so many bytes.
    Pace pace(size_t bytes);

    // Seals the active memory table and flushes all there are. `done` runs when everything written
    // before the call is durable.
    void flush(Done done);
    // Compacts what overlaps [begin, end) down to the last level that holds any of it.
    void compact_range(Family family, KeyRange range, Done done);
    // Runs `done` once no flush or compaction is running or due.
    void settle(Done done);

    SnapshotRef snapshot();
    // Whether the key is there; its value. Any thread; from a job unless cache_only.
    Result<bool> get(const ReadOptions& options, Family family, std::string_view key,
                     PinnedValue& value) const;
    std::unique_ptr<StoreIterator> new_iterator(const ReadOptions& options, Family family) const;

    // Bytes in tables and memory tables between two keys, about.
    uint64_t approximate_bytes(Family family, const KeyRange& range) const;
    // A key that splits the range about in half by bytes; nothing if it is too small to tell.
    std::optional<std::string> middle_key(Family family, const KeyRange& range) const;

    // A place for a file that is to be ingested: its number, and the path to write it to. It is
    // kept until it is ingested or discarded, or, in a later life, unless it is named again.
    struct ReservedFile {
        FileNumber number;
        std::string path;
        uint64_t sync_failures_before = 0;
    };
    ReservedFile reserve_file();
    // Makes the name of the file at the place durable: before the owner's log speaks of it, and
    // before its ingest. From a job. Not by the disk's own sync of the directory: where that fails,
    // others' names are in doubt who would not hear of it. After an error the file is discarded.
    Status sync_name(const ReservedFile& file);
    void discard_file(FileNumber number);
    // Verifies the files and puts them in the place of the range, atomically and durably; then
    // `done`. The files are synced by the ingest, their names were by sync_name(); on an error they
    // stay reserved. kAlreadyExists if one of them is live already (the ingest was done in an
    // earlier life). Until `done`, the owner writes nothing into the range and none of the rows.
    void ingest(IngestRequest request, Done done);

    using ExportDone = std::move_only_function<void(Result<std::vector<ExportedFile>>)>;
    // Files are synced, their directory too. On an error none is left.
    void export_range(ExportRequest request, ExportDone done);

    // Ends all work; what is not flushed is left to the log. `done` runs when no job is left.
    void close(std::move_only_function<void()> done);

    Sequence sequence_last() const;
    Sequence flushed() const;
    LogMark log_floor() const;
    Condition condition() const;
    // Why, unless it is kRunning.
    std::optional<Error> condition_error() const;
    StoreStats stats() const;
    // Asserts S1 to S6 as far as memory shows them, and those of its parts.
    void check_invariants() const;

  private:
    class Core;
    explicit Store(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
