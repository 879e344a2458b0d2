#include "tests/sim/check/map_state.h"

#include <algorithm>
#include <string_view>

#include "tests/support/trace_hash.h"

namespace timber::sim {

uint64_t hash_text(std::string_view text) {
    TraceHash hash;
    hash.mix(text.size());
    uint64_t word = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        word = word << 8 | static_cast<unsigned char>(text[i]);
        if (i % 8 == 7) hash.mix(word);
    }
    hash.mix(word);
    return hash.value();
}

static uint64_t hash_row(const std::string& key, const std::string& value) {
    TraceHash hash;
    hash.mix(hash_text(key));
    hash.mix(hash_text(value));
    return hash.value();
}

void MapState::set(const std::string& key, const std::optional<std::string>& value) {
    const auto found = rows_.find(key);
    if (found != rows_.end()) hash_ ^= hash_row(key, found->second);
    if (!value) {
        if (found != rows_.end()) rows_.erase(found);
        return;
    }
    hash_ ^= hash_row(key, *value);
    if (found != rows_.end()) {
        found->second = *value;
    } else {
        rows_.emplace(key, *value);
    }
}

std::vector<Effect> MapState::apply(const std::vector<Effect>& effects) {
    std::vector<Effect> back;
    for (const Effect& effect : effects) {
        const std::string* before = find(effect.key);
        back.push_back({effect.key, before ? std::optional(*before) : std::nullopt});
        set(effect.key, effect.value);
    }
    return back;
}

const std::string* MapState::find(const std::string& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second;
}

std::vector<std::pair<std::string, std::string>> MapState::scan(const Operation& read) const {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (auto row = rows_.lower_bound(read.key); row != rows_.end(); ++row) {
        if (row->first >= read.end_key || pairs.size() == read.limit) break;
        pairs.push_back(*row);
    }
    return pairs;
}

bool MapState::explains(const Operation& read) const {
    if (read.kind == Operation::Kind::kScan) return scan(read) == read.pairs;
    const std::string* found = find(read.key);
    return found == nullptr ? !read.value : read.value == *found;
}

std::vector<Effect> MapState::differences(const Operation& read, size_t most) const {
    if (explains(read)) return {};
    if (read.kind == Operation::Kind::kGet) return {{read.key, read.value}};
    const auto here = scan(read);
    std::vector<Effect> found;
    auto mine = here.begin();
    auto theirs = read.pairs.begin();
    while (found.size() < most && (mine != here.end() || theirs != read.pairs.end())) {
        if (theirs == read.pairs.end() || (mine != here.end() && mine->first < theirs->first)) {
            // Behind the last pair of a scan that was cut off by its limit nothing was seen.
            if (theirs == read.pairs.end() && read.pairs.size() == read.limit) break;
            found.push_back({mine->first, std::nullopt});
            ++mine;
        } else if (mine == here.end() || theirs->first < mine->first) {
            found.push_back({theirs->first, theirs->second});
            ++theirs;
        } else {
            if (mine->second != theirs->second) found.push_back({theirs->first, theirs->second});
            ++mine;
            ++theirs;
        }
    }
    return found;
}

std::string describe(const Operation& operation) {
    std::string text;
    const auto value = [&](const std::optional<std::string>& of) { return of ? *of : "nothing"; };
    switch (operation.kind) {
        case Operation::Kind::kWrite:
            text = "write";
            for (const Effect& each : operation.effects) {
                text += " " + each.key + "=" + value(each.value);
            }
            break;
        case Operation::Kind::kGet:
            text = "get " + operation.key + ": " + value(operation.value);
            break;
        case Operation::Kind::kScan:
            text = "scan " + operation.key + " to " + operation.end_key + " limit " +
                   std::to_string(operation.limit) + ":";
            for (const auto& [key, seen] : operation.pairs) text += " " + key + "=" + seen;
            break;
    }
    text += ", " + std::to_string(operation.begin) + " to " +
            (operation.unknown() ? "?" : std::to_string(operation.end));
    if (operation.index != 0) text += ", at " + std::to_string(operation.index);
    return text;
}

}  // namespace timber::sim
