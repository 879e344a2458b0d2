// What is in an image, and which images are alike.
#include <algorithm>

#include "src/base/checksum.h"
#include "tests/support/disk_image.h"

namespace timber {

bool DiskImage::settled() const {
    for (const auto& [node, file] : files_) {
        if (!file->settled()) return false;
    }
    for (const auto& [node, directory] : directories_) {
        for (const auto& [name, slot] : directory) {
            if (!slot.versions.empty()) return false;
        }
    }
    return true;
}

void DiskImage::collect_paths(NodeId directory, const std::string& prefix,
                              std::vector<std::string>& paths) const {
    for (const auto& [name, slot] : directories_.at(directory)) {
        if (!slot.current) continue;
        if (is_directory(*slot.current)) {
            collect_paths(*slot.current, prefix + name + '/', paths);
        } else {
            paths.push_back(prefix + name);
        }
    }
}

std::vector<std::string> DiskImage::paths() const {
    std::vector<std::string> paths;
    collect_paths(*find("/"), "", paths);
    std::ranges::sort(paths);
    return paths;
}

NodeId DiskImage::file_at(std::string_view path) const {
    const auto node = find(path);
    TIMBER_ASSERT(node.has_value());
    TIMBER_ASSERT(!is_directory(*node));
    return *node;
}

uint64_t DiskImage::size(std::string_view path) const { return file(file_at(path)).size(); }

std::vector<std::byte> DiskImage::bytes(std::string_view path) const {
    const DiskFile& read_from = file(file_at(path));
    std::vector<std::byte> bytes(read_from.size());
    TIMBER_ASSERT_OP(read_from.read(0, bytes), ==, bytes.size());
    return bytes;
}

static constexpr uint64_t kEndOfDirectory = 0x65646f66;

void DiskImage::mix_names(NodeId directory, bool also_pending, TraceHash& hash) const {
    const auto mix_entry = [&](Entry entry) {
        hash.mix(entry.has_value());
        if (!entry) return;
        hash.mix(is_directory(*entry));
        if (is_directory(*entry)) {
            mix_names(*entry, also_pending, hash);
        } else {
            hash.mix(also_pending ? file(*entry).fingerprint()
                                  : file(*entry).readable_fingerprint());
        }
    };
    for (const auto& [name, slot] : directories_.at(directory)) {
        if (!slot.current && !also_pending) continue;
        hash.mix(checksum64(as_bytes(name)));
        mix_entry(slot.current);
        if (!also_pending) continue;
        if (slot.durable != slot.current) mix_entry(slot.durable);
        for (const EntryVersion& version : slot.versions) mix_entry(version.entry);
    }
    hash.mix(kEndOfDirectory);
}

uint64_t DiskImage::fingerprint_of(bool also_pending) const {
    TraceHash hash;
    mix_names(*find("/"), also_pending, hash);
    return hash.value();
}

uint64_t DiskImage::readable_fingerprint() const { return fingerprint_of(false); }

uint64_t DiskImage::fingerprint() const { return fingerprint_of(true); }

void DiskImage::check_invariants() const {
    for (const auto& [node, file] : files_) file->check_invariants();
    for (const auto& [node, directory] : directories_) {
        for (const auto& [name, slot] : directory) {
            TIMBER_ASSERT(std::ranges::is_sorted(slot.versions, {}, &EntryVersion::change));
            if (slot.versions.empty()) TIMBER_ASSERT(slot.current == slot.durable);
            if (!slot.versions.empty()) TIMBER_ASSERT(slot.current == slot.versions.back().entry);
        }
    }
}

}  // namespace timber
