// A table's filter: arbitrary bytes as a filter answer without reading outside, and a filter built
// from arbitrary hashes lets each of them pass.
#include <cstdint>
#include <vector>

#include "memtable/table_filter.h"
#include "src/base/coding.h"

namespace timber::memtable {
namespace {

void ask(const TableFilter& filter, ByteView input) {
    for (uint64_t hash : {uint64_t{0}, UINT64_MAX, uint64_t{1} << 63})
        TIMBER_MAYBE(filter.may_contain(hash));
    for (ByteReader reader(input); reader.remaining() >= sizeof(uint64_t);)
        TIMBER_MAYBE(filter.may_contain(reader.fixed<uint64_t>()));
}

void build(ByteView input, size_t fingerprint_bytes) {
    TableFilterBuilder builder(fingerprint_bytes, input.size());
    size_t hashes = 0;
    for (ByteReader reader(input); reader.remaining() >= sizeof(uint64_t); ++hashes)
        builder.add(reader.fixed<uint64_t>());
    const std::vector<std::byte> payload = builder.finish();
    TIMBER_ASSERT(payload.empty() == (hashes == 0));
    if (payload.empty()) return;
    const TableFilter filter = TableFilter::decode(payload).value();
    for (ByteReader reader(input); reader.remaining() >= sizeof(uint64_t);)
        TIMBER_ASSERT(filter.may_contain(reader.fixed<uint64_t>()));
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    if (const auto filter = TableFilter::decode(input)) ask(*filter, input);
    build(input, 1);
    build(input, 2);
    return 0;
}
