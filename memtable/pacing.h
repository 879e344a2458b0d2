#pragma once
// Slows writers while the background is behind, long before it would have to stop them.
//
// Pressure is how far the worst of three has come between the point where writers are slowed and
// the point where they are stopped: files in level 0 (with what waits in memory to become such),
// memory tables waiting for their flush, and bytes that compaction is behind by. A writer is
// delayed by pressure / (1 - pressure) times what a byte costs the background, as measured: nothing
// at the slow point, half of the background's pace at a half, and without bound towards the stop.
// So the delay rises without a jump, and the stop is reached only by writers who do not wait.
//
// Thread:     the loop.
// Invariants: PA1  the delay never falls when a load rises, and is 0 below every slow point.
//             PA2  stopped only where pressure is 1 or more.
#include <cstdint>

#include "memtable/options.h"
#include "memtable/store.h"
#include "src/base/io/clock.h"

namespace timber::memtable {

// What waits for the background.
struct Load {
    size_t level0_files = 0;       // of the family that has most
    uint64_t debt_bytes = 0;       // LevelShape, of all families
    double rewrites_per_byte = 1;  // LevelShape, of the family that has most debt
    size_t memory_tables_sealed = 0;
    size_t memory_table_bytes = 0;  // of the active one
};

class Pacer {
  public:
    explicit Pacer(const Options& options);

    // Whenever one of them has changed; the active table's bytes may be told more seldom.
    void set_load(const Load& load);
    // A step of a flush or compaction wrote so much in that time.
    void worked(uint64_t bytes_written, Duration busy);

    // For a writer that comes with so many bytes.
    Pace pace(size_t bytes) const;

    // 0: nothing is behind; 1: writers are stopped.
    double pressure() const { return pressure_; }
    // That a job of the background writes while it works, of late.
    double bytes_per_second() const;

  private:
    void update();

    const Options& options_;
    Load load_;
    double pressure_ = 0;
    double nanoseconds_per_byte_ = 0;  // of a writer's byte, at the present pressure
    double work_bytes_ = 0;            // of late, and the time it took
    double work_seconds_ = 0;
};

}  // namespace timber::memtable
