#include "src/storage/log_space.h"

#include <algorithm>

#include "src/base/mistake.h"

namespace timber::storage {

void LogSpace::work() { release(); }

uint64_t LogSpace::bytes_live() const { return parts_.live.bytes(); }

void LogSpace::release() {
    logengine::Lsn needed = parts_.live.lowest().value_or(parts_.noted_lsn + 1);
    const logengine::Lsn floor(parts_.store->log_floor().value());
    if (!TIMBER_MISTAKE(engine_log_released_before_flush)) needed = std::min(needed, floor);
    needed = std::min(needed, parts_.noted_lsn + 1);
    if (needed > logengine::Lsn(1) && needed - 1 > parts_.log->released_lsn())
        parts_.log->release(needed - 1);
}

}  // namespace timber::storage
