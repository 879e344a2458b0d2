#include "memtable/table_outputs.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

TableOutputs::TableOutputs(const JobEnvironment& environment, Family family, size_t level,
                           uint64_t seed, std::vector<RangeRemove> range_removes)
    : environment_(environment),
      family_(family),
      level_(level),
      random_(seed),
      range_removes_(std::move(range_removes)) {}

TableOutputs::~TableOutputs() {
    TIMBER_ASSERT(writer_ == nullptr);
    TIMBER_ASSERT(made_.empty());
}

std::string TableOutputs::path_of(FileNumber number) const {
    return join_path(environment_.options.directory, table_file_name(number));
}

Status TableOutputs::begin() {
    TIMBER_ASSERT(!writing());
    number_ = environment_.numbers.take();
    id_ = {environment_.store_id, random_.next()};
    TIMBER_TRY(writer_,
               TableWriter::create(environment_.disk, path_of(number_), {id_, family_},
                                   environment_.options.families[index_of(family_)].table(level_)));
    return {};
}

void TableOutputs::add_range_removes(std::string_view end) {
    for (size_t at = next_remove_; at < range_removes_.size(); ++at) {
        RangeRemove& remove = range_removes_[at];
        if (!before_end(remove.begin, end)) break;
        const bool reaches_on = compare_ends(remove.end, end) > 0;
        writer_->add_range_remove(remove.begin, reaches_on ? end : std::string_view(remove.end),
                                  remove.sequence);
        // The rest of it is the next file's; one that is done has an empty range.
        remove.begin = reaches_on ? std::string(end) : remove.end;
    }
    while (range_removes_left() &&
           range_removes_[next_remove_].begin == range_removes_[next_remove_].end)
        ++next_remove_;
}

Status TableOutputs::close_file() {
    TIMBER_TRY(const TableSummary summary, writer_->finish());
    writer_.reset();
    made_.push_back(number_);
    bytes_written_ += summary.file_bytes;
    TIMBER_TRY(TableFileRef file, open(summary));
    files_.push_back(std::move(file));
    return {};
}

Status TableOutputs::end(std::string_view next_begin) {
    TIMBER_ASSERT(!next_begin.empty());
    add_range_removes(next_begin);
    return close_file();
}

Status TableOutputs::finish() {
    if (!writing() && range_removes_left()) TIMBER_CHECK(begin());
    if (!writing()) return {};
    add_range_removes({});
    return close_file();
}

Status TableOutputs::settle() { return writing() ? writer_->settle() : Status(); }

Result<TableFileRef> TableOutputs::open(const TableSummary& summary) const {
    FileMeta meta;
    meta.number = number_;
    meta.id = id_;
    meta.family = family_;
    meta.file_bytes = summary.file_bytes;
    meta.entries = summary.entries;
    meta.removes = summary.removes;
    meta.range_removes = summary.range_removes;
    meta.key_bytes = summary.key_bytes;
    meta.value_bytes = summary.value_bytes;
    meta.smallest = summary.smallest;
    meta.largest = summary.largest;
    meta.largest_exclusive = summary.largest_exclusive;
    meta.sequence_min = summary.sequence_min;
    meta.sequence_max = summary.sequence_max;
    TIMBER_TRY(std::shared_ptr<TableReader> reader,
               TableReader::open(environment_.disk, path_of(number_),
                                 {.id = id_,
                                  .family = family_,
                                  .file_bytes = summary.file_bytes,
                                  .direct = environment_.options.direct_io},
                                 environment_.cache));
    return TableFileRef(std::make_shared<const TableFile>(std::move(meta), std::move(reader),
                                                          environment_.obsolete));
}

void TableOutputs::abandon() {
    if (writer_ != nullptr) writer_->abandon();
    writer_.reset();
    files_.clear();
    // What cannot be removed now is an orphan, and goes when the store is opened next.
    for (FileNumber number : made_) (void)environment_.disk.remove(path_of(number)).ok();
    made_.clear();
}

std::vector<TableFileRef> TableOutputs::take() {
    TIMBER_ASSERT(!writing());
    made_.clear();
    return std::move(files_);
}

uint64_t TableOutputs::bytes_written() const {
    return bytes_written_ + (writer_ == nullptr ? 0 : writer_->bytes_estimate());
}

}  // namespace timber::memtable
