#include "memtable/ingestor.h"

#include <algorithm>
#include <utility>

#include "src/base/mistake.h"

namespace timber::memtable {

struct Ingestor::Running {
    IngestRequest request;
    Store::Done done;
    std::unique_ptr<IngestJob> job;
    IngestJob::Outcome outcome;
    // From prepare() on.
    std::optional<Sequence> sequence;
    std::vector<CompactionClaims::Id> claims;
};

Ingestor::Ingestor(StoreParts& parts) : parts_(parts) {}
Ingestor::~Ingestor() { TIMBER_ASSERT(running_.empty()); }

static bool is_live(const Version& version, Family family, FileNumber number) {
    for (size_t level = 0; level < kLevels; ++level) {
        for (const TableFileRef& file : version.files(family, level)) {
            if (file->meta().number == number) return true;
        }
    }
    return false;
}

Status Ingestor::check(const IngestRequest& request, const Version& version) const {
    TIMBER_CHECK(check_request(request));
    for (const IngestFile& file : request.files) {
        if (is_live(version, file.family, file.number))
            return make_error(ErrorCode::kAlreadyExists,
                              "the file is part of the store: this ingest was done before");
        for (const Running& other : running_) {
            const auto& files = other.request.files;
            if (&other.request != &request &&
                std::ranges::find(files, file.number, &IngestFile::number) != files.end())
                return make_error(ErrorCode::kInvalidArgument,
                                  "another ingest under way has the file");
        }
    }
    return {};
}

void Ingestor::ingest(IngestRequest request, Store::Done done) {
    Running& running =
        running_.emplace_back(Running{.request = std::move(request), .done = std::move(done)});
    if (Status valid = check(running.request, *parts_.manifest.version()); !valid)
        return parts_.runner.post([this, &running, valid = std::move(valid)]() mutable {
            end(running, std::move(valid));
        });
    running.job = std::make_unique<IngestJob>(parts_.jobs, running.request, parts_.new_seed());
    parts_.runner.run("ingest", JobRunner::Kind::kUrgent, *running.job,
                      [this, &running](Status status) { verified(running, std::move(status)); });
}

void Ingestor::verified(Running& running, Status status) {
    if (!status) return end(running, std::move(status));
    running.outcome = running.job->take_outcome();
    push_change(running);
}

void Ingestor::push_change(Running& running) {
    parts_.manifest.push({
        .prepare = [this, &running](const Version& version) { return prepare(running, version); },
        .open_files = [this](const VersionEdit& edit) { return open_files(edit); },
        .publish = [this, &running](const VersionRef&) { published(running); },
        .failed = [this, &running](Error error) { failed(running, std::move(error)); },
    });
}

static void add(VersionEdit& edit, FileMeta meta, size_t level, Sequence sequence) {
    meta.sequence_override = sequence;
    meta.sequence_min = sequence;
    meta.sequence_max = sequence;
    edit.added.push_back({.level = static_cast<uint8_t>(level), .file = std::move(meta)});
}

Result<VersionEdit> Ingestor::prepare(Running& running, const Version& version) {
    // Again: an ingest of the same files may have come between.
    TIMBER_CHECK(check(running.request, version));
    const Sequence hides = parts_.writes.reserve();
    running.sequence = hides;
    VersionEdit edit{.sequence_last = hides + 1};
    for (const FileMeta& meta : running.outcome.files) {
        const size_t level = ingest_level(version, parts_.claims, meta.family, range_of(meta));
        // Until the version shows it there, no compaction may put anything in its place.
        running.claims.push_back(parts_.claims.claim_output(meta.family, level, range_of(meta)));
        add(edit, meta, level, hides + 1);
    }
    if (!TIMBER_MISTAKE(rs_old_range_kept)) {
        for (const FileMeta& meta : running.outcome.range_removes) add(edit, meta, 0, hides);
    }
    if (!TIMBER_MISTAKE(store_ingest_rows_apart)) {
        for (const FileMeta& meta : running.outcome.rows) add(edit, meta, 0, hides + 1);
    }
    return edit;
}

Result<std::vector<TableFileRef>> Ingestor::open_files(const VersionEdit& edit) const {
    std::vector<TableFileRef> files;
    for (const VersionEdit::Added& added : edit.added) {
        TIMBER_TRY(TableFileRef file, parts_.foundation->open_file(added.file));
        files.push_back(std::move(file));
    }
    return files;
}

void Ingestor::published(Running& running) {
    const Sequence hides = *running.sequence;
    parts_.writes.take_reserved();
    MemoryTable& active = parts_.writes.active();
    if (!TIMBER_MISTAKE(store_ingest_skips_memory) && !TIMBER_MISTAKE(rs_old_range_kept)) {
        for (const Family family : kIngestedFamilies)
            active.add_range_remove(family, hides, running.request.range.begin,
                                    running.request.range.end);
    }
    for (const IngestJob::Row& row : running.job->rows())
        active.add(row.family, hides + 1, row.kind, row.key, row.value);
    parts_.show(hides + 1);
    ++parts_.counts.ingests;
    for (const IngestFile& file : running.request.files) {
        parts_.counts.ingest_bytes += file.file_bytes;
        parts_.files.taken(file.number);
    }
    end(running, {});
}

void Ingestor::failed(Running& running, Error error) {
    if (running.sequence) parts_.writes.cancel_reserved();
    // In doubt: the next opening finds the files either live or orphans.
    if (parts_.health.failed_for_ever()) return end(running, std::move(error));
    parts_.runner.run_plain(
        "abandon ingest", [&running] { running.job->abandon(); },
        [this, &running, error = std::move(error)]() mutable { end(running, std::move(error)); });
}

void Ingestor::end(Running& running, Status status) {
    for (const CompactionClaims::Id claim : running.claims) parts_.claims.release(claim);
    Store::Done done = std::move(running.done);
    const auto place =
        std::ranges::find_if(running_, [&](const Running& each) { return &each == &running; });
    TIMBER_ASSERT(place != running_.end());
    running_.erase(place);
    done(std::move(status));
    parts_.changed();
}

}  // namespace timber::memtable
