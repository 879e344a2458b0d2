#include "tests/crash/damage_at_rest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "src/base/io/log.h"
#include "src/base/random.h"

namespace timber::crash {

// Headers are in front and footers at the end; what lies between is mostly blocks.
static uint64_t draw_place(Random& random, uint64_t bytes) {
    constexpr uint64_t kEdge = 200;
    switch (random.below(4)) {
        case 0: return random.below(std::min(bytes, kEdge));
        case 1: return bytes - 1 - random.below(std::min(bytes, kEdge));
        default: return random.below(bytes);
    }
}

DiskImage damaged_at_rest(const DiskImage& clean, const DiskImage& earlier, uint64_t seed) {
    Random random(seed);
    DiskImage result = clean;
    std::vector<std::string> files = clean.paths();
    std::erase_if(files, [&](const std::string& path) { return clean.size(path) == 0; });
    if (files.empty()) return result;
    const std::string& path = files[random.below(files.size())];
    const uint64_t bytes = clean.size(path);
    const uint64_t place = draw_place(random, bytes);
    const uint64_t sector = place / kSectorBytes;
    const uint64_t end = std::min(bytes, (sector + 1) * kSectorBytes);
    const uint64_t kind = random.below(8);
    log_info("damage of kind {} at {} byte {}", kind, path, place);
    switch (kind) {
        case 0: {
            const std::vector<std::byte> zeros(end - sector * kSectorBytes);
            result.overwrite(path, sector * kSectorBytes, zeros);
            break;
        }
        case 1: {
            const uint64_t sectors = bytes / kSectorBytes;
            if (sectors < 2 || sector >= sectors) break;
            result.swap_sectors(path, sector, random.below(sectors));
            break;
        }
        case 2: {
            if (!earlier.exists(path)) break;
            const std::vector<std::byte> old = earlier.bytes(path);
            if (old.size() < end) break;
            result.overwrite(
                path, sector * kSectorBytes,
                ByteView(old).subspan(sector * kSectorBytes, end - sector * kSectorBytes));
            break;
        }
        default: result.flip_bit(path, place * 8 + random.below(8));
    }
    return result;
}

}  // namespace timber::crash
