#include "memtable/store.h"

#include "memtable/range_statistics.h"
#include "memtable/store_core.h"
#include "memtable/store_options.h"

namespace timber::memtable {

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(Environment environment, const Options& options,
                                           StoreListener& listener) {
    TIMBER_CHECK(check_options(options));
    auto foundation = std::make_unique<StoreFoundation>(environment, options);
    TIMBER_CHECK(foundation->open());
    auto core = std::make_unique<Core>(std::move(foundation), listener);
    Core* const started = core.get();
    environment.loop.post([started] { started->start(); });
    return std::unique_ptr<Store>(new Store(std::move(core)));
}

const StoreReport& Store::report() const { return core_->report(); }

void Store::keep_file(FileNumber number) { core_->files().keep(number); }
void Store::finish_recovery() { core_->finish_recovery(); }

Result<Sequence> Store::write(const WriteBatch& batch) { return core_->write(batch); }
Pace Store::pace(size_t bytes) { return core_->pace(bytes); }
void Store::flush(Done done) { core_->flush(std::move(done)); }
void Store::compact_range(Family family, KeyRange range, Done done) {
    core_->compact_range(family, std::move(range), std::move(done));
}
void Store::settle(Done done) { core_->settle(std::move(done)); }

SnapshotRef Store::snapshot() { return core_->snapshot(); }
Result<bool> Store::get(const ReadOptions& options, Family family, std::string_view key,
                        PinnedValue& value) const {
    return core_->get(options, family, key, value);
}
std::unique_ptr<StoreIterator> Store::new_iterator(const ReadOptions& options,
                                                   Family family) const {
    return core_->new_iterator(options, family);
}

uint64_t Store::approximate_bytes(Family family, const KeyRange& range) const {
    return memtable::approximate_bytes(*core_->view(), family, range);
}
std::optional<std::string> Store::middle_key(Family family, const KeyRange& range) const {
    return memtable::middle_key(*core_->view(), family, range);
}

Store::ReservedFile Store::reserve_file() { return core_->reserve_file(); }
Status Store::sync_name(const ReservedFile& file) { return core_->sync_name(file); }
void Store::discard_file(FileNumber number) { core_->files().discard(number); }
void Store::ingest(IngestRequest request, Done done) {
    core_->ingest(std::move(request), std::move(done));
}
void Store::export_range(ExportRequest request, ExportDone done) {
    core_->export_range(std::move(request), std::move(done));
}
void Store::close(std::move_only_function<void()> done) { core_->close(std::move(done)); }

Sequence Store::sequence_last() const { return core_->sequence_last(); }
Sequence Store::flushed() const { return core_->version().flushed(); }
LogMark Store::log_floor() const { return core_->version().log_floor(); }
Condition Store::condition() const { return core_->health().condition(); }
std::optional<Error> Store::condition_error() const { return core_->health().error(); }
StoreStats Store::stats() const { return core_->stats(); }
void Store::check_invariants() const { core_->check_invariants(); }

}  // namespace timber::memtable
