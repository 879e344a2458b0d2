// A group on arbitrary bytes: its header, its batches and their records.
//
// The input is tried as it is, and once more with its checksums made right, so that what lies
// behind them is reached.
#include <cstdint>
#include <vector>

#include "logengine/batch.h"

namespace timber::logengine {
namespace {

constexpr LogId kLog(7);

void walk(const GroupHeader& header, ByteView group) {
    const size_t batches_at = kGroupHeaderBytes + header.directory_bytes;
    BatchCursor batches(group.subspan(batches_at), header.first_lsn, header.segment,
                        static_cast<uint32_t>(batches_at));
    while (batches.next()) {
        TIMBER_ASSERT_OP(batches.offset() + batches.bytes().size(), <=, group.size());
        RecordCursor records(batches);
        while (records.next()) {
            const RecordLocation& location = records.record().location;
            TIMBER_ASSERT_OP(size_t{location.offset} + location.record_bytes, <=, group.size());
            const auto again = decode_record(group.subspan(location.offset, location.record_bytes),
                                             location, kLog, "fuzz");
            if (again) TIMBER_ASSERT_OP(again->payload.size(), ==, records.record().payload.size());
        }
    }
}

void try_group(ByteView bytes) {
    const auto header = decode_group_header(bytes, kLog);
    if (!header || header->total_bytes > bytes.size()) return;
    const ByteView group = bytes.first(header->total_bytes);
    if (group_is_whole(*header, group, kLog)) walk(*header, group);
}

}  // namespace
}  // namespace timber::logengine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::logengine;
    const auto* begin = reinterpret_cast<const std::byte*>(data);
    try_group({begin, size});
    if (size < kGroupHeaderBytes) return 0;
    std::vector<std::byte> group(begin, begin + size);
    const GroupHeader header{
        .total_bytes = static_cast<uint32_t>(size),
        .directory_bytes = data[20] % static_cast<uint32_t>(size - kGroupHeaderBytes + 1),
        .epoch = Epoch(1),
        .segment = SegmentId(1),
        .block = 1,
        .batches = data[44],
        .first_lsn = Lsn(1)};
    seal_group(header, kLog, group);
    try_group(group);
    return 0;
}
