#include "tests/support/image_as_text.h"

#include <algorithm>
#include <sstream>

#include "tests/support/bytes_as_text.h"

namespace timber {

static constexpr size_t kRowBytes = 32;

std::string image_as_text(const DiskImage& image, std::string_view prefix) {
    std::ostringstream text;
    for (const std::string& path : image.paths()) {
        if (!path.starts_with(prefix) || image.size(path) == 0) continue;
        const std::vector<std::byte> bytes = image.bytes(path);
        text << "file " << path << " " << bytes.size() << "\n";
        for (size_t at = 0; at < bytes.size(); at += kRowBytes) {
            const size_t row_bytes = std::min(kRowBytes, bytes.size() - at);
            const std::string row = to_hex(ByteView(bytes).subspan(at, row_bytes));
            if (row.find_first_not_of('0') != std::string::npos) text << at << " " << row << "\n";
        }
    }
    return text.str();
}

DiskImage image_from_text(const std::string& text) {
    DiskImage image;
    std::istringstream rows(text);
    std::string first;
    std::string path;
    while (rows >> first) {
        if (first == "file") {
            size_t size = 0;
            rows >> path >> size;
            image.put_file(path, std::vector<std::byte>(size));
        } else {
            std::string row;
            rows >> row;
            image.overwrite(path, std::stoull(first), from_hex(row));
        }
    }
    return image;
}

}  // namespace timber
