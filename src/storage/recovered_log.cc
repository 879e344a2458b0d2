#include "src/storage/recovered_log.h"

#include <utility>

#include "src/base/io/disk.h"
#include "src/base/mistake.h"

namespace timber::storage {

using logengine::Record;
using logengine::RecordCursor;
using logengine::Retention;

Error at_record(Error error, std::string_view directory,
                const logengine::RecordLocation& location) {
    error.file = join_path(directory, "segment " + std::to_string(location.segment.value()));
    error.offset = location.offset;
    return error;
}

static Error impossible(const char* detail) { return make_error(ErrorCode::kCorrupted, detail); }

Status RecoveredLog::visit(const logengine::BatchCursor& batch) {
    RecordCursor records(batch);
    while (records.next()) {
        Status visited = visit(records.record());
        if (!visited)
            return at_record(std::move(visited).error(), directory_, records.record().location);
    }
    last_lsn_ = batch.lsn();
    last_segment_ = batch.segment();
    return {};
}

Status RecoveredLog::visit(const Record& record) {
    if (record.type == kEntryRecord) return visit_entry(record);
    if (record.type == kProgressRecord) return visit_progress(record);
    if (record.type == kCreatedRecord || record.type == kDestroyedRecord ||
        record.type == kInstallRecord)
        return visit_change(record);
    if (record.type == kLocalRecord) return visit_local(record);
    if (record.type == kIdentityRecord) {
        TIMBER_TRY(identity_, decode_identity(record.payload));
        return {};
    }
    return make_error(ErrorCode::kNewerFormat, "a record of type " +
                                                   std::to_string(record.type.value()) +
                                                   "; use the program that wrote it");
}

Status RecoveredLog::visit_entry(const Record& record) {
    TIMBER_TRY(const DecodedEntry decoded, decode_entry(record.payload));
    const RegionId id(record.tag.high);
    const raft::LogIndex index(record.tag.low);
    if (id == RegionId() || index == raft::LogIndex() || index > raft::kLogIndexMax)
        return impossible("an entry of no Region or at no index");
    RecoveredRegion& region = regions_[id];
    RecoveredEntry entry{.term = decoded.term,
                         .location = record.location,
                         .origin = record.origin_lsn.value_or(record.location.lsn)};
    keep(id, region, entry, index, decoded);
    if (record.origin_lsn && !TIMBER_MISTAKE(engine_rewritten_is_append)) {
        rewritten(region, index, std::move(entry));
    } else {
        append(region, index, std::move(entry));
    }
    return {};
}

// Entries that the state store has not seen.
void RecoveredLog::keep(RegionId id, const RecoveredRegion& region, RecoveredEntry& entry,
                        raft::LogIndex index, const DecodedEntry& decoded) {
    const auto row = rows_.find(id);
    if (row != rows_.end() && region.change <= row->second.change &&
        index <= row->second.state.applied)
        return;
    if (decoded.payload.size() + raft::kEntryOverheadBytes > bytes_left_) return;
    entry.kept =
        raft::Entry{decoded.term, index, decoded.type, raft::Payload::copy_of(decoded.payload)};
    bytes_left_ -= raft::entry_bytes(*entry.kept);
}

// Supersedes everything at and above it.
void RecoveredLog::append(RecoveredRegion& region, raft::LogIndex index, RecoveredEntry entry) {
    region.entries.cut_from(index, [this](const RecoveredEntry& gone) { let_go(gone); });
    region.entries.make(index) = std::move(entry);
}

// Takes its old place, and nothing else. One that was superseded since it was first written, by an
// append at its index or below, or by the end of its Region, stays so.
void RecoveredLog::rewritten(RecoveredRegion& region, raft::LogIndex index, RecoveredEntry entry) {
    const RecoveredEntry* nearest = region.entries.at_or_below(index);
    const bool superseded = nearest != nullptr && nearest->origin > entry.origin;
    if (superseded || entry.origin < region.change_lsn) return let_go(entry);
    RecoveredEntry& held = region.entries.make(index);
    let_go(held);
    held = std::move(entry);
}

Status RecoveredLog::visit_progress(const Record& record) {
    // The end of a Region forgets its progress, and says so itself.
    if (record.retention == Retention::kForget) return {};
    if (record.tag.high == 0) return impossible("the progress of no Region");
    TIMBER_TRY(regions_[RegionId(record.tag.high)].progress, decode_progress(record.payload));
    return {};
}

Status RecoveredLog::visit_change(const Record& record) {
    TIMBER_TRY(RegionChange change, decode_change(record.type, record.payload));
    const RegionId id(record.tag.high);
    const ChangeNumber number(record.tag.low);
    RecoveredRegion& region = regions_[id];
    if (id == RegionId() || number == ChangeNumber() ||
        (region.change != ChangeNumber() && number <= region.change))
        return impossible("changes of a Region out of their order");
    region.change = number;
    region.change_lsn = record.location.lsn;
    region.entries.cut_from(raft::LogIndex(), [this](const RecoveredEntry& gone) { let_go(gone); });
    if (std::holds_alternative<RegionDestroyed>(change)) region.progress.reset();
    changes_.push_back({id, number, std::move(change), record.location});
    return {};
}

Status RecoveredLog::visit_local(const Record& record) {
    if (record.retention == Retention::kForget) {
        locals_.erase(record.tag.high);
    } else {
        locals_[record.tag.high] = std::string(as_text(record.payload));
    }
    return {};
}

}  // namespace timber::storage
