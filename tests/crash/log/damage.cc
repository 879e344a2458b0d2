#include "tests/crash/log/damage.h"

#include <algorithm>
#include <vector>

#include "logengine/format.h"
#include "src/base/io/log.h"
#include "src/base/random.h"

namespace timber::logengine {

static constexpr size_t kSectorsInBlock = kBlockBytes / kSectorBytes;

static std::vector<std::string> files_with_content(const DiskImage& image) {
    std::vector<std::string> files = image.paths();
    std::erase_if(files, [&](const std::string& path) { return image.size(path) == 0; });
    return files;
}

// Blocks at the front are where headers are; blocks without content have little to lose.
static uint64_t draw_block(Random& random, ByteView bytes) {
    constexpr int kTriesForContent = 4;
    const uint64_t blocks = bytes.size() / kBlockBytes;
    if (random.one_in(3)) return random.below(std::min<uint64_t>(blocks, 2));
    uint64_t block = 0;
    for (int attempt = 0; attempt < kTriesForContent; ++attempt) {
        block = random.below(blocks);
        const ByteView front = bytes.subspan(block * kBlockBytes, kGroupHeaderBytes);
        const bool zero = std::ranges::all_of(front, [](std::byte b) { return b == std::byte{0}; });
        if (!zero) break;
    }
    return block;
}

// A bit of a block. In a header it is often one of a field's low byte: what stays plausible is what
// only a checksum can notice.
static uint64_t draw_bit(Random& random) {
    if (random.one_in(4)) return random.below(kBlockBytes * 8);
    const uint64_t field = random.below(kGroupHeaderBytes / sizeof(uint64_t)) * sizeof(uint64_t);
    const uint64_t byte = random.one_in(2) ? 0 : random.below(sizeof(uint64_t));
    return (field + byte) * 8 + random.below(8);
}

DiskImage damaged(const DiskImage& image, const DiskImage& earlier, uint64_t seed) {
    Random random(seed);
    DiskImage result = image;
    const std::vector<std::string> files = files_with_content(image);
    if (files.empty()) return result;
    const std::string& path = files[random.below(files.size())];
    const std::vector<std::byte> bytes = image.bytes(path);
    if (bytes.size() < kBlockBytes) return result;
    const uint64_t block = draw_block(random, bytes);
    const uint64_t sector =
        block * kSectorsInBlock + (random.one_in(2) ? 0 : random.below(kSectorsInBlock));
    const std::vector<std::byte> zeros(kSectorBytes);
    const uint64_t kind = random.below(8);
    log_info("damage of kind {} at {} sector {}", kind, path, sector);
    switch (kind) {
        case 0: result.overwrite(path, sector * kSectorBytes, zeros); break;
        case 1: {
            const uint64_t other =
                draw_block(random, bytes) * kSectorsInBlock + random.below(kSectorsInBlock);
            result.swap_sectors(path, sector, other);
            break;
        }
        case 2: {
            if (!earlier.exists(path)) break;
            const std::vector<std::byte> old = earlier.bytes(path);
            if (old.size() < (sector + 1) * kSectorBytes) break;
            result.overwrite(path, sector * kSectorBytes,
                             ByteView(old).subspan(sector * kSectorBytes, kSectorBytes));
            break;
        }
        default: result.flip_bit(path, block * kBlockBytes * 8 + draw_bit(random));
    }
    return result;
}

namespace {

struct FoundGroup {
    std::string path;
    uint64_t begin;
    uint64_t end;
    Lsn durable_lsn;
};

std::vector<FoundGroup> groups_in(const DiskImage& image, LogId log_id) {
    std::vector<FoundGroup> groups;
    for (const std::string& path : image.paths()) {
        if (path.find("segment-") == std::string::npos) continue;
        const std::vector<std::byte> bytes = image.bytes(path);
        for (uint64_t at = kBlockBytes; at + kBlockBytes <= bytes.size(); at += kBlockBytes) {
            const auto header = decode_group_header(ByteView(bytes).subspan(at), log_id);
            if (header) groups.push_back({path, at, at + header->total_bytes, header->durable_lsn});
        }
    }
    return groups;
}

}  // namespace

Lsn proven_without(const DiskImage& image, const DiskImage& damaged, LogId log_id) {
    Lsn proven;
    for (const FoundGroup& group : groups_in(image, log_id)) {
        const std::vector<std::byte> before = image.bytes(group.path);
        const std::vector<std::byte> after = damaged.bytes(group.path);
        const size_t end = std::min<size_t>(group.end, before.size());
        const bool intact = std::equal(before.begin() + static_cast<ptrdiff_t>(group.begin),
                                       before.begin() + static_cast<ptrdiff_t>(end),
                                       after.begin() + static_cast<ptrdiff_t>(group.begin));
        if (intact) proven = std::max(proven, group.durable_lsn);
    }
    return proven;
}

}  // namespace timber::logengine
