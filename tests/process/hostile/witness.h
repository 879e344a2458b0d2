#pragma once
// A well-behaved client: writes and reads all the time while others misbehave, is owed an answer
// each time, and remembers what it was told.
//
// Thread:   one owner; works on a thread of its own.
// Lifetime: the destructor ends it.
// Failure:  ends the test: a request without an answer, a value that nobody wrote, a write lost.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "src/client/client.h"

namespace timber::hostile {

class Witness {
  public:
    Witness(std::vector<std::string> endpoints, uint64_t seed);
    ~Witness();
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    // Ends the work; then everything that was acknowledged must be there.
    void stop();
    void expect_everything(const std::vector<std::string>& endpoints) const;

    uint64_t done() const { return done_; }
    uint64_t unknown() const { return unknown_; }
    double longest_ms() const { return longest_ms_; }

  private:
    void work();
    void put(const std::string& key);
    void get(const std::string& key);

    const std::vector<std::string> endpoints_;
    std::unique_ptr<client::Client> client_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
    // The thread's, until stop(). What a key may hold: more than one value after a write whose
    // outcome is not known; an empty one where it may be absent.
    std::map<std::string, std::set<std::string>> possible_;
    uint64_t seed_;
    uint64_t written_ = 0;
    uint64_t done_ = 0;
    uint64_t unknown_ = 0;
    double longest_ms_ = 0;
};

}  // namespace timber::hostile
