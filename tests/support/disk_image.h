#pragma once
// The state of a simulated disk: a tree of names over files, what of both is durable, and what
// lies in the volatile cache. A value: copying it shares the contents, so an explorer may keep
// hundreds of thousands.
//
// Names are durable entry by entry. Each creation, rename and removal leaves the entry as it was
// right after it, as a version, until its directory is synced; a power cut takes each entry back to
// one of its versions or to its durable state, independent of its neighbours and of the file's
// content. So a name may survive and point at an empty or short file, a removed name may come back,
// and of a rename the new name, the old one, or both may be there. Only neither may not: a rename's
// old name goes only if its new name came, so syncing the old name's directory makes the new name
// durable too.
//
// Paths: components between slashes; leading slash and `.` mean nothing. The root exists.
// Thread:     the world's for changes; images that share contents may live in several threads.
// Failure:    operations on names give the errors that the Disk seam documents, without the path.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/base/strong_id.h"
#include "tests/support/disk_file.h"
#include "tests/support/disk_survival.h"
#include "tests/support/trace_hash.h"

namespace timber {

// A file or directory behind the names.
using NodeId = StrongId<struct NodeIdTag, uint64_t>;

class DiskImage {
  public:
    DiskImage();

    // For tests and explorers: what is there.

    // All files, as paths without leading slash, sorted.
    std::vector<std::string> paths() const;
    bool exists(std::string_view path) const { return find(path).has_value(); }
    // Of a file that exists.
    std::vector<std::byte> bytes(std::string_view path) const;
    uint64_t size(std::string_view path) const;
    // Everything there is durable: nothing for a power cut to decide.
    bool settled() const;
    // Equal for images that read the same: names, sizes, bytes.
    uint64_t readable_fingerprint() const;
    // Equal for images that behave the same: also what is durable and what a power cut may do.
    uint64_t fingerprint() const;
    friend bool operator==(const DiskImage& left, const DiskImage& right) {
        return left.fingerprint() == right.fingerprint();
    }

    // For tests and explorers: what happens to it. Edits are durable at once.

    // What `death` leaves, with nothing in flight.
    DiskImage after(Death death, uint64_t seed, DeathReport* report = nullptr) const;
    // Makes everything durable as it reads, as an orderly shutdown does.
    void settle();
    void flip_bit(std::string_view path, uint64_t bit);
    void overwrite(std::string_view path, uint64_t offset, ByteView bytes);
    void swap_sectors(std::string_view path, uint64_t left_sector, uint64_t right_sector);
    void cut(std::string_view path, uint64_t bytes);
    void remove_file(std::string_view path);
    // Makes the file and the directories above it, or replaces its content.
    void put_file(std::string_view path, ByteView bytes);

    // For SimDisk: the operations. Each takes effect for readers at once and is not durable.

    Result<NodeId> create_file(std::string_view path);
    Status make_directory(std::string_view path);
    Status rename(std::string_view from, std::string_view to);
    Status remove(std::string_view path);
    Result<std::vector<std::string>> list(std::string_view directory) const;
    std::optional<NodeId> find(std::string_view path) const;
    bool is_directory(NodeId node) const { return directories_.contains(node); }
    const DiskFile& file(NodeId node) const;
    // For changing it; copies what other images share.
    DiskFile& mutable_file(NodeId node);
    ChangeId next_change() { return ++last_change_; }
    ChangeId last_change() const { return last_change_; }
    // Makes the directory's entries durable as of `last`, but for those in doubt.
    void sync_directory(NodeId directory, ChangeId last);
    // A sync of the directory failed: no later one will make these changes durable.
    void doubt_directory(NodeId directory, ChangeId last);
    // Forgets files that nothing can bring back, except those in `open`.
    void forget_unreachable(const std::set<NodeId>& open);
    // Pages of the files that a name or `open` leads to.
    uint64_t pages_used(const std::set<NodeId>& open) const;

    // Adds the changes that a power cut decides about.
    void collect_open(std::vector<ChangeId>& open) const;
    void lose_power(const Survival& survival, DeathReport& report);
    void check_invariants() const;

  private:
    // What a name stands for; nothing if it is not there.
    using Entry = std::optional<NodeId>;
    struct Place {
        NodeId directory;
        std::string name;
    };
    // An entry as it was right after a change.
    struct EntryVersion {
        ChangeId change;
        Entry entry;
        bool in_doubt = false;
        // Of a rename's old name: where the file went.
        std::optional<Place> moved_to{};
    };
    struct Slot {
        Entry current;
        Entry durable;
        std::vector<EntryVersion> versions;
    };
    using Directory = std::map<std::string, Slot, std::less<>>;
    using Choices = std::map<std::pair<NodeId, std::string>, size_t>;

    Result<Place> place_of(std::string_view path) const;
    Entry entry_at(const Place& place) const;
    void set_entry(ChangeId change, const Place& place, Entry entry,
                   std::optional<Place> moved_to = std::nullopt);
    NodeId file_at(std::string_view path) const;
    void persist_entry(NodeId directory, std::string_view name, ChangeId last, bool also_in_doubt);
    Choices choose_entries(const Survival& survival) const;
    bool repair_choice(const Place& place, Choices& choices, bool forward) const;
    void collect_paths(NodeId directory, const std::string& prefix,
                       std::vector<std::string>& paths) const;
    void mix_names(NodeId directory, bool also_pending, TraceHash& hash) const;
    uint64_t fingerprint_of(bool also_pending) const;
    // Nodes that a name leads to; with `also_lost`, also those that a power cut may bring back.
    std::set<NodeId> named(bool also_lost) const;

    std::map<NodeId, Directory> directories_;
    std::map<NodeId, std::shared_ptr<DiskFile>> files_;  // owners: the images that hold the file
    NodeId last_node_;
    ChangeId last_change_;
};

}  // namespace timber
