// The edits of a manifest's record on arbitrary bytes: they decode to what they encode to again,
// and what fits on a version leaves a version whose invariants hold.
//
// The first byte says how many edits there are.
#include <cstdint>
#include <memory>
#include <vector>

#include "memtable/manifest_reader.h"

namespace timber::memtable {
namespace {

void try_edits(ByteView bytes, uint32_t count) {
    const auto edits = decode_manifest_edits(bytes, count);
    if (!edits) return;
    TIMBER_ASSERT_OP(edits->size(), ==, count);
    std::vector<std::byte> encoded;
    for (const VersionEdit& edit : *edits) append_manifest_edit(edit, encoded);
    TIMBER_ASSERT(decode_manifest_edits(encoded, count).value() == *edits);
    VersionRef state = std::make_shared<const Version>();
    for (const VersionEdit& edit : *edits) {
        auto next = state->apply(edit, unopened_file);
        if (!next) return;
        state = std::move(*next);
        state->check_invariants();
    }
    const VersionRef again = Version().apply(state->snapshot_edit(), unopened_file).value();
    TIMBER_ASSERT(again->snapshot_edit() == state->snapshot_edit());
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    if (size == 0) return 0;
    const ByteView bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    memtable::try_edits(bytes, data[0]);
    // As one edit alone.
    if (const auto edit = memtable::decode_version_edit(bytes)) {
        std::vector<std::byte> encoded;
        memtable::encode(*edit, encoded);
        TIMBER_ASSERT(memtable::decode_version_edit(encoded).value() == *edit);
    }
    return 0;
}
