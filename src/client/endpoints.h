#pragma once
// The servers that a client knows, and which of them to ask.
//
// Thread:     one at a time: the client's lock guards it.
// Invariants: P1  there is always one to ask.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/assert.h"

namespace timber::client {

class Endpoints {
  public:
    explicit Endpoints(std::vector<std::string> addresses) : addresses_(std::move(addresses)) {
        TIMBER_ASSERT(!addresses_.empty());
    }

    // Who leads as far as is known, or else the one whose turn it is.
    const std::string& pick() const { return leader_.empty() ? addresses_[turn_] : leader_; }
    const std::vector<std::string>& all() const { return addresses_; }

    // `address` did not answer, or sent us away without saying where to.
    void avoid(const std::string& address) {
        if (leader_ == address) leader_.clear();
        if (addresses_[turn_] == address) turn_ = (turn_ + 1) % addresses_.size();
    }
    // `store` leads. False if nobody has said where that is.
    bool follow(uint64_t store) {
        const auto found = stores_.find(store);
        if (found == stores_.end()) return false;
        leader_ = found->second;
        return true;
    }
    // `address` leads. True if that is news.
    bool answered(const std::string& address) {
        if (leader_ == address) return false;
        leader_ = address;
        return true;
    }
    void learn(uint64_t store, const std::string& address) {
        if (store == 0 || address.empty()) return;
        stores_[store] = address;
        for (const std::string& known : addresses_)
            if (known == address) return;
        addresses_.push_back(address);
    }

  private:
    std::vector<std::string> addresses_;
    size_t turn_ = 0;
    std::string leader_;
    std::map<uint64_t, std::string> stores_;
};

}  // namespace timber::client
