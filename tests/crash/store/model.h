#pragma once
// What the state store owes its owner: after a death, the batches up to some point, whole, in every
// family alike, that point being no earlier than what it said was flushed; and every ingest that it
// acknowledged.
//
// A value: the explorer copies it together with the disk at the moment of a death. Maps are shared
// between copies until they change.
//
// Thread:     one.
// Failure:    a Status with kCorrupted says which promise the store broke.
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/store.h"

namespace timber::memtable {

using Rows = std::map<std::string, std::string, std::less<>>;

// All rows of all families.
class Contents {
  public:
    Rows& rows(Family family) { return rows_[index_of(family)]; }
    const Rows& rows(Family family) const { return rows_[index_of(family)]; }
    void apply(const WriteBatch& batch);
    void remove_range(Family family, std::string_view begin, std::string_view end);

    friend bool operator==(const Contents&, const Contents&) = default;

  private:
    std::array<Rows, kFamilies> rows_;
};

// The first place where they differ, for people.
std::string difference(const Contents& expected, const Contents& found);

// What an ingest puts in the place of a range.
struct IngestContent {
    KeyRange range;
    std::vector<IngestFile> files;
    std::array<Rows, kFamilies> rows;  // of the files
    WriteBatch extra;                  // the rows given along

    void apply(Contents& contents) const;
    // Whether the batch, or a key, is none of the ingest's business.
    bool apart_from(Family family, std::string_view key) const;
    bool apart_from_range(Family family, std::string_view begin, std::string_view end) const;
};

// What an opening shows.
struct RecoveredStore {
    Sequence flushed;
    LogMark log_floor;
    Contents contents;
};

class StoreModel {
  public:
    // The owner's deeds and the store's answers.
    void written(const WriteBatch& batch, Sequence sequence);
    void ingest_begun(std::shared_ptr<const IngestContent> content);
    void ingest_done(Sequence sequence);
    void ingest_refused();
    void flushed(Sequence flushed, LogMark floor);

    // The log is needed from the next batch on.
    LogMark log_floor() const { return LogMark(next_number_); }

    // Compares what an opening showed with what is owed, and goes on from there.
    Status recovered(const RecoveredStore& store);

    bool ever_opened() const { return ever_opened_; }
    const Contents& now() const { return *now_; }
    std::shared_ptr<const Contents> now_shared() const { return now_; }
    const std::shared_ptr<const IngestContent>& ingest_pending() const { return ingest_pending_; }
    // What the last recovery did not show, in the order of the writes; the ingest too.
    const std::vector<WriteBatch>& lost() const { return lost_; }
    const std::shared_ptr<const IngestContent>& ingest_lost() const { return ingest_lost_; }
    void forget_lost();

  private:
    // In the order of publication: a batch, or an ingest.
    struct Change {
        Sequence sequence;
        WriteBatch batch;
        std::shared_ptr<const IngestContent> ingest;
    };

    Contents& change_now();
    Contents replay(Sequence flushed, bool with_pending) const;

    bool ever_opened_ = false;
    std::shared_ptr<Contents> base_ = std::make_shared<Contents>();
    std::shared_ptr<Contents> now_ = base_;
    std::vector<Change> changes_;  // since base_
    uint64_t base_number_ = 1;     // of the first batch in changes_
    uint64_t next_number_ = 1;
    std::shared_ptr<const IngestContent> ingest_pending_;
    Sequence flushed_told_;
    LogMark floor_told_;
    std::vector<WriteBatch> lost_;
    std::shared_ptr<const IngestContent> ingest_lost_;
};

}  // namespace timber::memtable
