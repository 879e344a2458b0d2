#include "src/storage/engine_parts.h"

#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::storage {

void EngineParts::fail(Error error) {
    if (poisoned) return;
    if (error.code != ErrorCode::kCrashed) log_error("storage engine: {}", error.to_string());
    poisoned = std::move(error);
    // Later: whoever noticed is in the middle of something.
    environment.loop.post([this] {
        if (!closing) listener.failed(*poisoned);
    });
}

Error EngineParts::as_poisoned(const Error& error) const {
    Error poisoned_error = error;
    if (error.code != ErrorCode::kCrashed) poisoned_error.code = ErrorCode::kPoisoned;
    return poisoned_error;
}

void EngineParts::drop_unneeded(Region& region) {
    // At most what is applied in those files: replay needs nothing of it either.
    TIMBER_ASSERT_OP(region.truncated_flushed, <=, region.applied_flushed);
    const raft::LogIndex needless = TIMBER_MISTAKE(engine_log_released_before_flush)
                                        ? region.state.truncated.index
                                        : region.truncated_flushed;
    region.entries.drop_to(
        needless, [&](const EntryTable::Slot& slot) { live.remove(region.id, slot.location); });
    cache.drop_to(region.id, region.state.truncated.index);
}

void EngineParts::drop_entries(Region& region) {
    region.entries.drop_to(raft::kLogIndexMax, [&](const EntryTable::Slot& slot) {
        live.remove(region.id, slot.location);
    });
    cache.forget(region.id);
}

void EngineParts::check_invariants() const {
    for (const auto& [id, region] : regions) {
        TIMBER_ASSERT_OP(region.state.truncated.index, <=, region.state.applied);  // E6
        if (!region.log.alive) continue;
        TIMBER_ASSERT_OP(region.state.applied, <=, region.log.last_index);          // E1
        TIMBER_ASSERT_OP(region.log.hard_state.commit, <=, region.log.last_index);  // E1
        TIMBER_ASSERT_OP(region.applied_flushed, <=, region.state.applied);
        if (region.entries.empty()) {
            TIMBER_ASSERT_OP(region.state.truncated.index, ==, region.log.last_index);
            continue;
        }
        TIMBER_ASSERT_OP(region.entries.last(), ==, region.log.last_index);
        // E4: what Raft needs, and what a recovery would apply again.
        TIMBER_ASSERT_OP(region.entries.first(), <=, region.state.truncated.index + 1);
        TIMBER_ASSERT_OP(region.entries.first(), <=, region.applied_flushed + 1);
    }
    const std::optional<logengine::Lsn> needed = live.lowest();
    if (log != nullptr && needed && !any_mistake())
        TIMBER_ASSERT_OP(log->released_lsn(), <, *needed);  // E4
    cache.check_invariants();
}

}  // namespace timber::storage
