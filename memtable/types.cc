#include "memtable/types.h"

#include "src/base/assert.h"

namespace timber::memtable {

std::string_view to_string(Family family) {
    switch (family) {
        case Family::kDefault: return "default";
        case Family::kLock: return "lock";
        case Family::kWrite: return "write";
        case Family::kMeta: return "meta";
    }
    TIMBER_ASSERT(false);
    return {};
}

}  // namespace timber::memtable
