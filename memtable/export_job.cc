#include "memtable/export_job.h"

#include <fmt/core.h>

#include <utility>

#include "memtable/internal_key.h"

namespace timber::memtable {

// The server's own rows are not the range's.
static constexpr std::array kExportedFamilies = {Family::kDefault, Family::kLock, Family::kWrite};

ExportJob::ExportJob(Disk& disk, const Options& options, uint64_t store_id, ExportRequest request,
                     Open open, uint64_t seed)
    : disk_(disk),
      options_(options),
      store_id_(store_id),
      request_(std::move(request)),
      open_(std::move(open)),
      random_(seed),
      position_(request_.range.begin) {
    TIMBER_ASSERT(request_.snapshot != nullptr);
}

ExportJob::~ExportJob() = default;

Result<ExportJob::Progress> ExportJob::step() {
    TIMBER_TRY(const Progress progress, copy_some());
    if (progress == Progress::kMore) return progress;
    if (next_family()) return Progress::kMore;
    TIMBER_CHECK(disk_.sync_directory(request_.directory));
    return Progress::kDone;
}

// kDone at the end of the family.
Result<ExportJob::Progress> ExportJob::copy_some() {
    const auto iterator = open_({.snapshot = request_.snapshot.get(),
                                 .fill_cache = false,
                                 .lower = request_.range.begin,
                                 .upper = request_.range.end},
                                kExportedFamilies[family_index_]);
    uint64_t bytes = 0;
    for (iterator->seek(position_); iterator->valid(); iterator->next()) {
        if (bytes >= options_.job_step_bytes) {
            position_ = iterator->key();
            if (writer_ != nullptr) TIMBER_CHECK(writer_->settle());
            return Progress::kMore;
        }
        TIMBER_CHECK(add(iterator->key(), iterator->value()));
        const uint64_t entry_bytes = iterator->key().size() + iterator->value().size();
        bytes += entry_bytes;
        counts_.bytes_read += entry_bytes;
        counts_.bytes_written += entry_bytes;
    }
    TIMBER_CHECK(iterator->status());
    if (writer_ != nullptr) TIMBER_CHECK(finish_file());
    return Progress::kDone;
}

Status ExportJob::add(std::string_view key, std::string_view value) {
    if (writer_ != nullptr && writer_->bytes_estimate() >= request_.file_bytes_max)
        TIMBER_CHECK(finish_file());
    if (writer_ == nullptr) TIMBER_CHECK(begin_file());
    internal_key_.clear();
    append_internal_key(internal_key_, key, Sequence(), EntryKind::kPut);
    TIMBER_CHECK(writer_->add(internal_key_, value));
    ++counts_.entries_written;
    return {};
}

Status ExportJob::begin_file() {
    const Family family = kExportedFamilies[family_index_];
    current_ = {.path = join_path(request_.directory,
                                  fmt::format("{}{:06}.sst", request_.prefix, files_.size() + 1)),
                .family = family,
                .id = {.store = store_id_, .draw = random_.next()}};
    // As the level that holds most of the data is written: the files are read once and kept long.
    TIMBER_TRY(writer_,
               TableWriter::create(disk_, current_.path, {current_.id, family},
                                   options_.families[index_of(family)].table(kLevels - 1)));
    return {};
}

Status ExportJob::finish_file() {
    TIMBER_TRY(const TableSummary summary, writer_->finish());
    writer_.reset();
    current_.file_bytes = summary.file_bytes;
    current_.file_checksum = summary.file_checksum;
    current_.entries = summary.entries;
    ++counts_.files_written;
    files_.push_back(std::move(current_));
    return {};
}

bool ExportJob::next_family() {
    position_ = request_.range.begin;
    return ++family_index_ < kExportedFamilies.size();
}

void ExportJob::abandon() {
    if (writer_ != nullptr) writer_->abandon();
    writer_.reset();
    // What cannot be removed is left to the owner, who knows the prefix.
    for (const ExportedFile& file : files_) (void)disk_.remove(file.path).ok();
    files_.clear();
}

}  // namespace timber::memtable
