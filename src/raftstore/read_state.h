#pragma once
// A get or a scan of a Region's state.
//
// Thread:  any; from a job unless cache_only.
// Failure: kBusy where cache_only is set and the answer is not in memory, or too much for a loop.
#include "src/raftstore/reads.h"
#include "src/raftstore/store.h"

namespace timber::raftstore {

Result<Response> read_state(const memtable::Store& state, const ReadRequest& request,
                            const Region& region, const StoreOptions& options,
                            const memtable::ReadOptions& read_options);

}  // namespace timber::raftstore
