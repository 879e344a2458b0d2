// Ranges that are replaced, and ranges that are exported.
#include "memtable/table_reader.h"
#include "memtable/table_writer.h"
#include "src/base/io/log.h"
#include "tests/crash/store/store_world.h"

namespace timber::memtable {

static constexpr std::array<Family, 3> kDataFamilies = {Family::kDefault, Family::kLock,
                                                        Family::kWrite};

void Life::ingest() {
    if (model_.ingest_pending() != nullptr) return wait_for_answers();
    const std::shared_ptr<IngestContent> content = draw_ingest();
    Status written;
    in_job([&] { written = write_ingest_files(*content); });
    if (!written) {
        if (!may_fail(written.error()))
            fail("writing files to ingest gave " + written.error().to_string());
        return;
    }
    start_ingest(content);
}

std::shared_ptr<IngestContent> Life::draw_ingest() {
    auto content = std::make_shared<IngestContent>();
    const auto empty = [](const KeyRange& range) { return !before_end(range.begin, range.end); };
    do {
        content->range = scenario_.draw_range(random_);
    } while (empty(content->range));
    for (const Family family : kDataFamilies) {
        if (random_.one_in(3)) continue;
        const uint64_t keys = random_.below(random_.one_in(3) ? 200 : 12);
        for (uint64_t i = 0; i < keys; ++i) {
            std::string key = scenario_.draw_key(random_);
            if (content->range.contains(key))
                content->rows[index_of(family)].emplace(
                    std::move(key), "ingested " + std::to_string(random_.next()));
        }
    }
    // What the owner notes of it; so every ingest leaves a trace.
    content->extra.put(Family::kMeta, "ingest", std::to_string(random_.next()));
    if (random_.one_in(3)) content->extra.remove(Family::kMeta, scenario_.draw_key(random_));
    return content;
}

Status Life::write_ingest_files(IngestContent& content) {
    for (const Family family : kDataFamilies)
        if (!content.rows[index_of(family)].empty())
            TIMBER_CHECK(write_ingest_file(content, family));
    return {};
}

Status Life::write_ingest_file(IngestContent& content, Family family) {
    Store::ReservedFile reserved = store_->reserve_file();
    reserved_.insert(reserved.number);
    const FileId id{scenario_.store.store_id + 1, random_.next()};
    TIMBER_TRY(const std::unique_ptr<TableWriter> writer,
               TableWriter::create(*disk_, reserved.path, {id, family},
                                   scenario_.store.families[index_of(family)].table(0)));
    std::string internal_key;
    for (const auto& [key, value] : content.rows[index_of(family)]) {
        internal_key.clear();
        append_internal_key(internal_key, key, Sequence(0), EntryKind::kPut);
        TIMBER_CHECK(writer->add(internal_key, value));
    }
    TIMBER_TRY(const TableSummary summary, writer->finish());
    TIMBER_CHECK(store_->sync_name(reserved));
    content.files.push_back(
        {reserved.number, family, id, summary.file_bytes, summary.file_checksum});
    return {};
}

void Life::start_ingest(std::shared_ptr<const IngestContent> content) {
    // An earlier life's content may not fit beside what is under way.
    if (model_.ingest_pending() != nullptr) wait_for_answers();
    if (failure_ || model_.ingest_pending() != nullptr) return;
    model_.ingest_begun(content);
    ++unanswered_;
    IngestRequest request{content->range, content->files, content->extra};
    loop_->run([&] {
        store_->ingest(std::move(request), [this, content](Status status) {
            --unanswered_;
            if (dead_) return;
            if (status) {
                log_info("life: step {} ingested", disk_->steps());
                for (const IngestFile& file : content->files) reserved_.erase(file.number);
                if (store_failed_) fail("a failed store says that it ingested something");
                note_replaced(content->range);
                return model_.ingest_done(store_->sequence_last());
            }
            log_info("life: step {} ingest: {}", disk_->steps(), status.error().to_string());
            switch (status.error().code) {
                case ErrorCode::kPoisoned:
                case ErrorCode::kClosed: return;  // maybe done: the next opening tells
                case ErrorCode::kNoSpace:
                case ErrorCode::kIoError:
                    if (!may_fail(status.error()))
                        fail("an ingest gave " + status.error().to_string());
                    // After an error of the manifest's it is in doubt too.
                    if (!store_failed_) model_.ingest_refused();
                    return;
                default: fail("an ingest gave " + status.error().to_string());
            }
        });
    });
}

// Some of the keys that were in the range, while the memory tables may still hold them.
void Life::note_replaced(const KeyRange& range) {
    constexpr size_t kKeysMax = 48;
    for (const Family family : kDataFamilies) {
        const Rows& rows = model_.now().rows(family);
        size_t noted = 0;
        for (auto at = rows.lower_bound(range.begin);
             at != rows.end() && range.contains(at->first) && noted < kKeysMax; ++at, ++noted)
            replaced_.emplace_back(family, at->first);
    }
}

// Without waiting: only what is in memory is of interest.
void Life::read_replaced() {
    in_job([&] {
        for (const auto& [family, key] : std::exchange(replaced_, {})) {
            if (failure_ || !apart_from_ingest(family, key)) continue;
            PinnedValue value;
            const Result<bool> found = store_->get({.cache_only = true}, family, key, value);
            if (!found) continue;
            const Rows& rows = model_.now().rows(family);
            const auto expected = rows.find(key);
            if (*found != (expected != rows.end()) || (*found && value.view() != expected->second))
                fail("key '" + key + "' of family " + std::string(to_string(family)) +
                     " is another than an ingest left it");
        }
    });
}

void Life::export_range() {
    static constexpr const char* kDirectory = "exports";
    const KeyRange range = scenario_.draw_range(random_);
    if (model_.ingest_pending() != nullptr) return;
    Status made;
    in_job([&] { made = disk_->make_directory(kDirectory); });
    if (!made) {
        if (!may_fail(made.error())) fail(made);
        return;
    }
    bool over = false;
    Result<std::vector<ExportedFile>> exported = std::vector<ExportedFile>();
    const std::shared_ptr<const Contents> contents = model_.now_shared();
    loop_->run([&] {
        ExportRequest request{.range = range,
                              .snapshot = store_->snapshot(),
                              .directory = kDirectory,
                              .prefix = std::to_string(random_.next()) + "-",
                              .file_bytes_max = random_.one_in(2) ? 4_KiB : 64_MiB};
        store_->export_range(std::move(request), [&](Result<std::vector<ExportedFile>> result) {
            exported = std::move(result);
            over = true;
        });
    });
    if (!world_->run_until([&] { return over; })) return fail("an export never ends");
    if (!exported) {
        if (!may_fail(exported.error())) fail("an export gave " + exported.error().to_string());
        return;
    }
    in_job([&] { check_export(range, *contents, *exported); });
}

void Life::check_export(const KeyRange& range, const Contents& expected,
                        const std::vector<ExportedFile>& files) {
    Contents found;
    BlockCache cache(64_KiB);
    for (const ExportedFile& file : files) {
        auto table = TableReader::open(
            *disk_, file.path,
            {.id = file.id, .family = file.family, .file_bytes = file.file_bytes}, cache);
        if (!table) {
            if (!may_fail(table.error())) fail("an exported file: " + table.error().to_string());
            return;
        }
        const auto iterator = (*table)->new_iterator({});
        for (iterator->seek_to_first(); iterator->valid(); iterator->next())
            found.rows(file.family).emplace(user_key_of(iterator->key()), iterator->value());
        if (const Status read = iterator->status(); !read) {
            if (!may_fail(read.error())) fail("an exported file: " + read.error().to_string());
            return;
        }
    }
    Contents wanted;
    for (const Family family : kDataFamilies)
        for (const auto& [key, value] : expected.rows(family))
            if (range.contains(key)) wanted.rows(family).emplace(key, value);
    if (wanted != found) fail("an export: " + difference(wanted, found));
    for (const ExportedFile& file : files) fail(disk_->remove(file.path));
}

}  // namespace timber::memtable
