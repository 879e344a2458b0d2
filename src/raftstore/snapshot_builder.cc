#include "src/raftstore/snapshot_builder.h"

#include <algorithm>

#include "src/base/contains.h"
#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/raftstore/peer.h"

namespace timber::raftstore {

void SnapshotBuilder::want(RegionId region) {
    if (!contains(waiting_, region)) waiting_.push_back(region);
    start_some();
}

void SnapshotBuilder::start_some() {
    while (!stopped_ && running_ < kBuildsMax && !waiting_.empty()) {
        const RegionId region = waiting_.front();
        waiting_.pop_front();
        start(region);
    }
}

void SnapshotBuilder::start(RegionId region) {
    Peer* peer = host_.find_peer(region);
    if (peer == nullptr || peer->destroying()) return;
    if (!peer->initialized() || peer->writes().installing()) {
        return peer->storage().snapshot_made(std::nullopt);
    }
    Build build{region, peer->id(), peer->storage().applied(), peer->region()};
    memtable::ExportRequest request;
    request.range = {build.described.start_key, build.described.end_key};
    request.snapshot = host_.engine().state().snapshot();
    request.directory = directory_;
    request.prefix = std::to_string(region.value()) + "-" + std::to_string(++last_number_) + "-";
    ++running_;
    host_.engine().state().export_range(
        std::move(request),
        [this, build = std::move(build)](Result<std::vector<memtable::ExportedFile>> files) {
            ended(build, std::move(files));
        });
}

void SnapshotBuilder::ended(const Build& build, Result<std::vector<memtable::ExportedFile>> files) {
    TIMBER_ASSERT(running_ > 0);
    --running_;
    Peer* peer = host_.find_peer(build.region);
    const bool wanted = peer != nullptr && !peer->destroying() && peer->id() == build.peer;
    std::optional<OwnSnapshot> made;
    if (files.ok()) {
        SnapshotManifest manifest{.region = build.described};
        std::vector<std::string> paths;
        for (const memtable::ExportedFile& file : *files) {
            manifest.files.push_back({file.family, file.id, file.file_bytes, file.file_checksum});
            paths.push_back(file.path);
        }
        auto snapshot = std::make_shared<raft::Snapshot>();
        snapshot->metadata = {build.state.applied, build.state.applied_term,
                              build.described.conf_state()};
        if (TIMBER_MISTAKE(rs_snapshot_index_late) && wanted) {
            snapshot->metadata.index = peer->storage().applied().applied;
            snapshot->metadata.term = peer->storage().applied().applied_term;
        }
        snapshot->data = encode_snapshot_manifest(manifest);
        made = OwnSnapshot{std::move(snapshot),
                           std::make_shared<SnapshotFiles>(host_, std::move(paths)),
                           build.described.epoch.conf_ver};
    } else {
        log_warning("Region {}: no snapshot could be made: {}", build.region.value(),
                    files.error().to_string());
    }
    if (wanted) {
        peer->storage().snapshot_made(std::move(made));
        peer->entries_ready();
    }
    start_some();
}

}  // namespace timber::raftstore
