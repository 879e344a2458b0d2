#include "tests/logengine/log_image.h"

#include <algorithm>

#include "logengine/control_file.h"
#include "src/base/assert.h"

namespace timber::logengine {

static constexpr const char* kSuperblockPath = "log/superblock";
// Where the checksum of a segment's header ends; what follows in its block means nothing.
static constexpr size_t kSegmentHeaderBytes = 16 + 36 + 8;

std::vector<std::string> log_files(const DiskImage& image) {
    std::vector<std::string> files;
    for (const std::string& path : image.paths()) {
        if (path.starts_with("log/") && image.size(path) > 0) files.push_back(path);
    }
    return files;
}

std::vector<Witness> witnesses_of(const DiskImage& image) {
    std::vector<Witness> witnesses;
    const std::vector<std::byte> bytes = image.bytes(kSuperblockPath);
    for (size_t at = kSuperblockSlots * kControlBlockBytes; at < bytes.size();
         at += kControlBlockBytes) {
        const auto witness =
            decode_witness(ByteView(bytes).subspan(at, kControlBlockBytes), kSuperblockPath, at);
        if (witness) witnesses.push_back(*witness);
    }
    return witnesses;
}

LogImage::LogImage(const DiskImage& image) {
    for (const std::string& path : log_files(image)) files_.emplace(path, image.bytes(path));
    const auto superblock = decode_superblock(
        ByteView(files_.at(kSuperblockPath)).first(kControlBlockBytes), kSuperblockPath, 0);
    TIMBER_ASSERT(superblock.ok());
    log_id_ = superblock->log_id;
    epoch_claim_ = superblock->epoch_first_lsn - 1;
    for (const auto& [path, bytes] : files_) {
        const auto segment = decode_segment_header(ByteView(bytes).first(kBlockBytes), path);
        for (size_t at = 0; at < bytes.size(); at += kBlockBytes) {
            const ByteView rest = ByteView(bytes).subspan(at);
            const Lsn claim = claim_of({path, at}, rest);
            if (claim > Lsn()) claims_.emplace(Place{path, at}, claim);
            const auto header = decode_group_header(rest, log_id_);
            if (header && segment && header->segment == segment->segment &&
                header->block == at / kBlockBytes && header->total_bytes <= rest.size() &&
                group_is_whole(*header, rest.first(header->total_bytes), log_id_))
                groups_.push_back({{path, at}, *header});
        }
    }
    std::ranges::sort(groups_, {}, [](const GroupInImage& group) {
        return std::pair(group.header.first_lsn, group.header.next_lsn());
    });
}

Lsn LogImage::claim_of(const Place& block, ByteView bytes) const {
    if (block.file != kSuperblockPath) {
        const auto header = decode_group_header(bytes, log_id_);
        return header ? header->durable_lsn : Lsn();
    }
    if (block.offset < kSuperblockSlots * kControlBlockBytes) return {};
    const auto witness = decode_witness(bytes.first(kControlBlockBytes), block.file, block.offset);
    return witness ? witness->durable_lsn : Lsn();
}

uint64_t LogImage::sameness(const Place& place) const {
    constexpr uint64_t kInPayload = 11;
    constexpr uint64_t kInNothing = 61;
    constexpr uint64_t kHeadersBytes = 160;
    if (place.file == kSuperblockPath || place.offset < kBlockBytes)
        return place.offset % kControlBlockBytes < kHeadersBytes ? 1 : kInNothing;
    for (const GroupInImage& group : groups_) {
        if (group.place.file != place.file || place.offset < group.place.offset ||
            place.offset >= group.end())
            continue;
        return place.offset - group.place.offset < kHeadersBytes ? 1 : kInPayload;
    }
    return kInNothing;
}

LogImage::Verdict LogImage::judge(const DiskImage& damaged, const std::set<Place>& changed) const {
    Verdict verdict{.first_lost = std::nullopt, .claimed_lsn = epoch_claim_};
    for (const auto& [block, claim] : claims_) {
        if (!changed.contains(block)) verdict.claimed_lsn = std::max(verdict.claimed_lsn, claim);
    }
    std::map<std::string, std::vector<std::byte>> now;
    for (const Place& block : changed) {
        if (!now.contains(block.file)) now.emplace(block.file, damaged.bytes(block.file));
        verdict.claimed_lsn =
            std::max(verdict.claimed_lsn,
                     claim_of(block, ByteView(now.at(block.file)).subspan(block.offset)));
    }
    for (const GroupInImage& group : groups_) {
        const auto found = now.find(group.place.file);
        if (found == now.end()) continue;
        const std::string_view before = as_text(files_.at(group.place.file));
        const std::string_view after = as_text(found->second);
        const uint64_t begin = group.place.offset;
        const size_t bytes = group.header.total_bytes;
        if (before.substr(0, kSegmentHeaderBytes) == after.substr(0, kSegmentHeaderBytes) &&
            before.substr(begin, bytes) == after.substr(begin, bytes))
            continue;
        verdict.first_lost = group.header.first_lsn;
        break;
    }
    return verdict;
}

}  // namespace timber::logengine
