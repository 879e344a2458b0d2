#include "src/programs/ctl_text.h"

#include <algorithm>

namespace timber::programs {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void escape_byte(std::string& to, unsigned char byte) {
    switch (byte) {
        case '\\': to += "\\\\"; return;
        case '\n': to += "\\n"; return;
        case '\t': to += "\\t"; return;
        case '\r': to += "\\r"; return;
        default: break;
    }
    if (byte >= 0x20 && byte < 0x7f) {
        to += static_cast<char>(byte);
        return;
    }
    to += "\\x";
    to += kDigits[byte >> 4];
    to += kDigits[byte & 15];
}

}  // namespace

std::string escape(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) escape_byte(text, static_cast<unsigned char>(c));
    return text;
}

Result<std::string> unescape(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            bytes += text[i];
            continue;
        }
        const char kind = ++i < text.size() ? text[i] : '\0';
        const int high = kind == 'x' && i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = high >= 0 ? digit_of(text[i + 2]) : -1;
        if (kind == '\\') {
            bytes += '\\';
        } else if (kind == 'n') {
            bytes += '\n';
        } else if (kind == 't') {
            bytes += '\t';
        } else if (kind == 'r') {
            bytes += '\r';
        } else if (low >= 0) {
            bytes += static_cast<char>(high << 4 | low);
            i += 2;
        } else {
            return make_error(ErrorCode::kInvalidArgument,
                              "'" + std::string(text) +
                                  "': behind a backslash comes n, t, r, "
                                  "another backslash, or x and two digits");
        }
    }
    return bytes;
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (byte < 0x20) {
            json += "\\u00";
            json += kDigits[byte >> 4];
            json += kDigits[byte & 15];
        } else {
            json += c;
        }
    }
    return json + "\"";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            // The last column may be long: nothing stands behind it.
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        text += line + "\n";
    }
    return text;
}

}  // namespace timber::programs
