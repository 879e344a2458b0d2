#pragma once
// Damage at rest: one byte, one sector, or two sectors of one file.
#include <cstdint>

#include "logengine/types.h"
#include "tests/support/disk_image.h"

namespace timber::logengine {

// `image` with one place damaged, as `seed` decides. `earlier` is what old sectors come from.
DiskImage damaged(const DiskImage& image, const DiskImage& earlier, uint64_t seed);

// How far an undamaged log proves itself durable, whichever of its groups is lost: a group that
// speaks for itself alone may go unnoticed (FORMAT.md, "What cannot be noticed").
Lsn proven_without(const DiskImage& image, const DiskImage& damaged, LogId log_id);

}  // namespace timber::logengine
