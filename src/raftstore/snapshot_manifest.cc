#include "src/raftstore/codec.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {

static constexpr uint8_t kManifestVersion = 1;

raft::Payload encode_snapshot_manifest(const SnapshotManifest& manifest) {
    Encoder encoder;
    encoder.u8(kManifestVersion);
    encoder.region(manifest.region);
    encoder.varint(manifest.files.size());
    for (const SnapshotManifest::File& file : manifest.files) {
        encoder.u8(static_cast<uint8_t>(file.family));
        encoder.fixed64(file.id.store);
        encoder.fixed64(file.id.draw);
        encoder.varint(file.file_bytes);
        encoder.fixed64(file.file_checksum);
    }
    return encoder.take_payload();
}

Result<SnapshotManifest> decode_snapshot_manifest(const raft::Payload& data) {
    constexpr size_t kFileBytesMin = 26;
    Decoder decoder("manifest of a snapshot", data.bytes());
    decoder.version(kManifestVersion);
    SnapshotManifest manifest;
    manifest.region = decoder.region();
    const size_t count = decoder.count(kFileBytesMin);
    manifest.files.reserve(count);
    for (size_t i = 0; i < count && decoder.ok(); ++i) {
        SnapshotManifest::File& file = manifest.files.emplace_back();
        file.family = decoder.choice(memtable::Family::kWrite);
        file.id.store = decoder.fixed64();
        file.id.draw = decoder.fixed64();
        file.file_bytes = decoder.varint();
        file.file_checksum = decoder.fixed64();
        if (file.file_bytes == 0) decoder.malformed();
    }
    TIMBER_CHECK(decoder.finish());
    return manifest;
}

}  // namespace timber::raftstore
