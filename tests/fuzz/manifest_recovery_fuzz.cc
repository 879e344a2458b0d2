// The opening of a store's directory with arbitrary changes to CURRENT and the manifests: it opens,
// or says what is wrong, and if it opened it goes on.
//
// The input is a list of edits; each takes ten bytes: file, kind, place and what to put there. One
// kind makes checksums right again, so that edits behind them count.
#include <cstdint>
#include <vector>

#include "memtable/manifest_reader.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/base/io/log.h"
#include "tests/memtable/store_directory.h"

namespace timber::memtable {
namespace {

constexpr size_t kEditBytes = 10;
constexpr size_t kEditsMax = 12;
const std::vector<std::string> kFiles = {"store/CURRENT", "store/manifest-1", "store/manifest-2"};

struct SmallStore {
    DiskImage image;
    ManifestId manifest;  // the live one
    VersionEdit state;
};

const SmallStore& small_store() {
    static const SmallStore store = [] {
        set_log_level(LogLevel::kOff);
        StoreDirectory directory;
        directory.options.manifest_bytes_max = kManifestFileBytesMin;
        TIMBER_ASSERT(directory.open().ok());
        for (uint64_t number = 1; number <= 6; ++number) {
            const std::string key = "k" + std::to_string(number);
            TIMBER_ASSERT(!directory.append_and_wait(adding(file_meta(number, key, key + "z")))
                               .error.has_value());
        }
        TIMBER_ASSERT(
            !directory.append_and_wait(removing(file_meta(3, "k3", "k3z"))).error.has_value());
        directory.run();
        SmallStore made;
        made.state = directory.state();
        directory.close();
        made.image = directory.settled_image();
        const std::vector<std::byte> current = made.image.bytes(kFiles[0]);
        made.manifest =
            decode_current_slot(ByteView(current).first(kManifestBlockBytes), "", 0)->manifest;
        return made;
    }();
    return store;
}

// Makes a header or a slot valid as far as its checksum goes.
void reseal_frame(MutableBytes block) {
    const auto covered = load<uint32_t>(block.data() + 12);
    if (covered > kManifestBlockBytes - sizeof(uint64_t)) return;
    store(block.data() + covered, checksum64(block.first(covered)));
}

// Seals every record anew, each behind the one before, and lets CURRENT name the last: so edits
// that were changed are believed.
void reseal_records(DiskImage& image, const std::string& file) {
    std::vector<std::byte> bytes = image.bytes(file);
    uint64_t previous = 0;
    uint64_t records = 0;
    for (size_t at = kManifestBlockBytes; at + kManifestBlockBytes <= bytes.size();) {
        const MutableBytes block = MutableBytes(bytes).subspan(at);
        const ManifestRecord header{.total_bytes = load<uint32_t>(block.data() + 16),
                                    .edits = load<uint32_t>(block.data() + 20),
                                    .ordinal = load<uint64_t>(block.data() + 24),
                                    .block = load<uint32_t>(block.data() + 32),
                                    .previous = previous};
        if (load<uint32_t>(block.data() + 12) != kManifestRecordMagic ||
            header.total_bytes < kManifestRecordHeaderBytes || header.total_bytes > block.size())
            break;
        previous =
            seal_manifest_record(header, small_store().manifest, block.first(header.total_bytes));
        at += round_up(header.total_bytes, kManifestBlockBytes);
        ++records;
    }
    image.put_file(file, bytes);
    if (!image.exists(kFiles[0]) || image.size(kFiles[0]) < kCurrentFileBytes) return;
    std::vector<std::byte> current = image.bytes(kFiles[0]);
    for (size_t at = 0; at < kCurrentFileBytes; at += kManifestBlockBytes) {
        const MutableBytes slot = MutableBytes(current).subspan(at, kManifestBlockBytes);
        store(slot.data() + 52, records);
        store(slot.data() + 60, previous);
        reseal_frame(slot);
    }
    image.put_file(kFiles[0], current);
}

void edit(DiskImage& image, const std::byte* how) {
    const std::string& file = kFiles[load<uint8_t>(how) % kFiles.size()];
    if (!image.exists(file) || image.size(file) < kManifestBlockBytes) return;
    std::vector<std::byte> bytes = image.bytes(file);
    const size_t blocks = bytes.size() / kManifestBlockBytes;
    const size_t block = load<uint8_t>(how + 2) % blocks * kManifestBlockBytes;
    const size_t at = block + load<uint16_t>(how + 3) % kManifestBlockBytes;
    switch (load<uint8_t>(how + 1) % 7) {
        case 0: bytes[at] ^= how[5]; break;
        case 1: store(bytes.data() + round_down(at, 8), int64_t{load<int32_t>(how + 5)}); break;
        case 2:
            if (file != kFiles[0] && block > 0) return reseal_records(image, file);
            reseal_frame(MutableBytes(bytes).subspan(block, kManifestBlockBytes));
            break;
        case 3: {
            const size_t from = load<uint8_t>(how + 5) % blocks * kManifestBlockBytes;
            std::memmove(bytes.data() + block, bytes.data() + from, kManifestBlockBytes);
            break;
        }
        case 4: bytes.resize(load<uint8_t>(how + 5) % 2 == 0 ? at : block); break;
        case 5: image.remove_file(file); return;
        case 6: {
            // One byte varints of an edit, where the small ones are.
            const size_t small = block + 48 + load<uint16_t>(how + 3) % 160;
            if (small < bytes.size()) bytes[small] = how[5];
            break;
        }
    }
    image.put_file(file, bytes);
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    const auto* edits = reinterpret_cast<const std::byte*>(data);
    DiskImage image = small_store().image;
    bool resealed = false;
    for (size_t n = 0; n < kEditsMax && (n + 1) * kEditBytes <= size; ++n) {
        resealed |= load<uint8_t>(edits + n * kEditBytes + 1) % 7 == 2;
        edit(image, edits + n * kEditBytes);
    }
    StoreDirectory directory(1, {}, std::move(image));
    directory.options.manifest_bytes_max = kManifestFileBytesMin;
    directory.options.create = false;
    const Status opened = directory.open();
    if (!opened) {
        TIMBER_ASSERT(!opened.error().detail.empty());
        TIMBER_ASSERT(!opened.error().file.empty());
        return 0;
    }
    if (!resealed && size <= kEditBytes) {
        // One damage: the state is what it was.
        VersionEdit state = directory.state();
        state.file_next = small_store().state.file_next;
        TIMBER_ASSERT(state == small_store().state);
    }
    directory.run();
    TIMBER_MAYBE(directory.append_and_wait(adding(file_meta(40, "m", "mz"))).error.has_value());
    directory.close();
    return 0;
}
