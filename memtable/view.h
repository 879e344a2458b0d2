#pragma once
// What a read looks at: the memory tables and the version of one moment.
//
// Thread:   immutable but for the active memory table, which its writer extends; any thread.
// Lifetime: owners are the store (its current one) and the reads and iterators that began on it.
#include <memory>
#include <vector>

#include "memtable/memory_table.h"
#include "memtable/version.h"

namespace timber::memtable {

struct View {
    std::shared_ptr<MemoryTable> active;
    // Newest first.
    std::vector<std::shared_ptr<const MemoryTable>> sealed;
    VersionRef version;
};
using ViewRef = std::shared_ptr<const View>;

}  // namespace timber::memtable
