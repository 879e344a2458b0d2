#include "tests/crash/explorer.h"

#include <cstring>

namespace timber::crash {

namespace {

constexpr size_t kPathTextBytesMax = 512;
std::array<char, kPathTextBytesMax> current_path_text;

}  // namespace

const char* current_path() { return current_path_text.data(); }

void set_current_path(const Path& path) {
    const std::string text = path.to_string();
    const size_t bytes = std::min(text.size(), kPathTextBytesMax - 1);
    std::memcpy(current_path_text.data(), text.data(), bytes);
    current_path_text[bytes] = 0;
}

}  // namespace timber::crash
