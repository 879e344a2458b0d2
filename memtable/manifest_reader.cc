#include "memtable/manifest_reader.h"

#include <algorithm>

#include "memtable/manifest_table.h"
#include "src/base/aligned_buffer.h"
#include "src/base/coding.h"
#include "src/base/io/log.h"

namespace timber::memtable {

namespace {

// Reads a file front to back, in large pieces.
class BlockWindow {
  public:
    BlockWindow(Disk& disk, FileHandle file, const std::string& path)
        : disk_(disk), file_(file), path_(path) {}

    // [offset, offset + bytes), less at the file's end; good until the next call. `offset` is that
    // of a block.
    Result<ByteView> at(uint64_t offset, size_t bytes) {
        if (offset < begin_ || offset + bytes > begin_ + held_) {
            const size_t wanted = round_up(std::max(bytes, kWindowBytes), kManifestBlockBytes);
            held_ = 0;
            buffer_.reserve(wanted);
            TIMBER_TRY(held_, await_read(disk_, file_, path_, offset, buffer_.first(wanted)));
            begin_ = offset;
        }
        const size_t skip = offset - begin_;
        return ByteView(buffer_.data(), held_).subspan(skip, std::min(bytes, held_ - skip));
    }

  private:
    static constexpr size_t kWindowBytes = 256_KiB;

    Disk& disk_;
    FileHandle file_;
    const std::string& path_;
    AlignedBuffer buffer_;
    uint64_t begin_ = 0;
    size_t held_ = 0;
};

class ManifestReading {
  public:
    ManifestReading(Disk& disk, FileHandle file, const std::string& path, const CurrentSlot& slot,
                    bool both_slots_readable)
        : disk_(disk),
          file_(file),
          path_(path),
          slot_(slot),
          slots_(both_slots_readable ? CurrentSlots::kBothReadable : CurrentSlots::kOneReadable),
          window_(disk, file, path) {}

    Result<ManifestContents> run() {
        TIMBER_TRY(size_, disk_.size(file_));
        TIMBER_CHECK(read_header());
        contents_.state = std::make_shared<const Version>();
        contents_.end = kManifestBlockBytes;
        for (bool more = true; more;) {
            TIMBER_TRY(more, read_record());
        }
        TIMBER_CHECK(judge());
        return std::move(contents_);
    }

  private:
    Status read_header() {
        TIMBER_TRY(const ByteView block, window_.at(0, kManifestBlockBytes));
        TIMBER_TRY(const ManifestHeader header, decode_manifest_header(block, path_));
        if (header.id.store != slot_.manifest.store)
            return file_error(ErrorCode::kForeign, path_, 0,
                              "the manifest belongs to another store; put this store's own back, "
                              "or restore this replica from its peers");
        if (header.id != slot_.manifest)
            return file_error(ErrorCode::kForeign, path_, 0,
                              "this is manifest " + std::to_string(header.id.number) +
                                  ", but CURRENT names " + std::to_string(slot_.manifest.number) +
                                  "; put that one back, or restore this replica from its peers");
        contents_.file_bytes =
            std::min<uint64_t>(header.file_bytes, round_down(size_, kManifestBlockBytes));
        return {};
    }

    // The next record, if one continues the chain; then there may be more.
    Result<bool> read_record() {
        const uint64_t offset = contents_.end;
        TIMBER_TRY(const ByteView block, window_.at(offset, kManifestBlockBytes));
        const auto header = decode_manifest_record(block, slot_.manifest);
        if (!header || header->ordinal != contents_.records ||
            header->block != offset / kManifestBlockBytes ||
            header->previous != contents_.checksum || header->total_bytes > size_ - offset)
            return false;
        TIMBER_TRY(const ByteView record, window_.at(offset, header->total_bytes));
        if (record.size() != header->total_bytes ||
            !manifest_record_is_whole(*header, record, slot_.manifest))
            return false;
        TIMBER_CHECK(take_edits(*header, record.subspan(kManifestRecordHeaderBytes)));
        contents_.checksum = header->checksum;
        contents_.end = offset + round_up(header->total_bytes, kManifestBlockBytes);
        ++contents_.records;
        if (contents_.records == slot_.records) witness_met_ = contents_.checksum == slot_.checksum;
        return true;
    }

    Status take_edits(const ManifestRecord& header, ByteView bytes) {
        const auto take = [&]() -> Status {
            TIMBER_TRY(const auto edits, decode_manifest_edits(bytes, header.edits));
            for (const VersionEdit& edit : edits) {
                TIMBER_TRY(contents_.state, contents_.state->apply(edit, unopened_file));
                ++contents_.edits;
            }
            return {};
        };
        Status taken = take();
        if (taken) return {};
        // Its checksum holds: what was written was wrong.
        Error error = std::move(taken).error();
        error.file = path_;
        error.offset = contents_.end;
        error.detail += "; restore this replica from its peers";
        return error;
    }

    Result<AtRecordsEnd> look_at_end() {
        TIMBER_TRY(const ByteView block, window_.at(contents_.end, kManifestBlockBytes));
        const bool zero =
            std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
        return zero ? AtRecordsEnd::kZero : AtRecordsEnd::kTorn;
    }

    Result<BehindRecords> look_behind() {
        for (uint64_t at = contents_.end + kManifestBlockBytes; at < size_;
             at += kManifestBlockBytes) {
            TIMBER_TRY(const ByteView block, window_.at(at, kManifestBlockBytes));
            const auto header = decode_manifest_record(block, slot_.manifest);
            if (header && header->ordinal >= contents_.records) return BehindRecords::kRecord;
        }
        return BehindRecords::kNothing;
    }

    Status judge() {
        TIMBER_TRY(const AtRecordsEnd at_end, look_at_end());
        TIMBER_TRY(const BehindRecords behind, look_behind());
        const ManifestRow& row =
            decide({.witnessed = witness_met_ ? Witnessed::kAllThere : Witnessed::kMore,
                    .at_end = at_end,
                    .behind = behind,
                    .slots = slots_});
        contents_.row = row.letter;
        contents_.cut = row.decision == ManifestDecision::kCut;
        switch (row.decision) {
            case ManifestDecision::kClean: return {};
            case ManifestDecision::kCut:
                log_info(
                    "the manifest's tail was cut at {} offset {}, behind record {}: {}; nothing of "
                    "it was acknowledged",
                    path_, contents_.end, contents_.records, row.reason);
                return {};
            case ManifestDecision::kDamaged:
                return file_error(
                    ErrorCode::kCorrupted, path_, contents_.end,
                    "acknowledged edits from record " + std::to_string(contents_.records) +
                        " on are missing or damaged (row " + row.letter + ": " +
                        std::string(row.reason) + "); restore this replica from its peers");
        }
        TIMBER_UNREACHABLE();
    }

    Disk& disk_;
    const FileHandle file_;
    const std::string& path_;
    const CurrentSlot slot_;
    const CurrentSlots slots_;
    BlockWindow window_;
    uint64_t size_ = 0;
    bool witness_met_ = false;
    ManifestContents contents_;
};

}  // namespace

Result<TableFileRef> unopened_file(const FileMeta& meta) {
    return std::make_shared<const TableFile>(meta, nullptr, nullptr);
}

void append_manifest_edit(const VersionEdit& edit, std::vector<std::byte>& record) {
    // Room for a length of fixed width, so that the edit needs no second buffer.
    const size_t at = record.size();
    put_fixed(record, uint32_t{0});
    encode(edit, record);
    store(record.data() + at, static_cast<uint32_t>(record.size() - at - sizeof(uint32_t)));
}

Result<std::vector<VersionEdit>> decode_manifest_edits(ByteView bytes, uint32_t count) {
    std::vector<VersionEdit> edits;
    ByteReader reader(bytes);
    for (uint32_t left = count; left > 0; --left) {
        const auto length = reader.fixed<uint32_t>();
        const ByteView edit = reader.bytes(length);
        if (!reader.ok()) return make_error(ErrorCode::kCorrupted, "a record is cut short");
        TIMBER_TRY(VersionEdit decoded, decode_version_edit(edit));
        edits.push_back(std::move(decoded));
    }
    if (!reader.done())
        return make_error(ErrorCode::kCorrupted, "a record has bytes behind its edits");
    return edits;
}

Result<ManifestContents> read_manifest(Disk& disk, FileHandle file, const std::string& path,
                                       const CurrentSlot& slot, bool both_slots_readable) {
    return ManifestReading(disk, file, path, slot, both_slots_readable).run();
}

}  // namespace timber::memtable
