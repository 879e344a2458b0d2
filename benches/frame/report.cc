#include "benches/frame/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace timber::bench {

namespace {

std::string json_text(const std::string& text) {
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') quoted += '\\';
        if (static_cast<unsigned char>(character) < 0x20)
            quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
        else
            quoted += character;
    }
    return quoted + '"';
}

// An object, member by member.
class JsonObject {
  public:
    void add(const std::string& name, const std::string& text) { raw(name, json_text(text)); }
    void add(const std::string& name, const char* text) { raw(name, json_text(text)); }
    void add(const std::string& name, bool value) { raw(name, value ? "true" : "false"); }
    void add(const std::string& name, uint64_t value) { raw(name, std::to_string(value)); }
    void add(const std::string& name, double value) {
        raw(name, std::isfinite(value) ? fmt::format("{:.10g}", value) : "null");
    }
    void add(const std::string& name, const std::optional<double>& value) {
        if (value)
            add(name, *value);
        else
            raw(name, "null");
    }
    // The median under the name, the quartiles beside it.
    void add(const std::string& name, const Spread& spread) {
        add(name, spread.median);
        add(name + "_low", spread.low);
        add(name + "_high", spread.high);
    }
    void raw(const std::string& name, const std::string& json) {
        if (!text_.empty()) text_ += ", ";
        text_ += json_text(name) + ": " + json;
    }
    std::string str() const { return "{" + text_ + "}"; }

  private:
    std::string text_;
};

std::string machine_json(const Machine& machine) {
    JsonObject object;
    object.add("commit", machine.commit);
    object.add("date", machine.date);
    object.add("cpu", machine.cpu);
    object.add("cores", uint64_t{machine.cores});
    object.add("memory_bytes", machine.memory_bytes);
    object.add("kernel", machine.kernel);
    object.add("disk", machine.disk);
    object.add("write_cache", machine.write_cache);
    object.add("fua", machine.fua);
    object.add("scheduler", machine.scheduler);
    object.add("file_system", machine.file_system);
    object.add("direct_io", machine.direct_io);
    return object.str();
}

std::string parameters_json(const Report& report) {
    const Options& options = report.options;
    JsonObject object;
    object.add("seed", options.seed);
    object.add("slices", uint64_t{options.slices});
    object.add("seconds", options.seconds);
    object.add("slice_ms", report.slice_ms);
    object.add("stall_ms", options.stall_ms);
    object.add("quick", options.quick);
    object.add("tiny", options.tiny);
    for (const auto& [name, value] : options.parameters) object.add(name, value);
    return object.str();
}

// {"floor": {"ops_per_s": 0.98, ..., "p50": 1.02, ...}, ...}
std::string ratios_json(const Row& row) {
    JsonObject references;
    for (const Comparison& comparison : row.comparisons) {
        JsonObject ratios;
        ratios.add("ops_per_s", comparison.ops_per_s_ratio);
        ratios.add("p50", comparison.p50_ratio);
        references.raw(comparison.reference, ratios.str());
    }
    return references.str();
}

std::string row_json(const std::string& bench, const Row& row) {
    JsonObject object;
    object.add("bench", bench);
    object.add("subject", row.subject);
    object.add("case", row.of.name);
    object.add("parallel", uint64_t{row.of.parallel});
    object.add("value_bytes", row.of.value_bytes);
    object.add("rate_per_s", row.of.rate_per_s);
    object.add("ops_per_s", row.ops_per_s);
    object.add("p50_us", row.p50_us);
    object.add("p99_us", row.p99_us);
    object.add("p999_us", row.p999_us);
    object.add("max_us", row.max_us);
    object.add("device_bytes_per_byte", row.device_bytes_per_byte);
    object.add("device_writes_per_op", row.device_writes_per_op);
    object.add("device_flushes_per_op", row.device_flushes_per_op);
    object.add("device_read_bytes_per_op", row.device_read_bytes_per_op);
    object.add("device_counted_by", row.device_counted_by_subject ? "subject" : "block layer");
    object.add("cpu_us_per_op", row.cpu_us_per_op);
    object.add("rss_bytes", row.rss_bytes);
    object.add("slices", row.slices);
    object.add("operations", row.operations);
    object.add("stalls", row.stalls);
    object.add("stalls_ours", row.stalls_ours);
    object.add("stall_ours_max_us", row.stall_ours_max_us);
    object.raw("ratios", ratios_json(row));
    for (const auto& [name, value] : row.notes) object.add(name, value);
    return object.str();
}

// Three significant digits, without exponents.
std::string short_number(double value) {
    if (value >= 100) return fmt::format("{:.0f}", value);
    if (value >= 10) return fmt::format("{:.1f}", value);
    if (value >= 1) return fmt::format("{:.2f}", value);
    return fmt::format("{:.3f}", value);
}

std::string short_number(const std::optional<double>& value) {
    return value ? short_number(*value) : "-";
}

std::string spread_text(const Spread& spread) {
    return fmt::format("{} ({}..{})", short_number(spread.median), short_number(spread.low),
                       short_number(spread.high));
}

std::string case_title(const Case& of) {
    std::string title =
        fmt::format("case {}: parallel {}, {} B", of.name, of.parallel, of.value_bytes);
    if (of.rate_per_s > 0)
        title += fmt::format(", {} ops/s asked for", short_number(of.rate_per_s));
    return title;
}

std::string row_text(const Row& row) {
    std::string text =
        fmt::format("  {:<12} {:>26} {:>24} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}", row.subject,
                    spread_text(row.ops_per_s), spread_text(row.p50_us),
                    short_number(row.p99_us.median), short_number(row.p999_us),
                    short_number(row.max_us), short_number(row.device_bytes_per_byte),
                    short_number(row.device_writes_per_op), short_number(row.cpu_us_per_op),
                    short_number(static_cast<double>(row.rss_bytes) / (1 << 20)));
    text += '\n';
    for (const Comparison& comparison : row.comparisons)
        text += fmt::format("  {:<12} {} of {}'s ops/s, {} of its p50\n", "",
                            spread_text(comparison.ops_per_s_ratio), comparison.reference,
                            spread_text(comparison.p50_ratio));
    if (row.stalls > 0)
        text += fmt::format("  {:<12} {} stalls, {} of them ours, the longest {} us\n", "",
                            row.stalls, row.stalls_ours, short_number(row.stall_ours_max_us));
    for (const auto& [name, value] : row.notes)
        text += fmt::format("  {:<12} {} {}\n", "", name, short_number(value));
    return text;
}

}  // namespace

std::string table_of(const Report& report) {
    const Machine& machine = report.machine;
    std::string text = fmt::format(
        "{} at {}, {}\n{} cores of {}, kernel {}, {} on {} ({}{}){}\n"
        "seed {}, {} slices of {} ms\n",
        report.bench, machine.commit, machine.date, machine.cores, machine.cpu, machine.kernel,
        machine.file_system, machine.disk.empty() ? "no device" : machine.disk,
        machine.write_cache.empty() ? "cache unknown" : machine.write_cache,
        machine.fua ? ", FUA" : "", machine.direct_io ? "" : ", NO DIRECT I/O", report.options.seed,
        report.options.slices, short_number(report.slice_ms));
    for (const auto& [name, value] : report.options.parameters)
        text += fmt::format("{} {}\n", name, short_number(value));
    const Case* last = nullptr;
    for (const Row& row : report.rows) {
        if (last == nullptr || case_title(*last) != case_title(row.of)) {
            text += fmt::format(
                "\n{}\n  {:<12} {:>26} {:>24} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}\n",
                case_title(row.of), "subject", "ops/s", "p50 us", "p99 us", "p99.9", "max us",
                "dev B/B", "dev W/op", "cpu us", "RSS MiB");
        }
        text += row_text(row);
        last = &row.of;
    }
    const auto slower = [](const Interval& a, const Interval& b) {
        return a.length_ns() < b.length_ns();
    };
    const auto& probed = report.prober_slow_writes;
    const auto slowest = std::max_element(probed.begin(), probed.end(), slower);
    if (slowest != probed.end())
        text += fmt::format("\nthe prober saw {} slow writes, the slowest {} ms\n", probed.size(),
                            short_number(static_cast<double>(slowest->length_ns()) / kNsPerMs));
    return text;
}

std::string json_of(const Report& report) {
    std::string rows;
    for (const Row& row : report.rows) {
        if (!rows.empty()) rows += ",\n";
        rows += "  " + row_json(report.bench, row);
    }
    return "{\"machine\": " + machine_json(report.machine) +
           ",\n\"parameters\": " + parameters_json(report) + ",\n\"rows\": [\n" + rows + "\n]}\n";
}

}  // namespace timber::bench
