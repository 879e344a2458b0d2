#include "memtable/pacing.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

// Before anything was measured.
constexpr double kBytesPerSecondAtFirst = 100e6;
constexpr double kSecondsAtFirst = 0.1;
// Older work counts for half after so much newer.
constexpr double kSecondsRemembered = 10;
// Of pressure / (1 - pressure): at some point a writer crawls enough.
constexpr double kSlownessMax = 100;

// How far `value` has come from `slow` to `stop`.
double part_of_way(double value, double slow, double stop) {
    TIMBER_ASSERT(slow < stop);
    return std::max((value - slow) / (stop - slow), 0.0);
}

}  // namespace

Pacer::Pacer(const Options& options)
    : options_(options),
      work_bytes_(kBytesPerSecondAtFirst * kSecondsAtFirst),
      work_seconds_(kSecondsAtFirst) {
    TIMBER_ASSERT_OP(options.level0_files_slow, <, options.level0_files_stop);
    TIMBER_ASSERT_OP(options.debt_bytes_slow, <, options.debt_bytes_stop);
    update();
}

void Pacer::set_load(const Load& load) {
    load_ = load;
    update();
}

void Pacer::worked(uint64_t bytes_written, Duration busy) {
    work_bytes_ += static_cast<double>(bytes_written);
    work_seconds_ += std::chrono::duration<double>(busy).count();
    if (work_seconds_ > kSecondsRemembered) {
        work_bytes_ /= 2;
        work_seconds_ /= 2;
    }
    update();
}

double Pacer::bytes_per_second() const { return std::max(work_bytes_ / work_seconds_, 1.0); }

// A table that is sealed, and then flushed, counts from its first byte on for what it will become,
// so that neither makes the pressure jump.
void Pacer::update() {
    const double filled = std::min(static_cast<double>(load_.memory_table_bytes) /
                                       static_cast<double>(options_.memory_table_bytes),
                                   1.0);
    const double in_memory = static_cast<double>(load_.memory_tables_sealed) + filled;
    const double in_level0 = static_cast<double>(load_.level0_files) + in_memory;
    const auto sealed_max = static_cast<double>(options_.memory_tables_sealed_max);
    pressure_ = std::max({
        part_of_way(in_level0, static_cast<double>(options_.level0_files_slow),
                    static_cast<double>(options_.level0_files_stop)),
        part_of_way(in_memory, std::max(sealed_max / 2, 1.0), sealed_max + 1),
        part_of_way(static_cast<double>(load_.debt_bytes),
                    static_cast<double>(options_.debt_bytes_slow),
                    static_cast<double>(options_.debt_bytes_stop)),
    });
    const double slowness =
        pressure_ < 1 ? std::min(pressure_ / (1 - pressure_), kSlownessMax) : kSlownessMax;
    // It is written once by a flush, and again on its way down.
    const double work = 1 + load_.rewrites_per_byte;
    nanoseconds_per_byte_ = slowness * work / bytes_per_second() * 1e9;
}

Pace Pacer::pace(size_t bytes) const {
    if (pressure_ <= 0) return {};
    const double delay = static_cast<double>(bytes) * nanoseconds_per_byte_;
    return {.delay = Duration(static_cast<int64_t>(delay)), .stopped = pressure_ >= 1};
}

}  // namespace timber::memtable
