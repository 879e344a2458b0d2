#pragma once
// Disk images as text, for golden files: "file NAME BYTES", then "OFFSET HEX" for each row that is
// not all zeros.
#include <string>
#include <string_view>

#include "tests/support/disk_image.h"

namespace timber {

// The files whose paths begin with `prefix`; empty ones left out.
std::string image_as_text(const DiskImage& image, std::string_view prefix);
DiskImage image_from_text(const std::string& text);

}  // namespace timber
