#pragma once
// How the background fares: what failed, whether it may be tried again, and what the owner hears.
//
// Each part of the background (flush, compaction, reserve) is fine or in trouble. In trouble it is
// tried again after a delay, which doubles from failure to failure; what succeeds ends its trouble.
// A failed write of the manifest, or a dead machine, is for ever.
//
// Thread:     the loop.
// Invariants: H1  once failed for ever, it stays so, with the first reason.
//             H2  a timer is armed only while some part is in trouble, and never once stopped.
#include <array>
#include <functional>
#include <optional>

#include "memtable/store.h"
#include "src/base/io/event_loop.h"

namespace timber::memtable {

class Health {
  public:
    // The delay grows up to this many times the first one.
    static constexpr int kDelayGrowthMax = 32;

    enum class Part : uint8_t { kFlush, kCompaction, kReserve };

    // `retry` runs when some part may be tried again.
    Health(EventLoop& loop, Duration retry_delay, std::move_only_function<void()> retry);

    void failed(Part part, Error error);
    void recovered(Part part);
    void fail_for_ever(Error error);
    // No timer any more.
    void stop();

    bool in_trouble(Part part) const { return troubles_[index(part)].error.has_value(); }
    // Fine, or due to be tried again.
    bool may_try(Part part) const;
    bool failed_for_ever() const { return final_.has_value(); }
    Condition condition() const;
    // The worst of what is wrong.
    std::optional<Error> error() const;
    uint64_t failures() const { return failures_; }

  private:
    struct Trouble {
        std::optional<Error> error;
        Duration delay{};
        Instant retry_at;
    };

    static size_t index(Part part) { return static_cast<size_t>(part); }
    void arm();

    EventLoop& loop_;
    const Duration retry_delay_;
    std::array<Trouble, 3> troubles_;
    std::optional<Error> final_;
    uint64_t failures_ = 0;
    bool stopped_ = false;
    Timer timer_;
};

}  // namespace timber::memtable
