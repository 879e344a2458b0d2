#include "logengine/chain_scan.h"

#include <algorithm>

#include "src/base/coding.h"
#include "src/base/mistake.h"

namespace timber::logengine {

ChainScan::ChainScan(Disk& disk, const Geometry& geometry, const Superblock& superblock,
                     size_t read_bytes)
    : disk_(disk),
      geometry_(geometry),
      superblock_(superblock),
      reader_(disk, geometry, read_bytes),
      claimed_lsn_(superblock.epoch_first_lsn - 1) {}

Result<Lsn> ChainScan::newest_release(const Segment& segment) {
    Lsn released;
    reader_.open(segment);
    uint64_t offset = geometry_.groups_begin();
    while (offset < geometry_.segment_bytes) {
        TIMBER_CHECK(reader_.load(offset + kBlockBytes));
        const auto header =
            decode_group_header(reader_.bytes().subspan(offset, kBlockBytes), geometry_.log_id);
        if (!header || header->segment != segment.id || header->block != offset / kBlockBytes)
            break;
        released = std::max(released, header->released_lsn);
        offset += round_up(header->total_bytes, kBlockBytes);
    }
    return released;
}

Status ChainScan::walk(std::vector<FoundSegment>& segments, size_t start, BatchVisitor& visitor,
                       RetainedRecords& retained) {
    const std::optional<GroupHeader>& first = segments[start].first_group;
    next_lsn_ = first ? first->first_lsn : Lsn(1);
    first_lsn_ = next_lsn_;
    // The predecessor of the oldest segment's first group may be gone; its word is taken for it.
    checksum_ = first ? first->previous_checksum : 0;
    newest_epoch_ = first && first->epoch == superblock_.epoch;
    last_segment_ = start;
    size_t index = start;
    while (index != segments.size()) {
        TIMBER_TRY(const bool any, walk_segment(segments, index, visitor, retained));
        // A later segment whose first group is torn may end the chain, but is no part of it.
        if (any) last_segment_ = index;
        // Also behind a torn group: one that an earlier life left behind stays where it is if the
        // next group did not fit into the rest of the segment and went to another.
        index = next_in_chain(segments, index);
    }
    return load_last_directory(segments);
}

size_t ChainScan::next_in_chain(const std::vector<FoundSegment>& segments, size_t index) const {
    for (size_t next = index + 1; next < segments.size(); ++next) {
        const FoundSegment& found = segments[next];
        if (found.first_group &&
            continues(*found.first_group, *found.segment, geometry_.groups_begin()))
            return next;
    }
    return segments.size();
}

bool ChainScan::continues(const GroupHeader& header, const Segment& segment,
                          uint64_t offset) const {
    if (header.segment != segment.id || header.block != offset / kBlockBytes) return false;
    if (header.first_lsn != next_lsn_ || header.total_bytes > geometry_.segment_bytes - offset)
        return false;
    if (header.durable_lsn >= header.first_lsn || header.released_lsn > header.durable_lsn)
        return false;
    if (TIMBER_MISTAKE(log_chain_unchecked)) return true;
    if (header.previous_checksum != checksum_) return false;
    // Group 6 was lost and 7 survived; the next life writes 6 again with the very same bytes. Then
    // 7 would follow it, but for its epoch, which the new 6 does not share.
    const bool begins_newest =
        checksum_ == superblock_.epoch_checksum && next_lsn_ == superblock_.epoch_first_lsn;
    if (newest_epoch_ || begins_newest) return header.epoch == superblock_.epoch;
    return header.epoch < superblock_.epoch || TIMBER_MISTAKE(log_epoch_reused);
}

Result<bool> ChainScan::walk_segment(std::vector<FoundSegment>& segments, size_t index,
                                     BatchVisitor& visitor, RetainedRecords& retained) {
    Segment& segment = *segments[index].segment;
    reader_.open(segment);
    uint64_t offset = geometry_.groups_begin();
    bool any = false;
    end_segment_ = index;
    while (true) {
        end_offset_ = offset;
        if (offset == geometry_.segment_bytes) {
            at_end_ = AtEnd::kNoRoom;
            break;
        }
        TIMBER_CHECK(reader_.load(offset + kBlockBytes));
        const ByteView block = reader_.bytes().subspan(offset, kBlockBytes);
        const auto header = decode_group_header(block, geometry_.log_id);
        if (!header || !continues(*header, segment, offset)) {
            at_end_ = classify(block);
            break;
        }
        TIMBER_CHECK(reader_.load(offset + header->total_bytes));
        const ByteView group = reader_.bytes().subspan(offset, header->total_bytes);
        if (!group_is_whole(*header, group, geometry_.log_id)) {
            const bool of_last_life = header->epoch == superblock_.epoch;
            at_end_ = of_last_life ? AtEnd::kTorn : AtEnd::kOld;
            break;
        }
        TIMBER_CHECK(accept(*header, index, offset, group, visitor, retained));
        if (!any) segment.first_lsn = header->first_lsn;
        any = true;
        ++segment.durable_groups;
        offset += round_up(header->total_bytes, kBlockBytes);
        segment.end = offset;
    }
    return any;
}

AtEnd ChainScan::classify(ByteView block) const {
    return is_zero(block) ? AtEnd::kZero : AtEnd::kOld;
}

Status ChainScan::accept(const GroupHeader& header, size_t index, uint64_t offset, ByteView group,
                         BatchVisitor& visitor, RetainedRecords& retained) {
    const Segment& segment = reader_.segment();
    const auto batches_at = static_cast<uint32_t>(kGroupHeaderBytes + header.directory_bytes);
    BatchCursor cursor(group.subspan(batches_at), header.first_lsn, segment.id,
                       static_cast<uint32_t>(offset) + batches_at);
    uint32_t batches = 0;
    while (cursor.next()) {
        RecordCursor records(cursor);
        while (records.next()) retained.apply(records.record());
        if (records.malformed()) break;
        TIMBER_CHECK(visitor(cursor));
        ++batches;
    }
    // The checksum holds, so this was written so: by another program, or by a mistake of ours.
    if (cursor.malformed() || batches != header.batches)
        return file_error(ErrorCode::kCorrupted, segment.path, offset,
                          "a group with a matching checksum has a malformed content");
    next_lsn_ = header.next_lsn();
    checksum_ = header.checksum;
    newest_epoch_ = newest_epoch_ || header.epoch == superblock_.epoch;
    batches_ += batches;
    bytes_ += header.total_bytes;
    released_lsn_ = std::max(released_lsn_, header.released_lsn);
    claimed_lsn_ = std::max(claimed_lsn_, header.durable_lsn);
    const size_t padded = round_up(header.total_bytes, kBlockBytes);
    // A group without batches, which says a release, is not spoken of before a later batch is: that
    // batch 107 is durable proves nothing of the empty group between 107 and 108.
    const Lsn proven_by = batches > 0 ? next_lsn_ - 1 : next_lsn_;
    unproven_.push_back({index, offset, padded, proven_by});
    while (!unproven_.empty() && unproven_.front().proven_by <= claimed_lsn_) unproven_.pop_front();
    last_group_ = {index, offset, header.total_bytes};
    return {};
}

Status ChainScan::load_last_directory(const std::vector<FoundSegment>& segments) {
    if (!last_group_) return {};
    const Segment& segment = *segments[last_group_->segment].segment;
    reader_.open(segment);
    TIMBER_CHECK(reader_.load(last_group_->offset + last_group_->bytes));
    const ByteView group = reader_.bytes().subspan(last_group_->offset, last_group_->bytes);
    const auto header = decode_group_header(group, geometry_.log_id);
    if (!header)
        return file_error(ErrorCode::kIoError, segment.path, last_group_->offset,
                          "two reads of one group gave different bytes");
    last_directory_.begin(segment.id, header->block, header->first_lsn);
    BatchCursor cursor(group.subspan(kGroupHeaderBytes + header->directory_bytes),
                       header->first_lsn, segment.id, 0);
    while (cursor.next()) last_directory_.add_batch(cursor.bytes(), cursor.records());
    return {};
}

void ChainScan::look_at(ByteView blocks, const Segment& segment, uint64_t offset,
                        Behind& behind) const {
    for (size_t at = 0; at + kBlockBytes <= blocks.size(); at += kBlockBytes) {
        const auto header = decode_group_header(blocks.subspan(at, kBlockBytes), geometry_.log_id);
        if (!header) continue;
        // True in whichever life it was written: what was durable once stays part of the log.
        behind.claimed_lsn = std::max(behind.claimed_lsn, header->durable_lsn);
        const bool in_place =
            header->segment == segment.id && header->block == (offset + at) / kBlockBytes;
        if (in_place && header->epoch == superblock_.epoch && header->first_lsn >= next_lsn_)
            ++behind.survivors;
    }
}

Result<ChainScan::Behind> ChainScan::look_behind(const std::vector<FoundSegment>& segments,
                                                 const std::vector<const Segment*>& unnamed) {
    Behind behind{.claimed_lsn = claimed_lsn_};
    for (size_t index = 0; index < segments.size(); ++index) {
        const Segment& segment = *segments[index].segment;
        // Also in front of the chain: a segment whose header was put back to what it was in an
        // earlier use stands there, and what it holds is a part of the log that is missing.
        if (index < last_segment_ && segment.durable_groups > 0) continue;
        const uint64_t from = segment.end;
        if (from == geometry_.segment_bytes) continue;
        reader_.open(segment);
        TIMBER_CHECK(reader_.load(geometry_.segment_bytes));
        look_at(reader_.bytes().subspan(from), segment, from, behind);
    }
    // Segment 3 held groups 20 to 40, and its header was damaged: only they themselves say that 20
    // to 39 were durable.
    for (const Segment* file : unnamed) {
        TIMBER_TRY(const uint64_t size, disk_.size(file->file));
        // Shorter: its making was cut short, and it never held a group.
        if (size < geometry_.segment_bytes) continue;
        reader_.open(*file);
        TIMBER_CHECK(reader_.load(geometry_.segment_bytes));
        look_at(reader_.bytes(), *file, 0, behind);
    }
    return behind;
}

Status ChainScan::rewrite_unproven(const std::vector<FoundSegment>& segments) {
    for (const Unproven& unproven : unproven_) {
        const Segment& segment = *segments[unproven.segment].segment;
        AlignedBuffer copy(unproven.bytes);
        const MutableBytes bytes = copy.first(unproven.bytes);
        TIMBER_TRY(const size_t read,
                   await_read(disk_, segment.file, segment.path, unproven.offset, bytes));
        if (read != bytes.size())
            return file_error(ErrorCode::kCorrupted, segment.path, unproven.offset + read,
                              "the segment became shorter while it was recovered");
        TIMBER_CHECK(await_write(disk_, segment.file, segment.path, unproven.offset, bytes));
    }
    return {};
}

}  // namespace timber::logengine
