#pragma once
// The store behind its front door: owns the parts, and looks at all of them whenever something has
// changed.
//
// work() is the one place that decides what is due: which table to seal, what to start, whom to
// answer. Everything that ends, on the loop, calls it, and it does nothing where nothing is due. So
// no completion has to know who else may be waiting for it.
//
// Thread, lifetime, failure: store.h.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/compactor.h"
#include "memtable/exporter.h"
#include "memtable/flusher.h"
#include "memtable/ingestor.h"
#include "memtable/store.h"
#include "memtable/store_parts.h"

namespace timber::memtable {

class Store::Core {
  public:
    Core(std::unique_ptr<StoreFoundation> foundation, StoreListener& listener);
    ~Core();

    void start();

    // Any thread.
    Result<bool> get(const ReadOptions& options, Family family, std::string_view key,
                     PinnedValue& value) const;
    std::unique_ptr<StoreIterator> new_iterator(const ReadOptions& options, Family family) const;
    SnapshotRef snapshot() { return parts_.snapshots.create(parts_.current.visible_value()); }
    ViewRef view() const { return parts_.current.view(); }
    Status sync_name(const ReservedFile& file) {
        return parts_.jobs.names.sync(file.sync_failures_before);
    }

    // The loop.
    Result<Sequence> write(const WriteBatch& batch);
    Pace pace(size_t bytes);
    void flush(Done done);
    void compact_range(Family family, KeyRange range, Done done);
    void settle(Done done);
    void ingest(IngestRequest request, Done done);
    void export_range(ExportRequest request, ExportDone done);
    void close(std::move_only_function<void()> done);
    FileKeeper& files() { return parts_.files; }
    ReservedFile reserve_file();
    void finish_recovery();

    Sequence sequence_last() const { return parts_.writes.last(); }
    const Version& version() const { return *parts_.manifest.version(); }
    const Health& health() const { return parts_.health; }
    const StoreReport& report() const { return parts_.foundation->report; }
    StoreStats stats() const;
    void check_invariants() const;

  private:
    enum class Closing : uint8_t { kNo, kJobs, kFiles, kDone };

    void work();
    void update_memory_limit();
    void start_work();
    bool may_compact() const;
    void seal_if_due();
    bool level0_waits_for_flush() const;
    void flush_nothing();
    void update_load();
    void answer();
    void tell();
    // Why nothing is taken on any more; nothing while it is.
    std::optional<Error> refusal() const;
    bool settled() const;
    void post_result(Done done, Status status);
    void close_if_ended();
    void close_files();

    StoreParts parts_;
    Flusher flusher_{parts_};
    Compactor compactor_{parts_};
    Ingestor ingestor_{parts_};
    Exporter exporter_{parts_};

    bool working_ = false;
    bool work_again_ = false;
    // Closed or failed: write() looks at nothing else first.
    bool refusing_ = false;
    std::vector<Done> settle_waiters_;
    // What the owner was told last.
    Condition told_condition_ = Condition::kRunning;
    // A writer was refused and has not been told to try again.
    bool owes_writable_ = false;
    // As the pacer last heard of it.
    Load load_;
    uint64_t writes_refused_ = 0;
    Duration delay_asked_{};

    Closing closing_ = Closing::kNo;
    std::move_only_function<void()> closed_;
};

}  // namespace timber::memtable
