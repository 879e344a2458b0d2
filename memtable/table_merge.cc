#include "memtable/table_merge.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

constexpr uint64_t kLookBytes = 16_KiB;
constexpr uint64_t kLooksPerFile = 64;

}  // namespace

TableMerge::TableMerge(const JobEnvironment& environment, Request request, uint64_t seed)
    : request_(std::move(request)),
      outputs_(environment, request_.family, request_.level, seed,
               request_.rules.kept_range_removes(request_.older ? &*request_.older : nullptr)),
      stream_(*request_.merged, request_.rules, request_.older ? &*request_.older : nullptr) {
    const uint64_t target =
        environment.options.families[index_of(request_.family)].table_bytes_target;
    look_bytes_ = std::min(kLookBytes, target / kLooksPerFile);
}

Result<BackgroundJob::Progress> TableMerge::step(uint64_t bytes) {
    const uint64_t until = stream_.bytes_read() + bytes;
    stream_.pause_at(until);
    if (!begun_) {
        begun_ = true;
        stream_.begin();
    } else if (stream_.state() == CompactionStream::State::kPaused) {
        stream_.next();
    }
    TIMBER_CHECK(write_until(until));
    if (stream_.state() != CompactionStream::State::kEnd) {
        request_.merged->settle();
        TIMBER_CHECK(outputs_.settle());
        return BackgroundJob::Progress::kMore;
    }
    TIMBER_CHECK(request_.merged->status());
    TIMBER_CHECK(outputs_.finish());
    return BackgroundJob::Progress::kDone;
}

Status TableMerge::write_until(uint64_t bytes_read) {
    while (stream_.state() == CompactionStream::State::kEntry) {
        TIMBER_CHECK(write_entry());
        stream_.next();
        if (stream_.bytes_read() >= bytes_read) break;
    }
    return {};
}

// Never between two versions of a key: a reader looks into one file of a level for them.
inline bool TableMerge::cuts_before(std::string_view user_key) {
    if (!stream_.first_of_key()) return TIMBER_MISTAKE(store_versions_split) && !user_key.empty();
    return request_.cuts->before(user_key, file_bytes_);
}

inline Status TableMerge::write_entry() {
    const std::string_view key = stream_.key();
    if (request_.cuts && cuts_before(user_key_of(key))) [[unlikely]]
        TIMBER_CHECK(begin_next_file(user_key_of(key)));
    if (!outputs_.writing()) [[unlikely]]
        TIMBER_CHECK(outputs_.begin());
    TIMBER_CHECK(outputs_.writer().add(key, stream_.value()));
    ++entries_written_;
    note_bytes(key.size() + stream_.value().size());
    return {};
}

inline void TableMerge::note_bytes(size_t bytes) {
    unseen_bytes_ += bytes;
    if (unseen_bytes_ < look_bytes_) [[likely]]
        return;
    unseen_bytes_ = 0;
    file_bytes_ = outputs_.writer().bytes_estimate();
}

Status TableMerge::begin_next_file(std::string_view user_key) {
    if (outputs_.writing()) TIMBER_CHECK(outputs_.end(user_key));
    request_.cuts->begin();
    file_bytes_ = 0;
    unseen_bytes_ = 0;
    return {};
}

}  // namespace timber::memtable
