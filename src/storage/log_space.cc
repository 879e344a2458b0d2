#include "src/storage/log_space.h"

#include <algorithm>
#include <utility>

#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::storage {

void LogSpace::work() {
    release();
    const uint64_t held = bytes_held();
    if (held <= parts_.options.log_bytes_max / 2 || parts_.poisoned) return;
    flush();
    if (parts_.live.empty()) return;
    const auto& [oldest, segment] = *parts_.live.segments().begin();
    if (segment.bytes <= parts_.options.log.segment_bytes / 4) {
        rewrite(oldest, segment);
    } else {
        want_compactions(oldest, segment);
    }
}

uint64_t LogSpace::bytes_held() const {
    logengine::SegmentId oldest = parts_.noted_segment;
    if (!parts_.live.empty()) oldest = std::min(oldest, parts_.live.segments().begin()->first);
    if (parts_.noted_segment == logengine::SegmentId()) return 0;
    return (parts_.noted_segment - oldest + 1) * parts_.options.log.segment_bytes;
}

// A flush of the usual length makes nobody wait, however long the log is for other reasons.
bool LogSpace::full() const {
    return flushing_ && bytes_held() > parts_.options.log_bytes_max / 2 * 3 &&
           parts_.noted_segment >= flushed_at_ + segments_max() / 4;
}

void LogSpace::release() {
    logengine::Lsn needed = parts_.live.lowest().value_or(parts_.noted_lsn + 1);
    const logengine::Lsn floor(parts_.store->log_floor().value());
    if (!TIMBER_MISTAKE(engine_log_released_before_flush)) needed = std::min(needed, floor);
    needed = std::min(needed, parts_.noted_lsn + 1);
    if (needed > logengine::Lsn(1) && needed - 1 > parts_.log->released_lsn())
        parts_.log->release(needed - 1);
}

// Whether it helps is not asked: at worst it is one flush for an eighth of the limit.
void LogSpace::flush() {
    if (flushing_ || parts_.noted_segment < flushed_at_ + std::max<uint64_t>(1, segments_max() / 8))
        return;
    flushing_ = true;
    flushed_at_ = parts_.noted_segment;
    ++parts_.forced_flushes;
    parts_.store->flush([this](const Status&) { flushing_ = false; });
}

void LogSpace::want_compactions(logengine::SegmentId oldest, const LiveRecords::Segment& segment) {
    if (wanted_at_ == parts_.noted_segment) return;
    wanted_at_ = parts_.noted_segment;
    std::vector<std::pair<RegionId, raft::LogIndex>> wanted;
    for (const auto& [id, records] : segment.regions) {
        const Region& region = parts_.region(id);
        if (region.state.applied > region.state.truncated.index &&
            region.entries.holds(region.state.truncated.index + 1) &&
            region.entries.at(region.state.truncated.index + 1).location.segment <= oldest)
            wanted.push_back({id, region.state.applied});
    }
    parts_.compactions_wanted += wanted.size();
    if (wanted.empty()) return;
    // Later: whoever brought this about is in the middle of something.
    parts_.environment.loop.post([this, wanted = std::move(wanted)] {
        if (parts_.closing) return;
        for (const auto& [region, index] : wanted) parts_.listener.compaction_wanted(region, index);
    });
}

bool LogSpace::movable(const Moved& moved) const {
    const Region& region = parts_.regions.at(moved.region);
    return region.entries.holds(moved.index) && moved.index < region.replaced_from &&  // LS2
           region.waiting.empty() && region.entries.at(moved.index).location == moved.from;
}

std::vector<LogSpace::Moved> LogSpace::choose(logengine::SegmentId oldest,
                                              const LiveRecords::Segment& segment) const {
    std::vector<Moved> chosen;
    size_t bytes = 0;
    for (const auto& [id, records] : segment.regions) {
        const Region& region = parts_.regions.at(id);
        if (region.entries.empty()) continue;
        for (raft::LogIndex index = region.entries.first(); index <= region.entries.last();
             ++index) {
            const logengine::RecordLocation& location = region.entries.at(index).location;
            if (location.segment != oldest) continue;
            Moved moved{.region = id, .index = index, .from = location};
            if (!movable(moved)) continue;
            bytes += location.record_bytes;
            if (!chosen.empty() &&
                (bytes > kRewriteBytesMax || chosen.size() == kRewriteEntriesMax))
                return chosen;
            chosen.push_back(std::move(moved));
        }
    }
    return chosen;
}

void LogSpace::rewrite(logengine::SegmentId oldest, const LiveRecords::Segment& segment) {
    // In the newest segment nothing is old.
    if (rewriting_ || parts_.closing || oldest == parts_.noted_segment) return;
    std::vector<Moved> chosen = choose(oldest, segment);
    if (chosen.empty()) return;
    rewriting_ = true;
    parts_.environment.executor.run(
        "read for rewriting", [this, chosen = std::move(chosen)]() mutable {
            Status status;
            for (Moved& moved : chosen) {
                const auto stored = parts_.log->read(moved.from);
                if (!stored) {
                    status = stored.error();
                    break;
                }
                const ByteView payload = stored->record.payload;
                moved.origin = stored->record.origin_lsn.value_or(moved.from.lsn);
                moved.payload.assign(payload.begin(), payload.end());
            }
            parts_.environment.loop.post(
                [this, chosen = std::move(chosen), status = std::move(status)]() mutable {
                    read_ended(std::move(chosen), std::move(status));
                });
        });
}

void LogSpace::read_ended(std::vector<Moved> chosen, Status status) {
    std::erase_if(chosen, [this](const Moved& moved) { return !movable(moved); });
    if (!status && status.error().code != ErrorCode::kNotFound &&
        status.error().code != ErrorCode::kCrashed)
        log_error("storage engine: entries to be rewritten cannot be read: {}",
                  status.error().to_string());
    if (!status || chosen.empty() || parts_.closing || parts_.poisoned) {
        rewriting_ = false;
        return changed_();
    }
    append(std::move(chosen));
}

void LogSpace::append(std::vector<Moved> chosen) {
    logengine::Batch batch;
    for (const Moved& moved : chosen) {
        const Status added = batch.add_rewritten(kEntryRecord, entry_tag(moved.region, moved.index),
                                                 moved.payload, moved.origin);
        TIMBER_ASSERT(added.ok());
    }
    // A copy: when the batch is refused at once, the lambda is gone.
    const Status appended = parts_.log->append(
        std::move(batch),
        [this, chosen = std::move(chosen)](const Result<logengine::Appended>& answer) {
            moved(chosen, answer);
        });
    if (!appended) rewriting_ = false;
}

void LogSpace::moved(const std::vector<Moved>& chosen,
                     const Result<logengine::Appended>& appended) {
    rewriting_ = false;
    if (appended.ok()) {
        const std::vector<logengine::RecordLocation> locations = appended->locations();
        parts_.noted_lsn = appended->lsn();
        parts_.noted_segment = locations.back().segment;
        for (size_t i = 0; i < chosen.size(); ++i) {
            Region& region = parts_.region(chosen[i].region);
            // It may have been replaced, or given up, meanwhile.
            if (!region.entries.holds(chosen[i].index) ||
                region.entries.at(chosen[i].index).location != chosen[i].from)
                continue;
            parts_.live.remove(region.id, chosen[i].from);
            parts_.live.add(region.id, locations[i]);
            region.entries.move(chosen[i].index, locations[i]);
            ++parts_.entries_rewritten;
        }
    } else if (appended.error().code != ErrorCode::kNoSpace &&
               appended.error().code != ErrorCode::kClosed) {
        parts_.fail(parts_.as_poisoned(appended.error()));
    }
    changed_();
}

}  // namespace timber::storage
