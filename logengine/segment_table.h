#pragma once
// The live segments, oldest to newest, and who is reading them.
//
// Thread:     the owner's loop adds and takes; pin() from any thread.
// Lifetime:   a Pin keeps its segment from being taken; the table outlives all pins.
// Invariants: T1  segment ids grow from oldest to newest.
//             T2  a pinned segment is never taken.
#include <functional>
#include <map>
#include <memory>

#include "logengine/segment_file.h"
#include "src/base/mutex.h"

namespace timber::logengine {

class SegmentTable {
  public:
    // `unpinned` runs, on whichever thread, when a segment that take_oldest() could not give lost
    // its last pin.
    explicit SegmentTable(std::move_only_function<void()> unpinned)
        : unpinned_(std::move(unpinned)) {}
    ~SegmentTable();

    class Pin {
      public:
        Pin(SegmentTable& table, SegmentId id, FileHandle file, std::string path)
            : table_(&table), id_(id), file_(file), path_(std::move(path)) {}
        Pin(Pin&& other) noexcept
            : table_(std::exchange(other.table_, nullptr)),
              id_(other.id_),
              file_(other.file_),
              path_(std::move(other.path_)) {}
        Pin& operator=(Pin&&) = delete;
        ~Pin() {
            if (table_ != nullptr) table_->unpin(id_);
        }
        FileHandle file() const { return file_; }
        const std::string& path() const { return path_; }

      private:
        SegmentTable* table_;
        SegmentId id_;
        FileHandle file_;
        std::string path_;
    };

    // Any thread. None if the segment is not live.
    std::optional<Pin> pin(SegmentId id) TIMBER_EXCLUDES(mutex_);

    // The rest: the loop.
    Segment& add(std::unique_ptr<Segment> segment) TIMBER_EXCLUDES(mutex_);
    // Null if it is pinned; `unpinned` tells when to ask again.
    std::unique_ptr<Segment> take_oldest() TIMBER_EXCLUDES(mutex_);
    Segment& oldest();
    Segment& newest();
    // The segment after `segment`; null behind the newest.
    Segment* after(const Segment& segment);
    size_t size() const TIMBER_EXCLUDES(mutex_);
    // Calls `visit` for each segment, oldest first, and forgets all; none may be pinned.
    void clear(const std::function<void(std::unique_ptr<Segment>)>& visit) TIMBER_EXCLUDES(mutex_);

  private:
    struct Entry {
        std::unique_ptr<Segment> segment;
        size_t pins = 0;
        bool wanted = false;  // take_oldest() asked for it while it was pinned
    };

    void unpin(SegmentId id) TIMBER_EXCLUDES(mutex_);

    mutable Mutex mutex_;
    std::map<SegmentId, Entry> entries_ TIMBER_GUARDED_BY(mutex_);
    std::move_only_function<void()> unpinned_;
};

}  // namespace timber::logengine
