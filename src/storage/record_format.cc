#include "src/storage/record_format.h"

#include <bit>

#include "src/base/coding.h"

namespace timber::storage {
namespace {

Error malformed(const char* what) {
    return make_error(ErrorCode::kCorrupted, std::string(what) + " cannot be decoded");
}

// Reads the version byte; every one but ours is of a later program.
Status check_version(ByteReader& reader, uint8_t known, const char* what) {
    const auto version = reader.fixed<uint8_t>();
    if (!reader.ok() || version == 0) return malformed(what);
    if (version > known)
        return make_error(ErrorCode::kNewerFormat, std::string(what) + " has version " +
                                                       std::to_string(version) +
                                                       "; use the program that wrote it");
    return {};
}

void put_text(std::vector<std::byte>& to, std::string_view text) {
    put_varint(to, text.size());
    put_bytes(to, as_bytes(text));
}

std::string take_text(ByteReader& reader) {
    const uint64_t bytes = reader.varint();
    return std::string(as_text(reader.bytes(bytes)));
}

void put_state(std::vector<std::byte>& to, const AppliedState& state) {
    put_varint(to, state.applied.value());
    put_varint(to, state.applied_term.value());
    put_varint(to, state.truncated.index.value());
    put_varint(to, state.truncated.term.value());
    put_text(to, state.region_state);
}

AppliedState take_state(ByteReader& reader) {
    AppliedState state;
    state.applied = raft::LogIndex(reader.varint());
    state.applied_term = raft::Term(reader.varint());
    state.truncated.index = raft::LogIndex(reader.varint());
    state.truncated.term = raft::Term(reader.varint());
    state.region_state = take_text(reader);
    return state;
}

bool plausible(const AppliedState& state) {
    return state.truncated.index <= state.applied && state.applied <= raft::kLogIndexMax &&
           state.applied_term <= raft::kTermMax && state.truncated.term <= state.applied_term &&
           state.region_state.size() <= kRegionStateBytesMax;
}

void put_range(std::vector<std::byte>& to, const memtable::KeyRange& range) {
    put_text(to, range.begin);
    put_text(to, range.end);
}

memtable::KeyRange take_range(ByteReader& reader) {
    memtable::KeyRange range;
    range.begin = take_text(reader);
    range.end = take_text(reader);
    return range;
}

void put_file(std::vector<std::byte>& to, const SnapshotFile& file) {
    put_varint(to, file.number.value());
    put_fixed(to, static_cast<uint8_t>(file.family));
    put_fixed(to, file.id.store);
    put_fixed(to, file.id.draw);
    put_varint(to, file.file_bytes);
    put_fixed(to, file.file_checksum);
}

std::optional<SnapshotFile> take_file(ByteReader& reader) {
    SnapshotFile file;
    file.number = memtable::FileNumber(reader.varint());
    const auto family = reader.fixed<uint8_t>();
    if (family >= memtable::index_of(memtable::Family::kMeta)) return std::nullopt;
    file.family = static_cast<memtable::Family>(family);
    file.id.store = reader.fixed<uint64_t>();
    file.id.draw = reader.fixed<uint64_t>();
    file.file_bytes = reader.varint();
    file.file_checksum = reader.fixed<uint64_t>();
    return file;
}

}  // namespace

void encode_entry_prefix(const raft::Entry& entry, MutableBytes prefix) {
    TIMBER_ASSERT_OP(prefix.size(), ==, kEntryPrefixBytes);
    prefix[0] = static_cast<std::byte>(entry.type);
    store(prefix.data() + 1, entry.term.value());
}

Result<DecodedEntry> decode_entry(ByteView record) {
    ByteReader reader(record);
    const auto type = reader.fixed<uint8_t>();
    const raft::Term term(reader.fixed<uint64_t>());
    if (!reader.ok() || term > raft::kTermMax) return malformed("an entry");
    switch (static_cast<raft::EntryType>(type)) {
        case raft::EntryType::kNormal:
        case raft::EntryType::kConfChange:
            return DecodedEntry{term, static_cast<raft::EntryType>(type),
                                reader.bytes(reader.remaining())};
    }
    return malformed("an entry's type");
}

std::vector<std::byte> encode_progress(const RegionProgress& progress) {
    std::vector<std::byte> bytes;
    bytes.reserve(kProgressBytesMax);
    put_fixed(bytes, kRecordVersion);
    put_varint(bytes, progress.change.value());
    put_varint(bytes, progress.hard_state.term.value());
    put_varint(bytes, progress.hard_state.vote.value());
    put_varint(bytes, progress.hard_state.commit.value());
    put_varint(bytes, progress.last_index.value());
    put_varint(bytes, progress.last_term.value());
    put_varint(bytes, progress.applied.value());
    return bytes;
}

Result<RegionProgress> decode_progress(ByteView record) {
    ByteReader reader(record);
    TIMBER_CHECK(check_version(reader, kRecordVersion, "a Region's progress"));
    RegionProgress progress;
    progress.change = ChangeNumber(reader.varint());
    progress.hard_state.term = raft::Term(reader.varint());
    progress.hard_state.vote = raft::NodeId(reader.varint());
    progress.hard_state.commit = raft::LogIndex(reader.varint());
    progress.last_index = raft::LogIndex(reader.varint());
    progress.last_term = raft::Term(reader.varint());
    progress.applied = raft::LogIndex(reader.varint());
    const bool fits =
        progress.change > ChangeNumber() && progress.hard_state.term <= raft::kTermMax &&
        progress.hard_state.commit <= raft::kLogIndexMax &&
        progress.last_index <= raft::kLogIndexMax && progress.last_term <= raft::kTermMax &&
        progress.applied <= raft::kLogIndexMax;
    if (!reader.done() || !fits) return malformed("a Region's progress");
    return progress;
}

logengine::RecordType record_type(const RegionChange& change) {
    if (std::holds_alternative<RegionCreated>(change)) return kCreatedRecord;
    if (std::holds_alternative<RegionDestroyed>(change)) return kDestroyedRecord;
    return kInstallRecord;
}

std::vector<std::byte> encode_change(const RegionChange& change) {
    std::vector<std::byte> bytes;
    put_fixed(bytes, kRecordVersion);
    if (const auto* created = std::get_if<RegionCreated>(&change)) {
        put_state(bytes, created->state);
    } else if (const auto* destroyed = std::get_if<RegionDestroyed>(&change)) {
        put_range(bytes, destroyed->range);
        put_text(bytes, destroyed->region_state);
    } else {
        const auto& install = std::get<SnapshotInstall>(change);
        put_state(bytes, install.state);
        put_range(bytes, install.range);
        put_varint(bytes, install.files.size());
        for (const SnapshotFile& file : install.files) put_file(bytes, file);
    }
    return bytes;
}

static Result<RegionChange> decode_install(ByteReader& reader) {
    SnapshotInstall install;
    install.state = take_state(reader);
    install.range = take_range(reader);
    const uint64_t files = reader.varint();
    if (!reader.ok() || files > kSnapshotFilesMax || files > reader.remaining())
        return malformed("the installation of a snapshot");
    for (uint64_t i = 0; i < files; ++i) {
        const std::optional<SnapshotFile> file = take_file(reader);
        if (!file) return malformed("a file of a snapshot");
        install.files.push_back(*file);
    }
    if (!reader.done() || !plausible(install.state) ||
        install.state.applied != install.state.truncated.index)
        return malformed("the installation of a snapshot");
    return RegionChange(std::move(install));
}

Result<RegionChange> decode_change(logengine::RecordType type, ByteView record) {
    ByteReader reader(record);
    TIMBER_CHECK(check_version(reader, kRecordVersion, "a change of a Region"));
    if (type == kInstallRecord) return decode_install(reader);
    if (type == kCreatedRecord) {
        RegionCreated created{take_state(reader)};
        if (!reader.done() || !plausible(created.state))
            return malformed("the creation of a Region");
        return RegionChange(std::move(created));
    }
    TIMBER_ASSERT(type == kDestroyedRecord);
    RegionDestroyed destroyed;
    destroyed.range = take_range(reader);
    destroyed.region_state = take_text(reader);
    if (!reader.done() || destroyed.region_state.size() > kRegionStateBytesMax)
        return malformed("the end of a Region");
    return RegionChange(std::move(destroyed));
}

std::vector<std::byte> encode_identity(const StoreIdentity& identity) {
    std::vector<std::byte> bytes;
    put_fixed(bytes, kRecordVersion);
    put_fixed(bytes, identity.cluster.value());
    put_fixed(bytes, identity.store.value());
    put_fixed(bytes, identity.incarnation.value());
    return bytes;
}

Result<StoreIdentity> decode_identity(ByteView bytes) {
    ByteReader reader(bytes);
    TIMBER_CHECK(check_version(reader, kRecordVersion, "the Store's identity"));
    StoreIdentity identity;
    identity.cluster = ClusterId(reader.fixed<uint64_t>());
    identity.store = StoreId(reader.fixed<uint64_t>());
    identity.incarnation = Incarnation(reader.fixed<uint64_t>());
    if (!reader.done()) return malformed("the Store's identity");
    return identity;
}

std::string region_row_key(RegionId region) {
    // Big-endian, so that Regions lie in their order.
    const uint64_t big = std::byteswap(region.value());
    std::string key(kRegionRowPrefix);
    key.append(reinterpret_cast<const char*>(&big), sizeof big);
    return key;
}

std::optional<RegionId> parse_region_row_key(std::string_view key) {
    if (!key.starts_with(kRegionRowPrefix) ||
        key.size() != kRegionRowPrefix.size() + sizeof(uint64_t))
        return std::nullopt;
    const auto big = load<uint64_t>(as_bytes(key).data() + kRegionRowPrefix.size());
    return RegionId(std::byteswap(big));
}

std::string encode_row(const RegionRow& row) {
    std::vector<std::byte> bytes;
    bytes.reserve(64 + row.state.region_state.size());
    put_fixed(bytes, kRowVersion);
    put_fixed(bytes, static_cast<uint8_t>(row.destroyed));
    put_varint(bytes, row.change.value());
    put_state(bytes, row.state);
    return std::string(as_text(bytes));
}

Result<RegionRow> decode_row(std::string_view bytes) {
    ByteReader reader(as_bytes(bytes));
    TIMBER_CHECK(check_version(reader, kRowVersion, "a Region's row"));
    RegionRow row;
    const auto destroyed = reader.fixed<uint8_t>();
    row.destroyed = destroyed == 1;
    row.change = ChangeNumber(reader.varint());
    row.state = take_state(reader);
    if (!reader.done() || destroyed > 1 || row.change == ChangeNumber() || !plausible(row.state))
        return malformed("a Region's row");
    return row;
}

}  // namespace timber::storage
