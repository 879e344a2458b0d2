#pragma once
// The map that histories are checked against, with a hash that follows each change.
//
// Thread: one.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/check/history.h"

namespace timber::sim {

class MapState {
  public:
    // Takes effect; the effects that would take it back.
    std::vector<Effect> apply(const std::vector<Effect>& effects);
    // Null if absent.
    const std::string* find(const std::string& key) const;
    // Whether a get or a scan would see this.
    bool explains(const Operation& read) const;
    // Keys on which `read` saw something else than this holds, at most `most` of them, with what it
    // saw. Empty exactly if explains().
    std::vector<Effect> differences(const Operation& read, size_t most) const;

    uint64_t hash() const { return hash_; }

  private:
    void set(const std::string& key, const std::optional<std::string>& value);
    std::vector<std::pair<std::string, std::string>> scan(const Operation& read) const;

    std::map<std::string, std::string> rows_;
    uint64_t hash_ = 0;
};

uint64_t hash_text(std::string_view text);

}  // namespace timber::sim
