// What the store tells of itself, and the check of all its invariants.
#include "memtable/store_core.h"

namespace timber::memtable {

StoreStats Store::Core::stats() const {
    StoreStats stats = parts_.counts;
    const WritePath& writes = parts_.writes;
    stats.batches = writes.batches();
    stats.operations = writes.operations();
    stats.user_bytes = writes.user_bytes();
    stats.writes_refused = writes_refused_;
    stats.manifest_bytes_written = parts_.writer.counters().bytes_written;
    stats.files_removed = parts_.foundation->remover.removed();
    stats.jobs_failed = parts_.health.failures();
    stats.delay_us = microseconds(delay_asked_);
    stats.memory_table_bytes = writes.memory_bytes();
    stats.memory_tables_sealed = writes.sealed().size();
    stats.debt_bytes = load_.debt_bytes;
    stats.snapshots = parts_.snapshots.size();
    stats.jobs_running = parts_.runner.running();
    stats.files_obsolete = parts_.foundation->remover.pending();
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level)
            stats.levels[index_of(family)][level] = {version().files(family, level).size(),
                                                     version().level_bytes(family, level)};
    }
    stats.cache = parts_.foundation->cache.stats();
    return stats;
}

void Store::Core::check_invariants() const {
    parts_.writes.check_invariants();
    parts_.writer.check_invariants();
    version().check_invariants();
    const ReadPoint at = parts_.current.acquire();
    // S1: what is visible ends with a batch, and nothing is that was not written.
    TIMBER_ASSERT_OP(at.visible, <=, parts_.writes.last());
    // S3, S5: readers see the present tables and the present version.
    TIMBER_ASSERT(at.view->version == parts_.manifest.version());
    TIMBER_ASSERT(at.view->active == parts_.writes.active_ref());
    TIMBER_ASSERT(at.view->sealed == parts_.writes.sealed_for_view());
    // S2: of what waits in memory, nothing counts as flushed.
    if (!parts_.writes.sealed().empty())
        TIMBER_ASSERT_OP(version().flushed(), <,
                         parts_.writes.sealed().front().table->sequence_max());
    TIMBER_ASSERT_OP(version().sequence_last(), <=, parts_.writes.last());
    // S6.
    if (parts_.health.failed_for_ever()) TIMBER_ASSERT(refusal().has_value());
}

}  // namespace timber::memtable
