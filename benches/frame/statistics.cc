#include "benches/frame/statistics.h"

#include <algorithm>
#include <cmath>

#include "benches/frame/prober.h"
#include "src/base/assert.h"

namespace timber::bench {

namespace {

template <typename Field>
std::vector<double> series(const std::vector<SliceResult>& slices, Field field) {
    std::vector<double> values;
    for (const SliceResult& slice : slices) values.push_back(static_cast<double>(field(slice)));
    return values;
}

std::vector<double> rates(const std::vector<SliceResult>& slices) {
    return series(slices, [](const SliceResult& slice) {
        return slice.seconds > 0 ? static_cast<double>(slice.operations) / slice.seconds : 0;
    });
}

double per(uint64_t amount, uint64_t count) {
    return count == 0 ? 0 : static_cast<double>(amount) / static_cast<double>(count);
}

void count_stalls(Row& row, const SliceResult& slice, const std::vector<Interval>& probed) {
    row.stalls += slice.stalls.size();
    for (const Interval& stall : slice.stalls) {
        if (!is_ours(stall, probed)) continue;
        ++row.stalls_ours;
        const double length_us = static_cast<double>(stall.length_ns()) / kNsPerUs;
        row.stall_ours_max_us = std::max(row.stall_ours_max_us, length_us);
    }
}

// Device counts over the whole run: a slice may pay for what an earlier one wrote.
void count_device(Row& row, const std::vector<SliceResult>& slices) {
    DeviceCount total;
    uint64_t bytes = 0;
    for (const SliceResult& slice : slices) {
        if (!slice.device) return;
        total.bytes_written += slice.device->bytes_written;
        total.writes += slice.device->writes;
        total.flushes += slice.device->flushes;
        total.bytes_read += slice.device->bytes_read;
        bytes += slice.bytes;
    }
    row.device_bytes_per_byte = per(total.bytes_written, bytes);
    row.device_writes_per_op = per(total.writes, row.operations);
    row.device_flushes_per_op = per(total.flushes, row.operations);
    row.device_read_bytes_per_op = per(total.bytes_read, row.operations);
}

void take_notes(Row& row, const std::vector<SliceResult>& slices) {
    std::map<std::string, std::vector<double>> all;
    for (const SliceResult& slice : slices)
        for (const auto& [name, value] : slice.notes) all[name].push_back(value);
    for (const auto& [name, values] : all) row.notes[name] = quantile_of(values, 0.5);
}

}  // namespace

double quantile_of(std::vector<double> values, double fraction) {
    TIMBER_ASSERT(fraction >= 0 && fraction <= 1);
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const double place = fraction * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

Spread spread_of(const std::vector<double>& values) {
    return {quantile_of(values, 0.5), quantile_of(values, 0.25), quantile_of(values, 0.75)};
}

Spread ratio_of(const std::vector<double>& values, const std::vector<double>& reference) {
    TIMBER_ASSERT_OP(values.size(), ==, reference.size());
    std::vector<double> ratios;
    for (size_t i = 0; i < values.size(); ++i)
        if (reference[i] > 0) ratios.push_back(values[i] / reference[i]);
    return spread_of(ratios);
}

Row summarise(const std::string& subject, const Case& of, const std::vector<SliceResult>& slices,
              const std::vector<Interval>& probed) {
    Row row;
    row.subject = subject;
    row.of = of;
    row.slices = slices.size();
    double cpu_us = 0;
    for (const SliceResult& slice : slices) {
        row.operations += slice.operations;
        row.max_us = std::max(row.max_us, slice.max_us);
        row.rss_bytes = std::max(row.rss_bytes, slice.rss_bytes);
        cpu_us += slice.cpu_us;
        count_stalls(row, slice, probed);
    }
    row.ops_per_s = spread_of(rates(slices));
    row.p50_us = spread_of(series(slices, [](const SliceResult& slice) { return slice.p50_us; }));
    row.p99_us = spread_of(series(slices, [](const SliceResult& slice) { return slice.p99_us; }));
    row.p999_us =
        quantile_of(series(slices, [](const SliceResult& slice) { return slice.p999_us; }), 0.5);
    if (row.operations > 0) row.cpu_us_per_op = cpu_us / static_cast<double>(row.operations);
    count_device(row, slices);
    take_notes(row, slices);
    return row;
}

Comparison compare(const std::vector<SliceResult>& slices, const std::string& reference,
                   const std::vector<SliceResult>& reference_slices) {
    const auto p50 = [](const SliceResult& slice) { return slice.p50_us; };
    return {.reference = reference,
            .ops_per_s_ratio = ratio_of(rates(slices), rates(reference_slices)),
            .p50_ratio = ratio_of(series(slices, p50), series(reference_slices, p50))};
}

}  // namespace timber::bench
