#include "memtable/ingest_job.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "src/base/aligned_buffer.h"

namespace timber::memtable {

// What the small tables hold until their override counts. Not 0, which means "none" to a range
// remove.
static constexpr Sequence kSequencePlaceholder{1};

static constexpr size_t kReadBytes = 256_KiB;

static Error invalid(std::string detail) {
    return make_error(ErrorCode::kInvalidArgument, std::move(detail));
}

Status check_request(const IngestRequest& request) {
    if (!before_end(request.range.begin, request.range.end))
        return invalid("the range to ingest is empty");
    TIMBER_CHECK(request.rows.check_limits());
    bool removes_range = false;
    request.rows.for_each([&](const WriteBatch::Operation& operation) {
        removes_range |= operation.kind == WriteBatch::Kind::kRemoveRange;
    });
    if (removes_range) return invalid("the rows of an ingest remove a range");
    std::vector<FileNumber> numbers;
    for (const IngestFile& file : request.files) {
        if (file.family == Family::kMeta) return invalid("a file for the metadata family");
        numbers.push_back(file.number);
    }
    std::ranges::sort(numbers);
    if (std::ranges::adjacent_find(numbers) != numbers.end())
        return invalid("a file is named twice");
    return {};
}

static std::vector<IngestJob::Row> rows_of(const WriteBatch& batch) {
    std::map<std::pair<Family, std::string_view>, IngestJob::Row> rows;
    batch.for_each([&](const WriteBatch::Operation& operation) {
        const EntryKind kind =
            operation.kind == WriteBatch::Kind::kPut ? EntryKind::kPut : EntryKind::kRemove;
        rows.insert_or_assign(
            {operation.family, operation.key},
            IngestJob::Row{operation.family, kind, operation.key, operation.value});
    });
    std::vector<IngestJob::Row> list;
    for (const auto& [place, row] : rows) list.push_back(row);
    return list;
}

IngestJob::IngestJob(const JobEnvironment& environment, const IngestRequest& request, uint64_t seed)
    : environment_(environment), request_(request), random_(seed), rows_(rows_of(request.rows)) {}

IngestJob::~IngestJob() { TIMBER_ASSERT(!reading_); }

std::string IngestJob::path_of(FileNumber number) const {
    return join_path(environment_.options.directory, table_file_name(number));
}

Result<IngestJob::Progress> IngestJob::step() {
    if (file_index_ < request_.files.size()) {
        TIMBER_CHECK(verify_some(request_.files[file_index_]));
        return Progress::kMore;
    }
    TIMBER_CHECK(check_overlaps());
    TIMBER_CHECK(write_small_tables());
    TIMBER_CHECK(environment_.names.sync(sync_failures_before_));
    return Progress::kDone;
}

Status IngestJob::verify_some(const IngestFile& file) {
    if (!reading_) TIMBER_CHECK(begin_reading(file));
    TIMBER_CHECK(read_some(file));
    if (reading_->offset < file.file_bytes) return {};
    TIMBER_CHECK(finish_reading(file));
    TIMBER_CHECK(describe(file));
    ++file_index_;
    return {};
}

Status IngestJob::begin_reading(const IngestFile& file) {
    const std::string path = path_of(file.number);
    const auto opened = environment_.disk.open(path, {});
    if (!opened && opened.error().code == ErrorCode::kNotFound)
        return file_error(ErrorCode::kMissing, path, "the file to ingest is not there");
    if (!opened) return opened.error();
    reading_.emplace(Reading{.file = *opened});
    TIMBER_TRY(const uint64_t bytes, environment_.disk.size(*opened));
    if (bytes != file.file_bytes)
        return file_error(ErrorCode::kCorrupted, path,
                          "has " + std::to_string(bytes) + " bytes instead of " +
                              std::to_string(file.file_bytes));
    return {};
}

Status IngestJob::read_some(const IngestFile& file) {
    const std::string path = path_of(file.number);
    AlignedBuffer buffer(kReadBytes);
    const uint64_t end =
        std::min(file.file_bytes, reading_->offset + environment_.options.job_step_bytes);
    while (reading_->offset < end) {
        const MutableBytes part = buffer.first(std::min(kReadBytes, end - reading_->offset));
        TIMBER_TRY(const size_t bytes,
                   await_read(environment_.disk, reading_->file, path, reading_->offset, part));
        if (bytes < part.size())
            return file_error(ErrorCode::kCorrupted, path, reading_->offset + bytes,
                              "the file is cut short");
        reading_->checksum.update(part);
        reading_->offset += bytes;
        counts_.bytes_read += bytes;
    }
    return {};
}

Status IngestJob::finish_reading(const IngestFile& file) {
    const std::string path = path_of(file.number);
    if (reading_->checksum.value() != file.file_checksum)
        return file_error(ErrorCode::kCorrupted, path, "the file's checksum is another one");
    TIMBER_CHECK(await_sync(environment_.disk, reading_->file, path));
    close_reading();
    return {};
}

void IngestJob::close_reading() {
    if (reading_) environment_.disk.close(reading_->file);
    reading_.reset();
}

static FileMeta meta_of(FileNumber number, FileId id, Family family, const TableSummary& summary) {
    return {.number = number,
            .id = id,
            .family = family,
            .file_bytes = summary.file_bytes,
            .entries = summary.entries,
            .removes = summary.removes,
            .range_removes = summary.range_removes,
            .key_bytes = summary.key_bytes,
            .value_bytes = summary.value_bytes,
            .smallest = summary.smallest,
            .largest = summary.largest,
            .largest_exclusive = summary.largest_exclusive,
            .sequence_min = summary.sequence_min,
            .sequence_max = summary.sequence_max};
}

Status IngestJob::describe(const IngestFile& file) {
    const std::string path = path_of(file.number);
    TIMBER_TRY(const auto reader, TableReader::open(environment_.disk, path,
                                                    {.id = file.id,
                                                     .family = file.family,
                                                     .file_bytes = file.file_bytes,
                                                     .direct = environment_.options.direct_io},
                                                    environment_.cache));
    const TableSummary& summary = reader->summary();
    // Each key once and nothing but puts, as an export writes it: only then may one sequence stand
    // for all of it.
    if (summary.removes != 0 || summary.range_removes != 0 || summary.entries == 0 ||
        summary.sequence_max != Sequence())
        return file_error(ErrorCode::kInvalidArgument, path, "the file is not an exported one");
    FileMeta meta = meta_of(file.number, file.id, file.family, summary);
    const KeyRange& range = request_.range;
    if (meta.smallest < range.begin || !before_end(meta.largest, range.end))
        return file_error(ErrorCode::kInvalidArgument, path,
                          "the file holds keys outside of the range");
    outcome_.files.push_back(std::move(meta));
    return {};
}

Status IngestJob::check_overlaps() const {
    std::vector<const FileMeta*> sorted;
    for (const FileMeta& meta : outcome_.files) sorted.push_back(&meta);
    std::ranges::sort(sorted, [](const FileMeta* left, const FileMeta* right) {
        return std::tie(left->family, left->smallest) < std::tie(right->family, right->smallest);
    });
    for (size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i - 1]->family == sorted[i]->family &&
            sorted[i - 1]->largest >= sorted[i]->smallest)
            return file_error(ErrorCode::kInvalidArgument, path_of(sorted[i]->number),
                              "the file overlaps another one of the same ingest");
    }
    return {};
}

Status IngestJob::write_small_tables() {
    for (const Family family : kIngestedFamilies) {
        TIMBER_TRY(FileMeta meta, write_table(family, [&](TableWriter& writer) -> Status {
                       writer.add_range_remove(request_.range.begin, request_.range.end,
                                               kSequencePlaceholder);
                       return {};
                   }));
        outcome_.range_removes.push_back(std::move(meta));
    }
    for (const Family family : kAllFamilies) TIMBER_CHECK(write_rows(family));
    return {};
}

Status IngestJob::write_rows(Family family) {
    if (std::ranges::find(rows_, family, &Row::family) == rows_.end()) return {};
    TIMBER_TRY(FileMeta meta, write_table(family, [&](TableWriter& writer) -> Status {
                   std::string key;
                   for (const Row& row : rows_) {
                       if (row.family != family) continue;
                       key.clear();
                       append_internal_key(key, row.key, kSequencePlaceholder, row.kind);
                       TIMBER_CHECK(writer.add(key, row.value));
                   }
                   return {};
               }));
    outcome_.rows.push_back(std::move(meta));
    return {};
}

Result<FileMeta> IngestJob::write_table(Family family,
                                        std::move_only_function<Status(TableWriter&)> fill) {
    const FileNumber number = environment_.numbers.take();
    const std::string path = path_of(number);
    const FileId id{.store = environment_.store_id, .draw = random_.next()};
    TIMBER_TRY(const auto writer,
               TableWriter::create(environment_.disk, path, {id, family},
                                   environment_.options.families[index_of(family)].table(0)));
    if (const Status filled = fill(*writer); !filled) {
        writer->abandon();
        return filled.error();
    }
    auto summary = writer->finish();
    if (!summary) {
        writer->abandon();
        return std::move(summary).error();
    }
    paths_written_.push_back(path);
    counts_.bytes_written += summary->file_bytes;
    ++counts_.files_written;
    return meta_of(number, id, family, *summary);
}

void IngestJob::abandon() {
    close_reading();
    // What cannot be removed is an orphan, which the next opening finds.
    for (const std::string& path : paths_written_) (void)environment_.disk.remove(path).ok();
    paths_written_.clear();
}

}  // namespace timber::memtable
