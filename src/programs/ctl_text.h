#pragma once
// Keys and values as people type and read them: bytes that are no printable ASCII are escaped, and
// a backslash is doubled, so that every text has one meaning and every byte string one text.
//
// Thread: plain functions.
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace timber::programs {

// \n, \t, \r, \\ and \xNN.
std::string escape(std::string_view bytes);
// The same and back; kInvalidArgument that says where.
Result<std::string> unescape(std::string_view text);
// A JSON string. Bytes that are no UTF-8 must have been escaped before.
std::string json_string(std::string_view text);
// Rows of equal length, in columns; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace timber::programs
