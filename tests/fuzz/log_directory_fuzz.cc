// A group's directory on arbitrary bytes: it never reads outside, nor takes more memory than the
// input can honestly name, and what it decoded says the same again when it is encoded.
#include <cstdint>
#include <string>

#include "logengine/batch.h"
#include "logengine/directory.h"

namespace timber::logengine {
namespace {

constexpr size_t kPayloadsBytesMax = 1_MiB;

// The directory that a builder makes of the same entries.
std::vector<std::byte> encode(const Directory& directory) {
    DirectoryBuilder builder;
    builder.begin(directory.segment, directory.block, directory.entries.front().lsn);
    for (size_t at = 0; at < directory.entries.size();) {
        const Lsn lsn = directory.entries[at].lsn;
        Batch batch;
        for (; at < directory.entries.size() && directory.entries[at].lsn == lsn; ++at) {
            const DirectoryEntry& entry = directory.entries[at];
            const std::string payload(entry.payload_bytes, 'x');
            TIMBER_ASSERT(batch.add(entry.type, entry.tag, as_bytes(payload)).ok());
        }
        builder.add_batch(BatchAccess::seal(batch, false), batch.records());
        // Batches without a record leave no entry behind.
        const bool last = at == directory.entries.size();
        if (last || directory.entries[at].lsn == lsn + 1) continue;
        Batch empty;
        const uint64_t missing = directory.entries[at].lsn - lsn - 1;
        for (uint64_t n = 0; n < missing; ++n)
            builder.add_batch(BatchAccess::seal(empty, false), 0);
    }
    return {builder.bytes().begin(), builder.bytes().end()};
}

}  // namespace
}  // namespace timber::logengine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::logengine;
    const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
    const auto directory = decode_directory(bytes);
    if (!directory || directory->entries.empty()) return 0;
    TIMBER_ASSERT_OP(directory->entries.size(), <=, size);
    size_t payloads = 0;
    for (const DirectoryEntry& entry : directory->entries) payloads += entry.payload_bytes;
    if (payloads > kPayloadsBytesMax) return 0;
    const auto again = decode_directory(encode(*directory));
    TIMBER_ASSERT(again.ok());
    TIMBER_ASSERT(*again == *directory);
    return 0;
}
