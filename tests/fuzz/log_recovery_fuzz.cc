// Recovery on a log with arbitrary changes: it opens, or says what is wrong, and if it opened it
// goes on.
//
// The input is a list of edits of a small log's files; each takes ten bytes: file, kind, place and
// what to put there. One kind makes checksums right again, so that edits behind them count.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "tests/logengine/log_fixture.h"
#include "tests/logengine/log_image.h"

namespace timber::logengine {
namespace {

constexpr size_t kEditBytes = 10;

const DiskImage& small_log() {
    static const DiskImage image = [] {
        LogFixture log;
        TIMBER_ASSERT(log.open().ok());
        for (int life = 0; life < 2; ++life) {
            for (uint64_t i = 0; i < 8; ++i) {
                Batch batch;
                const auto retention =
                    i == 0 ? Retention::kCarriedForward : Retention::kUntilReleased;
                const std::string payload(i * 700, 'x');
                TIMBER_ASSERT(
                    batch.add(RecordType(1), {0, i}, as_bytes(payload.substr(0, 9)), retention)
                        .ok());
                TIMBER_ASSERT(batch.add(RecordType(2), {1, i}, as_bytes(payload)).ok());
                log.wait_for({log.append(std::move(batch))});
                log.append_and_wait({std::string(i % 2 == 0 ? 10'000 : 10, 'y')});
            }
            if (life == 0) log.crash(Death::kProcessDeath, 1);
            if (life == 0) TIMBER_ASSERT(log.open().ok());
        }
        return log.settled_image();
    }();
    return image;
}

// Makes whatever begins at this block valid as far as checksums go.
void reseal(std::vector<std::byte>& bytes, size_t at) {
    constexpr LogId kLog(1);
    const MutableBytes block = MutableBytes(bytes).subspan(at);
    if (load<uint32_t>(block.data() + 12) == kGroupMagic) {
        GroupHeader header;
        header.total_bytes = load<uint32_t>(block.data() + 16);
        header.directory_bytes = load<uint32_t>(block.data() + 20);
        header.epoch = Epoch(load<uint64_t>(block.data() + 24));
        header.segment = SegmentId(load<uint64_t>(block.data() + 32));
        header.block = load<uint32_t>(block.data() + 40);
        header.batches = load<uint32_t>(block.data() + 44);
        header.first_lsn = Lsn(load<uint64_t>(block.data() + 48));
        header.previous_checksum = load<uint64_t>(block.data() + 56);
        header.durable_lsn = Lsn(load<uint64_t>(block.data() + 64));
        header.released_lsn = Lsn(load<uint64_t>(block.data() + 72));
        if (header.total_bytes > block.size() || header.total_bytes < kGroupHeaderBytes ||
            header.directory_bytes > header.total_bytes - kGroupHeaderBytes)
            return;
        seal_group(header, kLog, block.first(header.total_bytes));
        return;
    }
    const auto covered = load<uint32_t>(block.data() + 12);
    if (covered > kBlockBytes - sizeof(uint64_t)) return;
    store(block.data() + covered, checksum64(block.first(covered)));
}

void edit(DiskImage& image, ByteView how) {
    const std::vector<std::string> files = log_files(image);
    if (files.empty()) return;
    const std::string& file = files[load<uint8_t>(how.data()) % files.size()];
    std::vector<std::byte> bytes = image.bytes(file);
    const size_t block = load<uint8_t>(how.data() + 2) % (bytes.size() / kBlockBytes) * kBlockBytes;
    const size_t at = block + load<uint16_t>(how.data() + 3) % kBlockBytes;
    switch (load<uint8_t>(how.data() + 1) % 6) {
        case 0: bytes[at] ^= how[5]; break;
        case 1:
            store(bytes.data() + round_down(at, 8), int64_t{load<int32_t>(how.data() + 5)});
            break;
        case 2: reseal(bytes, block); break;
        case 3: {
            const size_t from = load<uint8_t>(how.data() + 5) % (bytes.size() / kBlockBytes);
            std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(from * kBlockBytes), kBlockBytes,
                        bytes.begin() + static_cast<ptrdiff_t>(block));
            break;
        }
        case 4: bytes.resize(std::max<size_t>(at, kBlockBytes)); break;
        case 5: image.remove_file(file); return;
    }
    bytes.resize(round_down(bytes.size(), kBlockBytes));
    image.put_file(file, bytes);
}

}  // namespace
}  // namespace timber::logengine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::logengine;
    constexpr size_t kEditsMax = 16;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    DiskImage image = small_log();
    for (size_t n = 0; n < kEditsMax && (n + 1) * kEditBytes <= size; ++n)
        edit(image, input.subspan(n * kEditBytes, kEditBytes));
    LogFixture log(1, {}, std::move(image));
    const Status opened = log.open();
    if (!opened) {
        TIMBER_ASSERT(!opened.error().detail.empty());
        return 0;
    }
    log.log().check_invariants();
    TIMBER_MAYBE(log.read_back(log.seen).ok());
    TIMBER_MAYBE(log.append_and_wait({"goes on"}).error.has_value());
    return 0;
}
