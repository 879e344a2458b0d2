#include "tests/crash/damage.h"

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

// Blocks at the front are where headers are.
static uint64_t draw_block(Random& random, uint64_t blocks) {
    return random.one_in(3) ? random.below(std::min<uint64_t>(blocks, 2)) : random.below(blocks);
}

DiskImage damaged(const DiskImage& image, const DiskImage& earlier, uint64_t seed) {
    Random random(seed);
    DiskImage result = image;
    const std::vector<std::string> files = files_with_content(image);
    if (files.empty()) return result;
    const std::string& path = files[random.below(files.size())];
    const uint64_t blocks = image.size(path) / kBlockBytes;
    if (blocks == 0) return result;
    const uint64_t block = draw_block(random, blocks);
    const uint64_t sector = block * kSectorsInBlock +
                            (random.one_in(2) ? 0 : random.below(kSectorsInBlock));
    const std::vector<std::byte> zeros(kSectorBytes);
    const uint64_t kind = random.below(8);
    log_info("damage of kind {} at {} sector {}", kind, path, sector);
    switch (kind) {
        case 0:
            result.overwrite(path, sector * kSectorBytes, zeros);
            break;
        case 1: {
            const uint64_t other = draw_block(random, blocks) * kSectorsInBlock +
                                   random.below(kSectorsInBlock);
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
        default: {
            const uint64_t byte = block * kBlockBytes + (random.one_in(4)
                                                             ? random.below(kBlockBytes)
                                                             : random.below(kGroupHeaderBytes));
            result.flip_bit(path, byte * 8 + random.below(8));
        }
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
            if (header)
                groups.push_back({path, at, at + header->total_bytes, header->durable_lsn});
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
