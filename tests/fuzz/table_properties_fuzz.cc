// A table's properties and its range removes on arbitrary bytes: what decodes says the same again
// when it is encoded.
#include <cstdint>
#include <vector>

#include "memtable/table_properties.h"

namespace timber::memtable {
namespace {

void try_properties(ByteView input) {
    const auto summary = decode_table_properties(input);
    if (!summary) return;
    const std::vector<std::byte> encoded = encode_table_properties(*summary);
    const auto again = decode_table_properties(encoded);
    TIMBER_ASSERT(again.ok());
    TIMBER_ASSERT(encode_table_properties(*again) == encoded);
}

void try_range_removes(ByteView input) {
    const auto removes = decode_range_removes(input, std::nullopt);
    // As of one sequence: what is malformed for itself is so with an override, too.
    const auto overridden = decode_range_removes(input, Sequence(5));
    if (!removes) return;
    removes->check_invariants();
    const auto again = decode_range_removes(encode_range_removes(*removes), std::nullopt);
    TIMBER_ASSERT(again.ok());
    TIMBER_ASSERT(again->to_removes() == removes->to_removes());
    TIMBER_ASSERT(overridden.ok());
    overridden->check_invariants();
    for (const RangeRemoveSet::Fragment& fragment : removes->fragments()) {
        TIMBER_ASSERT(removes->covering(fragment.begin, kSequenceMax) ==
                      fragment.sequences.front());
        TIMBER_ASSERT(overridden->covering(fragment.begin, kSequenceMax) == Sequence(5));
    }
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    memtable::try_properties(input);
    memtable::try_range_removes(input);
    return 0;
}
