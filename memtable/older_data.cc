#include "memtable/older_data.h"

#include <algorithm>

namespace timber::memtable {

OlderData::OlderData(VersionRef version, Family family, size_t level)
    : version_(std::move(version)), family_(family), level_(level) {}

bool OlderData::may_hold(std::string_view user_key) {
    for (size_t level = level_; level < kLevels; ++level) {
        const std::span<const TableFileRef> files = version_->files(family_, level);
        if (level == 0) {
            const auto holds = [&](const TableFileRef& file) {
                return file->meta().contains(user_key);
            };
            if (std::ranges::any_of(files, holds)) return true;
            continue;
        }
        size_t& at = at_[level];
        while (at < files.size() && !files[at]->meta().reaches(user_key)) ++at;
        if (at < files.size() && files[at]->meta().smallest <= user_key) return true;
    }
    return false;
}

bool OlderData::may_hold_any(std::string_view begin, std::string_view end) const {
    for (size_t level = level_; level < kLevels; ++level) {
        const std::span<const TableFileRef> files = version_->files(family_, level);
        const auto overlaps = [&](const TableFileRef& file) {
            return file->meta().overlaps(begin, end);
        };
        if (std::ranges::any_of(files, overlaps)) return true;
    }
    return false;
}

}  // namespace timber::memtable
