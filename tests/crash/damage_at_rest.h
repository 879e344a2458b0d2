#pragma once
// Damage at rest: one bit, one sector, or two sectors of one file.
//
// Thread:   a function of its arguments.
#include <cstdint>

#include "tests/support/disk_image.h"

namespace timber::crash {

// `earlier` is the same directory as it was some time before: sectors may fall back to it.
DiskImage damaged_at_rest(const DiskImage& clean, const DiskImage& earlier, uint64_t seed);

}  // namespace timber::crash
