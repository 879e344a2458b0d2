#pragma once
// Threads that play all attacks against all listeners, in an order that comes from a seed.
//
// Thread:   one owner.
// Lifetime: the destructor ends the threads.
// Failure:  an attack's complaint ends the test, with the seed that replays the attack.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/process/hostile/attacks.h"

namespace timber::hostile {

class Attackers {
  public:
    // All attacks, or those alone whose name holds `only`.
    Attackers(std::vector<Target> targets, uint64_t seed, size_t threads, std::string only);
    ~Attackers();
    Attackers(const Attackers&) = delete;
    Attackers& operator=(const Attackers&) = delete;

    void stop();
    uint64_t played() const { return played_; }
    // Every attack by itself, once against each listener that it fits.
    static void play_each(const std::vector<Target>& targets, uint64_t seed);

  private:
    void work(size_t thread);

    const std::vector<Target> targets_;
    const uint64_t seed_;
    const std::string only_;
    std::atomic<bool> stopping_ = false;
    std::atomic<uint64_t> played_ = 0;
    std::vector<std::thread> threads_;
};

}  // namespace timber::hostile
