#pragma once
// The storage engine: its parts, from opening to closing.
//
// Thread:     the loop.
// Lifetime:   destroyed on the loop, once it is closed.
#include <functional>
#include <memory>

#include "src/storage/commit_path.h"
#include "src/storage/engine_parts.h"
#include "src/storage/entry_reader.h"
#include "src/storage/log_space.h"
#include "src/storage/opening.h"
#include "src/storage/replay.h"
#include "src/storage/state_path.h"
#include "src/storage/storage_engine.h"

namespace timber::storage {

class StorageEngine::Core final : public memtable::StoreListener {
  public:
    Core(Environment environment, const EngineOptions& options, Applier& applier,
         EngineListener& listener);
    ~Core() override;

    // Opens; `done` runs once, never within the call. After an error everything is closed.
    void open(Done done);
    void close(std::move_only_function<void()> done);

    Status commit(WriteBatch batch, Done done, bool urgent);
    size_t commit_bytes_max() const { return commits_.commit_bytes_max(); }
    Status apply(RegionId region, AppliedState state, const memtable::WriteBatch& effects);
    memtable::Pace pace(size_t bytes);
    void flush(Done done);
    EngineStats stats() const;
    void check_invariants() const;

    EngineParts& parts() { return parts_; }
    const EngineParts& parts() const { return parts_; }
    EntryReader& reader() { return reader_; }
    const EntryReader& reader() const { return reader_; }

  private:
    enum class Phase : uint8_t { kOpening, kReplaying, kRunning, kClosing, kClosed };
    enum class Closing : uint8_t { kReads, kLog, kStore, kCommits };

    // memtable::StoreListener.
    memtable::LogMark log_floor() override;
    void flushed(memtable::Sequence flushed, memtable::LogMark floor) override;
    void condition_changed(memtable::Condition condition) override;
    void writable() override;

    // Opening.
    void opened(Status status);
    Status identify_state(bool known);
    void replayed(Status status);
    void write_identity();
    void finish_opening(Status status);
    // Closing.
    void close_step();
    void close_log();
    void close_store();

    std::optional<Error> refusal() const;
    void changed();
    // The owner was sent away, and is to be told when to come again.
    void owe_writable(const Error& refused);

    EngineParts parts_;
    CommitPath commits_;
    StatePath states_;
    EntryReader reader_;
    LogSpace space_;

    Phase phase_ = Phase::kOpening;
    std::unique_ptr<Opening> opening_;
    std::unique_ptr<Recovered> recovered_;
    std::unique_ptr<Replay> replay_;
    Done opened_done_;

    Closing closing_ = Closing::kReads;
    bool closing_part_ = false;  // a part's close() is under way
    std::move_only_function<void()> closed_done_;

    bool owes_writable_ = false;  // once commits have been answered
    Timer writable_timer_;
};

}  // namespace timber::storage
