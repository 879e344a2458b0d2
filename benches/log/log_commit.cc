// What does it cost to commit one record to the log, durably, with few callers and with many?
//
// Beside the disk's floors, RocksDB and LevelDB with synced writes. Callers with callbacks (case
// `async`), blocking threads (case `threads`), and arrivals at fixed rates (case `open`). Case
// `full_rate` goes on for a minute: does the log ever stand still while the disk does not?
#include "benches/frame/bench.h"
#include "benches/frame/floor_subject.h"
#include "benches/log/group_floor_subject.h"
#include "benches/log/leveldb_subject.h"
#include "benches/log/log_subject.h"
#include "benches/log/rocksdb_subject.h"
#include "src/base/io/log.h"

using namespace timber;
using namespace timber::bench;

namespace {

constexpr uint32_t kCallers[] = {1, 16, 64, 256, 1024};
constexpr uint64_t kRecordBytes[] = {256, 4_KiB, 64_KiB};
constexpr double kRates[] = {1'000, 10'000, 50'000, 200'000};

// What the aims name.
bool is_aim(uint32_t callers, uint64_t bytes, bool async) {
    return bytes == 256 && (callers == 64 || (callers == 1 && async));
}

void add_closed_loops(Bench& bench, bool tiny) {
    for (const bool async : {true, false})
        for (const uint64_t bytes : kRecordBytes)
            for (const uint32_t callers : kCallers) {
                const bool aim = is_aim(callers, bytes, async);
                if (tiny && !aim) continue;
                bench.add_case({.name = async ? "async" : "threads",
                                .parallel = callers,
                                .value_bytes = bytes,
                                .quick = aim});
            }
}

void add_open_loops(Bench& bench, bool tiny) {
    for (const double rate : kRates) {
        if (tiny && rate != kRates[0]) continue;
        bench.add_case({.name = "open",
                        .parallel = 64,
                        .value_bytes = 256,
                        .rate_per_s = rate,
                        .quick = false});
    }
}

// A minute of our own; the others are not asked.
void add_full_rate(Bench& bench) {
    bench.add_case(
        {.name = "full_rate", .parallel = 64, .value_bytes = 256, .quick = false, .seconds = 60});
}

}  // namespace

int main(int argc, char** argv) {
    set_log_level(LogLevel::kWarning);
    Options options = parse_options("What does one durable commit cost?", argc, argv);
    Bench bench("log_commit", options);
    bench.add(std::make_unique<FloorSubject>(options));
    bench.add(std::make_unique<GroupFloorSubject>(options));
    bench.add(std::make_unique<LogSubject>(options));
    bench.add(std::make_unique<RocksdbSubject>(options));
    bench.add(std::make_unique<LeveldbSubject>(options));
    add_closed_loops(bench, options.tiny);
    add_open_loops(bench, options.tiny);
    add_full_rate(bench);
    bench.compare_to("floor");
    bench.compare_to("group_floor");
    bench.compare_to("rocksdb");
    return bench.run();
}
