#include "tests/memtable/store_image.h"

#include <algorithm>

#include "memtable/internal_key.h"
#include "memtable/manifest_format.h"
#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

// What the checksum of a framed block covers, and the checksum.
uint64_t framed_bytes(ByteView block) { return load<uint32_t>(block.data() + 12) + 8; }

}  // namespace

StoreImage::StoreImage(const DiskImage& image, std::string directory)
    : directory_(std::move(directory)) {
    for (const std::string& path : image.paths()) {
        if (path.starts_with(directory_ + "/") && image.size(path) > 0)
            files_[path].bytes = image.bytes(path);
    }
    read_current(files_.at(directory_ + "/" + kCurrentFileName));
    read_manifest(files_.at(live_manifest_));
    for (auto& [path, file] : files_) {
        if (path.ends_with(".sst")) read_table(file);
    }
}

void StoreImage::read_current(File& file) {
    uint64_t sequence = 0;
    for (size_t at = 0; at < kCurrentFileBytes; at += kManifestBlockBytes) {
        const ByteView block = ByteView(file.bytes).subspan(at, kManifestBlockBytes);
        const CurrentSlot slot = decode_current_slot(block, kCurrentFileName, at).value();
        if (slot.sequence > sequence)
            live_manifest_ = directory_ + "/" + kManifestFileNames[slot.file];
        sequence = std::max(sequence, slot.sequence);
        file.spans.push_back({at, at + framed_bytes(block), Part::kSlot});
    }
}

void StoreImage::read_manifest(File& file) {
    const ByteView bytes(file.bytes);
    const ManifestHeader header =
        decode_manifest_header(bytes.first(kManifestBlockBytes), live_manifest_).value();
    file.spans.push_back({0, framed_bytes(bytes), Part::kManifest});
    for (uint64_t at = kManifestBlockBytes; at < bytes.size();) {
        const auto record = decode_manifest_record(bytes.subspan(at), header.id);
        if (!record) break;
        file.spans.push_back({at, at + record->total_bytes, Part::kManifest});
        at += round_up(record->total_bytes, kManifestBlockBytes);
    }
}

void StoreImage::read_table(File& file) {
    const ByteView bytes(file.bytes);
    file.footer = decode_table_footer(bytes.last(kFooterBytes), "table", file.bytes.size()).value();
    const TableFooter& footer = *file.footer;
    const BlockSeed seed(footer.id);
    const auto payload_at = [&](uint64_t offset) {
        return open_block(bytes.subspan(offset), seed.at(offset)).value().payload;
    };
    file.index = TableIndex::decode(payload_at(footer.index.offset), footer.data_bytes).value();
    for (size_t block = 0; block < file.index->blocks(); ++block) {
        const uint64_t begin = file.index->offset(block);
        const uint64_t end = begin + kBlockHeaderBytes + payload_at(begin).size();
        file.spans.push_back({begin, end, Part::kDataBlock});
    }
    for (const BlockHandle& handle :
         {footer.range_removes, footer.filter, footer.index, footer.properties}) {
        if (handle.bytes > 0)
            file.spans.push_back({handle.offset, handle.offset + handle.bytes, Part::kTableMeta});
    }
    file.spans.push_back({bytes.size() - kFooterBytes, bytes.size(), Part::kTableMeta});
    TIMBER_ASSERT(std::ranges::is_sorted(file.spans, {}, &Span::begin));
}

StoreImage::Span StoreImage::span_at(const Place& place) const {
    const std::vector<Span>& spans = files_.at(place.file).spans;
    const auto behind = std::ranges::upper_bound(spans, place.offset, {}, &Span::begin);
    if (behind == spans.begin() || place.offset >= std::prev(behind)->end) return {};
    return *std::prev(behind);
}

std::vector<std::string> StoreImage::tables() const {
    std::vector<std::string> paths;
    for (const auto& [path, file] : files_) {
        if (file.index) paths.push_back(path);
    }
    return paths;
}

std::optional<Place> StoreImage::block_of(const std::string& table, std::string_view key) const {
    const TableIndex& index = *files_.at(table).index;
    const size_t block = index.find(key, pack_trailer(kSequenceMax, kKindForSeek));
    if (block == index.blocks()) return std::nullopt;
    return Place{table, index.offset(block)};
}

}  // namespace timber::memtable
