#include "benches/frame/bench.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace timber::bench {

namespace {

// What --quick may take in all. Below 50 seconds: preparing, settling and checking take some too.
constexpr int64_t kQuickNs = 42 * kNsPerSecond;
constexpr int64_t kSliceNsMin = 5 * kNsPerMs;
// The part of a case's quick time that is for slices; settling and checking get the rest.
constexpr double kQuickShare = 0.8;

template <typename Value>
bool wants(const std::vector<Value>& chosen, const Value& value) {
    return chosen.empty() || std::find(chosen.begin(), chosen.end(), value) != chosen.end();
}

// Keeps account of what the calls of a subject add to the process.
class RssAccount {
  public:
    explicit RssAccount(int64_t& account) : account_(account), before_(process_rss_bytes()) {}
    ~RssAccount() { account_ += static_cast<int64_t>(process_rss_bytes() - before_); }
    RssAccount(const RssAccount&) = delete;
    RssAccount& operator=(const RssAccount&) = delete;

  private:
    int64_t& account_;
    const uint64_t before_;
};

double us_of(uint64_t ns) { return static_cast<double>(ns) / kNsPerUs; }

SliceResult result_of(const SliceRecorder& recorder, int64_t end_ns) {
    const Histogram latencies_ns = recorder.latencies_ns();
    return {.seconds = static_cast<double>(end_ns - recorder.slice().start_ns) / kNsPerSecond,
            .operations = latencies_ns.count(),
            .bytes = recorder.bytes(),
            .p50_us = us_of(latencies_ns.quantile(0.5)),
            .p99_us = us_of(latencies_ns.quantile(0.99)),
            .p999_us = us_of(latencies_ns.quantile(0.999)),
            .max_us = us_of(latencies_ns.max()),
            .stalls = recorder.stalls(),
            .notes = recorder.notes()};
}

}  // namespace

Bench::Bench(std::string name, const Options& options) : options_(options), random_(options.seed) {
    report_.bench = std::move(name);
}

void Bench::add(std::unique_ptr<Subject> subject) { subjects_.push_back(std::move(subject)); }

void Bench::add_case(Case wanted) { cases_.push_back(std::move(wanted)); }

void Bench::compare_to(std::string subject) { references_.push_back(std::move(subject)); }

std::vector<Case> Bench::chosen_cases() const {
    std::vector<Case> chosen;
    for (const Case& wanted : cases_)
        if (wants(options_.cases, wanted.name) && wants(options_.parallel, wanted.parallel) &&
            wants(options_.value_bytes, wanted.value_bytes) && (wanted.quick || !options_.quick))
            chosen.push_back(wanted);
    return chosen;
}

std::vector<Bench::Turn> Bench::turns_for(const Case& wanted) const {
    std::vector<Turn> turns;
    for (const auto& subject : subjects_)
        if (wants(options_.subjects, subject->name()) && subject->takes(wanted))
            turns.push_back({.subject = subject.get()});
    return turns;
}

int64_t Bench::slice_ns(const Case& wanted, size_t turns, size_t cases_left) const {
    const auto slices = static_cast<double>(options_.slices);
    const double seconds = wanted.seconds > 0 && !options_.tiny ? wanted.seconds : options_.seconds;
    if (!options_.quick) return static_cast<int64_t>(seconds / slices * kNsPerSecond);
    const auto left = static_cast<double>(std::max<int64_t>(start_ns_ + kQuickNs - now_ns(), 0));
    const double of_case = left * kQuickShare / static_cast<double>(cases_left);
    return std::max(static_cast<int64_t>(of_case / slices / static_cast<double>(turns)),
                    kSliceNsMin);
}

Status Bench::prepare(Turn& turn, const Case& wanted) {
    const RssAccount account(turn.rss_bytes);
    return turn.subject->prepare(wanted);
}

std::optional<DeviceCount> Bench::device_count(const Subject& subject) const {
    if (const auto own = subject.device_count()) return own;
    const auto all = device_ ? device_->count() : std::nullopt;
    if (!all) return std::nullopt;
    const uint64_t probes = prober_->writes();
    const uint64_t probe_flushes = all->flushes > 0 ? probes : 0;
    return *all - DeviceCount{.bytes_written = probes * BlockFile::kBlockBytes,
                              .writes = probes,
                              .flushes = probe_flushes};
}

Status Bench::run_slice(Turn& turn, const Case& wanted, int64_t length_ns) {
    Subject& subject = *turn.subject;
    const RssAccount account(turn.rss_bytes);
    const auto device_before = device_count(subject);
    const int64_t cpu_before = process_cpu_ns() - prober_->cpu_ns();

    const int64_t start = now_ns();
    SliceRecorder recorder(wanted, subject.lanes(wanted), {start, start + length_ns},
                           static_cast<int64_t>(options_.stall_ms * kNsPerMs));
    TIMBER_CHECK(subject.run_slice(wanted, recorder));
    SliceResult result = result_of(recorder, now_ns());
    TIMBER_CHECK(subject.settle(wanted));

    result.cpu_us =
        static_cast<double>(process_cpu_ns() - prober_->cpu_ns() - cpu_before) / kNsPerUs;
    const auto device_after = device_count(subject);
    if (device_before && device_after) result.device = *device_after - *device_before;
    result.rss_bytes = static_cast<uint64_t>(std::max<int64_t>(turn.rss_bytes, 0));
    turn.slices.push_back(std::move(result));
    return {};
}

Status Bench::run_case(const Case& wanted, size_t cases_left) {
    std::vector<Turn> turns = turns_for(wanted);
    if (turns.empty()) return {};
    for (Turn& turn : turns) TIMBER_CHECK(prepare(turn, wanted));
    const int64_t length_ns = slice_ns(wanted, turns.size(), cases_left);
    const double length_ms = static_cast<double>(length_ns) / kNsPerMs;
    report_.slice_ms = report_.slice_ms == 0 ? length_ms : std::min(report_.slice_ms, length_ms);
    for (uint32_t round = 0; round < options_.slices; ++round) {
        std::vector<Turn*> order;
        for (Turn& turn : turns) order.push_back(&turn);
        while (!order.empty()) {
            const auto next = order.begin() + static_cast<ptrdiff_t>(random_.below(order.size()));
            TIMBER_CHECK(run_slice(**next, wanted, length_ns));
            order.erase(next);
        }
    }
    for (Turn& turn : turns) TIMBER_CHECK(turn.subject->finish(wanted));
    TIMBER_CHECK(prober_->status());
    report_case(wanted, turns);
    return {};
}

void Bench::report_case(const Case& wanted, const std::vector<Turn>& turns) {
    const std::vector<Interval> probed = prober_->slow_writes();
    for (const Turn& turn : turns) {
        Row row = summarise(turn.subject->name(), wanted, turn.slices, probed);
        row.device_counted_by_subject = turn.subject->device_count().has_value();
        for (const Turn& other : turns) {
            const std::string name = other.subject->name();
            const bool is_reference =
                std::find(references_.begin(), references_.end(), name) != references_.end();
            if (is_reference && other.subject != turn.subject)
                row.comparisons.push_back(compare(turn.slices, name, other.slices));
        }
        report_.rows.push_back(std::move(row));
    }
}

Status Bench::run_all() {
    std::error_code error;
    std::filesystem::create_directories(options_.directory, error);
    if (error) return os_error(error.value(), options_.directory, "make the bench's directory");
    report_.machine = describe_machine(options_.directory);
    device_ = BlockDevice::under(options_.directory);
    TIMBER_TRY(prober_, Prober::start(options_.directory));
    start_ns_ = now_ns();
    const std::vector<Case> chosen = chosen_cases();
    for (size_t i = 0; i < chosen.size(); ++i) TIMBER_CHECK(run_case(chosen[i], chosen.size() - i));
    report_.prober_slow_writes = prober_->slow_writes();
    prober_.reset();
    return {};
}

Status Bench::write_json() const {
    if (options_.json_path.empty()) return {};
    std::ofstream file(options_.json_path);
    file << json_of(report_);
    file.close();
    if (!file) return file_error(ErrorCode::kIoError, options_.json_path, "write the results");
    return {};
}

int Bench::run() {
    Status done = run_all();
    report_.options = options_;
    if (done.ok()) {
        std::fputs(table_of(report_).c_str(), stdout);
        done = write_json();
    }
    if (done.ok()) return 0;
    std::fprintf(stderr, "%s: %s\n", report_.bench.c_str(), done.error().to_string().c_str());
    return 1;
}

}  // namespace timber::bench
