// How fast is the state store, next to the stores that people would use instead?
//
// Logs are off. Keys of 16 bytes, values of 100 and of 1,024. All stores get the same memory
// tables, cache, block size, filter bits, compression and level sizes; files are read and written
// directly.
#include "benches/frame/bench.h"
#include "benches/store/kv_subject.h"
#include "benches/store/leveldb_store.h"
#include "benches/store/rocksdb_store.h"
#include "benches/store/timber_store.h"
#include "src/base/io/log.h"

using namespace timber;
using namespace timber::bench;

int main(int argc, char** argv) {
    set_log_level(LogLevel::kWarning);
    Options options =
        parse_options("How fast is the state store, next to RocksDB and LevelDB?", argc, argv);
    Bench bench("state_store", options);
    bench.add(std::make_unique<KvSubject>(options, std::make_unique<TimberStore>()));
    bench.add(std::make_unique<KvSubject>(options, std::make_unique<RocksdbStore>()));
    bench.add(std::make_unique<KvSubject>(options, std::make_unique<LeveldbStore>()));
    for (const uint64_t bytes : {uint64_t{100}, uint64_t{1024}}) {
        const bool quick = bytes == 100;
        bench.add_case({.name = "fill_in_order", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "fill_at_random", .value_bytes = bytes, .quick = quick});
        bench.add_case({.name = "fill_equally", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "overwrite", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "get_cached", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "scan_cached", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "scan_back_cached", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "get_absent_cached", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "get_cold", .value_bytes = bytes, .quick = quick});
        bench.add_case({.name = "get_absent", .value_bytes = bytes, .quick = quick});
        bench.add_case({.name = "scan", .value_bytes = bytes, .quick = quick});
        bench.add_case({.name = "scan_back", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "mixed", .value_bytes = bytes, .quick = false});
        bench.add_case({.name = "scan_removed", .value_bytes = bytes, .quick = false});
    }
    // A minute of filling: does a write stall that the disk does not explain?
    bench.add_case(
        {.name = "fill_for_a_minute", .value_bytes = 100, .quick = false, .seconds = 60});
    bench.compare_to("rocksdb");
    return bench.run();
}
