#include "memtable/store_parts.h"

#include <utility>

#include "memtable/table_opener.h"

namespace timber::memtable {

// Of a memory table, a flush writes less than the table holds: an entry costs more in a skip list
// than in a table with its filter and index. What it rounds up comes to this at most.
static constexpr uint64_t kReserveExtraBytes = 64_KiB;

StoreFoundation::StoreFoundation(Store::Environment outside, const Options& given)
    : environment(outside),
      options(given),
      cache(options.block_cache_bytes),
      remover(environment.disk, environment.executor, environment.loop,
              {.directory = options.directory,
               .bytes_per_second = options.remove_bytes_per_second,
               .retry_delay = options.retry_delay},
              [this](FileNumber number) { return needed && needed(number); }),
      open_file(
          table_opener(environment.disk, options.directory, cache, &remover, options.direct_io)) {}

Status StoreFoundation::open() {
    auto result = open_store(environment.disk, options, open_file);
    if (!result) {
        // The tables that were opened so far, which use the cache, are on their way out.
        remover.close_let_go();
        return std::move(result).error();
    }
    opened = std::move(*result);
    remover.hold_found(opened.file_next);
    const Version& version = *opened.version;
    report = {.created = opened.created,
              .flushed = version.flushed(),
              .log_floor = version.log_floor(),
              .files = version.file_count(),
              .orphans = opened.orphans.size()};
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level)
            report.file_bytes += version.level_bytes(family, level);
    }
    return {};
}

StoreParts::StoreParts(std::unique_ptr<StoreFoundation> made, StoreListener& owner,
                       std::move_only_function<void()> changed)
    : foundation(std::move(made)),
      environment(foundation->environment),
      options(foundation->options),
      listener(owner),
      random(options.seed),
      pacer(options),
      runner(environment.executor, environment.loop, options.background_bytes_per_second, pacer),
      health(environment.loop, options.retry_delay, [this] { changed_(); }),
      numbers(foundation->opened.file_next),
      writer(environment.executor, environment.loop, std::move(foundation->opened.manifest),
             options.retry_delay),
      manifest(writer, runner, numbers, std::move(foundation->opened.version),
               [this](Error error) { health.fail_for_ever(std::move(error)); }),
      writes(options, manifest.version()->sequence_last(), random.next()),
      current(std::make_shared<View>(View{writes.active_ref(), {}, manifest.version()}),
              writes.last()),
      reserve(environment.disk, *foundation->opened.names, runner, health, options.directory,
              options.memory_table_bytes + kReserveExtraBytes, [this] { changed_(); }),
      files(options.directory, numbers, foundation->remover, foundation->opened.orphans),
      jobs{.disk = environment.disk,
           .options = options,
           .cache = foundation->cache,
           .numbers = numbers,
           .names = *foundation->opened.names,
           .store_id = foundation->opened.store_id,
           .obsolete = &foundation->remover},
      changed_(std::move(changed)) {}

void StoreParts::show(Sequence visible) {
    auto view = std::make_shared<View>(
        View{writes.active_ref(), writes.sealed_for_view(), manifest.version()});
    ViewRef old = current.publish(std::move(view), visible);
    // It may be the last to hold a flushed memory table, whose memory takes a while to be given
    // back.
    runner.run_plain("let go of a view", [old = std::move(old)] {});
}

void StoreParts::seal() {
    writes.seal(listener.log_floor());
    show();
}

void StoreParts::discard(std::vector<TableFileRef> unused) {
    if (health.failed_for_ever()) return;
    for (const TableFileRef& file : unused) file->drop();
}

}  // namespace timber::memtable
