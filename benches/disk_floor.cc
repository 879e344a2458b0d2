// What does one durable write cost on this disk, with one, two and three writers?
//
// The floors under everything that the other benches measure, and the smallest bench there is.
#include "benches/frame/bench.h"
#include "benches/frame/floor_subject.h"

using namespace timber::bench;

int main(int argc, char** argv) {
    const Options options = parse_options("What does one durable write cost here?", argc, argv);
    Bench bench("disk_floor", options);
    for (const uint32_t writers : {1, 2, 3})
        bench.add(std::make_unique<FloorSubject>(options, writers));
    bench.add_case({.name = "overwrite", .value_bytes = BlockFile::kBlockBytes});
    bench.compare_to("floor");
    return bench.run();
}
