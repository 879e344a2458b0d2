#pragma once
// Gives the log's space back, and keeps the log below its limit.
//
// Thread:     the loop.
// Lifetime:   `parts` and `states` outlive it.
// Invariants: LS1  nothing is released that a live record lies in or behind, nor anything behind the
//                  floor that the state store's files hold.
#include "src/storage/engine_parts.h"
#include "src/storage/state_path.h"

namespace timber::storage {

class LogSpace {
  public:
    LogSpace(EngineParts& parts, StatePath& states) : parts_(parts), states_(states) {}

    // Something may have become free.
    void work();
    uint64_t bytes_live() const;

  private:
    void release();

    EngineParts& parts_;
    StatePath& states_;
};

}  // namespace timber::storage
