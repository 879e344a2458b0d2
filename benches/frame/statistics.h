#pragma once
// From slices to rows: medians, spread, and ratios within a run.
//
// Pure functions over values; the frame feeds them, and tests feed them made-up series.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "benches/frame/interval.h"
#include "benches/frame/subject.h"

namespace timber::bench {

// The middle of a series, and its lower and upper quartile.
struct Spread {
    double median = 0;
    double low = 0;
    double high = 0;
};

// Quantile `fraction` of `values`, between neighbours where it falls between; 0 if there are none.
double quantile_of(std::vector<double> values, double fraction);
Spread spread_of(const std::vector<double>& values);
// The spread of values[i] / reference[i]: slices that ran next to each other. Slices where the
// reference is 0 do not count.
Spread ratio_of(const std::vector<double>& values, const std::vector<double>& reference);

// What one subject did in one slice.
struct SliceResult {
    double seconds = 0;
    uint64_t operations = 0;
    uint64_t bytes = 0;
    double p50_us = 0;
    double p99_us = 0;
    double p999_us = 0;
    double max_us = 0;
    double cpu_us = 0;
    uint64_t rss_bytes = 0;
    std::optional<DeviceCount> device{};
    std::vector<Interval> stalls{};
    std::map<std::string, double> notes{};
};

// One subject against another in the same slices.
struct Comparison {
    std::string reference;
    Spread ops_per_s_ratio;
    Spread p50_ratio;
};

// One line of the report: one subject in one case.
struct Row {
    std::string subject;
    Case of;
    uint64_t slices = 0;
    uint64_t operations = 0;
    Spread ops_per_s;
    Spread p50_us;
    Spread p99_us;
    double p999_us = 0;  // median over slices
    double max_us = 0;   // of the whole run
    std::optional<double> device_bytes_per_byte;
    std::optional<double> device_writes_per_op;
    std::optional<double> device_flushes_per_op;
    std::optional<double> device_read_bytes_per_op;
    bool device_counted_by_subject = false;
    double cpu_us_per_op = 0;
    uint64_t rss_bytes = 0;  // the most that the subject's own calls added to the process
    uint64_t stalls = 0;
    uint64_t stalls_ours = 0;
    double stall_ours_max_us = 0;
    std::map<std::string, double> notes;
    std::vector<Comparison> comparisons;
};

// `probed` are the prober's slow writes during the run.
Row summarise(const std::string& subject, const Case& of, const std::vector<SliceResult>& slices,
              const std::vector<Interval>& probed);

// As many slices of the reference as of the subject.
Comparison compare(const std::vector<SliceResult>& slices, const std::string& reference,
                   const std::vector<SliceResult>& reference_slices);

}  // namespace timber::bench
