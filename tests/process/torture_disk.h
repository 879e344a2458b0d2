#pragma once
// What a torture server and its test share about the server's disk: the memory of its PowerCut, and
// how long its syncs take.
//
// The test makes it and lets the server inherit the memory; the server attaches by the text that
// the test gives it in the environment.
//
// Thread:   the test's main thread; the server's own while it lives.
// Lifetime: the test's outlives the server's lives.
#include <atomic>
#include <cstdint>
#include <string>

#include "tests/support/power_cut.h"

namespace timber::process {

class TortureDisk {
  public:
    // Makes the memory: the text that both sides attach by. `keep_directory` lies in the file
    // system of the data, beside them.
    static std::string make(const std::string& keep_directory);
    explicit TortureDisk(const std::string& text);
    ~TortureDisk();
    TortureDisk(const TortureDisk&) = delete;
    TortureDisk& operator=(const TortureDisk&) = delete;

    PowerCut& power_cut() { return power_cut_; }
    std::atomic<uint32_t>& sync_delay_ms() { return *delay_; }

  private:
    TortureDisk(int memory, std::string keep_directory);

    const int memory_;
    std::atomic<uint32_t>* delay_;
    PowerCut power_cut_;
};

}  // namespace timber::process
