#include "memtable/file_meta.h"

#include <charconv>

namespace timber::memtable {

static constexpr std::string_view kTableNameSuffix = ".sst";
static constexpr size_t kTableNameDigits = 6;

std::string table_file_name(FileNumber number) {
    std::string name = std::to_string(number.value());
    if (name.size() < kTableNameDigits) name.insert(0, kTableNameDigits - name.size(), '0');
    name += kTableNameSuffix;
    return name;
}

std::optional<FileNumber> parse_table_file_name(std::string_view name) {
    if (!name.ends_with(kTableNameSuffix)) return std::nullopt;
    const std::string_view digits = name.substr(0, name.size() - kTableNameSuffix.size());
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    // One name for each number: "7.sst" is not ours.
    if (table_file_name(FileNumber(number)) != name) return std::nullopt;
    return FileNumber(number);
}

uint64_t bytes_of(std::span<const TableFileRef> files) {
    uint64_t bytes = 0;
    for (const TableFileRef& file : files) bytes += file->meta().file_bytes;
    return bytes;
}

}  // namespace timber::memtable
