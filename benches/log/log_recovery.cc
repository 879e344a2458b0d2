// How long does it take to open a log again?
//
// A log written by 64 callers is opened from a cold cache: after a clean close (case `clean`) and
// after the process had just ended (case `crash`). Beside it a reader of RocksDB's write-ahead log
// over the same records, RocksDB's own opening, and the disk's sequential direct reads.
#include "benches/frame/bench.h"
#include "benches/log/read_subjects.h"
#include "src/base/io/log.h"

using namespace timber;
using namespace timber::bench;

int main(int argc, char** argv) {
    set_log_level(LogLevel::kWarning);
    Options options = parse_options("How long does it take to open a log again?", argc, argv);
    Bench bench("log_recovery", options);
    bench.add(std::make_unique<DiskReadSubject>(options));
    bench.add(std::make_unique<LogReadSubject>(options));
    bench.add(std::make_unique<RocksdbReadSubject>(options, false));
    bench.add(std::make_unique<RocksdbReadSubject>(options, true));
    for (const char* name : {"clean", "crash"})
        for (const uint64_t bytes : {uint64_t{256}, uint64_t{4_KiB}})
            bench.add_case({.name = name,
                            .parallel = 64,
                            .value_bytes = bytes,
                            .quick = std::string_view(name) == "clean"});
    bench.compare_to("floor");
    bench.compare_to("rocksdb");
    return bench.run();
}
