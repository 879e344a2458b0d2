// What does a put cost on one replica, from the command to the applied entry, without network?
//
// Beside the arrangement of stores on top of badger or RocksDB: log and state in two of them, the
// log synced. Values of 100 B, 1 KiB and 16 KiB, 1 to 256 commands in flight (case `put`), and a
// restart from a cold cache after the process was killed (case `restart`).
#include <cstdio>
#include <string_view>

#include "benches/frame/bench.h"
#include "benches/frame/floor_subject.h"
#include "benches/storage/put_subject.h"
#include "benches/storage/restart_subject.h"
#include "benches/storage/rocksdb_replica.h"
#include "benches/storage/timber_replica.h"
#include "src/base/bytes.h"
#include "src/base/io/log.h"

using namespace timber;
using namespace timber::bench;

namespace {

constexpr uint32_t kInFlight[] = {1, 16, 64, 256};
constexpr uint64_t kValueBytes[] = {100, 1_KiB, 16_KiB};

// The floor under a write; a restart has none.
class PutFloor : public FloorSubject {
  public:
    using FloorSubject::FloorSubject;
    bool takes(const Case& wanted) const override { return wanted.name == "put"; }
};

std::unique_ptr<Replica> make_timber() { return std::make_unique<TimberReplica>(); }
std::unique_ptr<Replica> make_rocksdb() { return std::make_unique<RocksdbReplica>(); }

// A child of the case `restart`.
int fill(char** words) {
    const auto replica = words[0] == make_timber()->name() ? make_timber() : make_rocksdb();
    const Status failed = RestartSubject::fill(*replica, words + 1);
    std::fprintf(stderr, "storage_engine fill: %s\n", failed.error().to_string().c_str());
    return 1;
}

void add_puts(Bench& bench, bool tiny) {
    for (const uint64_t bytes : kValueBytes)
        for (const uint32_t in_flight : kInFlight) {
            const bool aim = in_flight == 64 || (in_flight == 1 && bytes == 1_KiB);
            if (tiny && !aim) continue;
            bench.add_case(
                {.name = "put", .parallel = in_flight, .value_bytes = bytes, .quick = aim});
        }
}

}  // namespace

int main(int argc, char** argv) {
    set_log_level(LogLevel::kWarning);
    if (argc == 3 + static_cast<int>(RestartSubject::kFillWords) &&
        argv[1] == std::string_view("fill"))
        return fill(argv + 2);
    Options options = parse_options("What does a put cost on one replica?", argc, argv);
    Bench bench("storage_engine", options);
    bench.add(std::make_unique<PutFloor>(options));
    for (const MakeReplica& make : {MakeReplica(make_timber), MakeReplica(make_rocksdb)}) {
        bench.add(std::make_unique<PutSubject>(options, make));
        bench.add(std::make_unique<RestartSubject>(options, make));
    }
    bench.add_case({.name = "restart", .value_bytes = 1_KiB});
    add_puts(bench, options.tiny);
    bench.compare_to("floor");
    bench.compare_to("two_rocksdbs");
    return bench.run();
}
