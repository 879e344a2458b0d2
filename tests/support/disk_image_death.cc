// What a power cut leaves of a disk, which images are alike, and edits from outside.
#include <algorithm>
#include <utility>

#include "src/base/checksum.h"
#include "src/base/io/disk.h"
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

void DiskImage::collect_open(std::vector<ChangeId>& open) const {
    for (const auto& [node, file] : files_) file->collect_open(open);
    for (const auto& [node, directory] : directories_) {
        for (const auto& [name, slot] : directory) {
            for (const EntryVersion& version : slot.versions) open.push_back(version.change);
        }
    }
}

// Keeps the rule that a rename's old name goes only if its new name came: takes the new name
// along (`forward`), or the old one back. True if something had to change.
bool DiskImage::repair_choice(const Place& place, Choices& choices, bool forward) const {
    const Slot& slot = directories_.at(place.directory).find(place.name)->second;
    size_t& chosen = choices.at({place.directory, place.name});
    for (size_t index = 0; index < chosen; ++index) {
        const EntryVersion& version = slot.versions[index];
        if (!version.moved_to) continue;
        const auto target = choices.find({version.moved_to->directory, version.moved_to->name});
        if (target == choices.end()) continue;
        const Slot& target_slot =
            directories_.at(target->first.first).find(target->first.second)->second;
        const auto came =
            std::ranges::find(target_slot.versions, version.change, &EntryVersion::change);
        // Not among the versions: the new name is durable already.
        if (came == target_slot.versions.end()) continue;
        const auto needed = static_cast<size_t>(came - target_slot.versions.begin()) + 1;
        if (target->second >= needed) continue;
        if (forward) {
            target->second = needed;
        } else {
            chosen = index;
        }
        return true;
    }
    return false;
}

// For each entry with versions: to how many of them it got.
DiskImage::Choices DiskImage::choose_entries(const Survival& survival) const {
    Choices choices;
    for (const auto& [node, directory] : directories_) {
        for (const auto& [name, slot] : directory) {
            if (slot.versions.empty()) continue;
            size_t count = slot.versions.size();
            const auto survives = [&](const EntryVersion& version) {
                return survival.metadata_survives(version.change, version.moved_to ? 1 : 2);
            };
            while (count > 0 && !survives(slot.versions[count - 1])) --count;
            choices.emplace(std::pair(node, name), count);
        }
    }
    // Each round moves choices in one direction only, so this ends.
    const bool forward = survival.coin(1);
    bool changed = true;
    while (changed) {
        changed = false;
        for (const auto& [place, count] : choices)
            changed |= repair_choice({place.first, place.second}, choices, forward);
    }
    return choices;
}

void DiskImage::lose_power(const Survival& survival, DeathReport& report) {
    for (const auto& [place, count] : choose_entries(survival)) {
        Slot& slot = directories_.at(place.first).find(place.second)->second;
        report.names_kept += count;
        report.names_lost += slot.versions.size() - count;
        if (count > 0) slot.durable = slot.versions[count - 1].entry;
    }
    for (auto& [node, directory] : directories_) {
        for (auto& [name, slot] : directory) {
            slot.current = slot.durable;
            slot.versions.clear();
        }
        std::erase_if(directory, [](const auto& each) { return !each.second.current; });
    }
    forget_unreachable({});
    for (auto& [node, file] : files_) {
        if (!file->settled()) mutable_file(node).lose_power(survival, report);
    }
}

DiskImage DiskImage::after(Death death, uint64_t seed, DeathReport* report) const {
    DiskImage image = *this;
    DeathReport ignored;
    switch (death) {
        case Death::kProcessDeath:
            break;
        case Death::kPowerCut: {
            std::vector<ChangeId> open;
            collect_open(open);
            std::ranges::sort(open);
            open.erase(std::ranges::unique(open).begin(), open.end());
            const Survival survival(seed, open);
            DeathReport& counts = report != nullptr ? *report : ignored;
            counts.changes_open += open.size();
            image.lose_power(survival, counts);
            break;
        }
    }
    image.forget_unreachable({});
    return image;
}

void DiskImage::settle() {
    for (auto& [node, directory] : directories_) {
        for (auto& [name, slot] : directory) {
            slot.durable = slot.current;
            slot.versions.clear();
        }
        std::erase_if(directory, [](const auto& each) { return !each.second.current; });
    }
    forget_unreachable({});
    for (const auto& [node, file] : files_) {
        if (!file->settled()) mutable_file(node).settle();
    }
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

uint64_t DiskImage::size(std::string_view path) const {
    return file(file_at(path)).size();
}

std::vector<std::byte> DiskImage::bytes(std::string_view path) const {
    const DiskFile& read_from = file(file_at(path));
    std::vector<std::byte> bytes(read_from.size());
    TIMBER_ASSERT_OP(read_from.read(0, bytes), ==, bytes.size());
    return bytes;
}

void DiskImage::overwrite(std::string_view path, uint64_t offset, ByteView bytes) {
    DiskFile& target = mutable_file(file_at(path));
    target.write(next_change(), offset, bytes);
    target.persist(offset, bytes.size());
}

void DiskImage::flip_bit(std::string_view path, uint64_t bit) {
    std::byte byte{};
    TIMBER_ASSERT(file(file_at(path)).read(bit / 8, {&byte, 1}) == 1);
    byte ^= std::byte{1} << (bit % 8);
    overwrite(path, bit / 8, {&byte, 1});
}

void DiskImage::swap_sectors(std::string_view path, uint64_t left_sector, uint64_t right_sector) {
    std::vector<std::byte> left(kSectorBytes);
    std::vector<std::byte> right(kSectorBytes);
    const DiskFile& source = file(file_at(path));
    left.resize(source.read(left_sector * kSectorBytes, left));
    right.resize(source.read(right_sector * kSectorBytes, right));
    TIMBER_ASSERT_OP(left.size(), ==, right.size());
    overwrite(path, left_sector * kSectorBytes, right);
    overwrite(path, right_sector * kSectorBytes, left);
}

void DiskImage::cut(std::string_view path, uint64_t bytes) {
    DiskFile& target = mutable_file(file_at(path));
    target.truncate(next_change(), bytes);
    target.settle();
}

void DiskImage::remove_file(std::string_view path) {
    const Result<Place> place = place_of(path);
    file_at(path);
    directories_.at(place->directory).erase(place->name);
    forget_unreachable({});
}

void DiskImage::put_file(std::string_view path, ByteView bytes) {
    for (size_t slash = path.find('/', 1); slash != std::string_view::npos;
         slash = path.find('/', slash + 1))
        TIMBER_ASSERT(make_directory(path.substr(0, slash)).ok());
    if (!exists(path)) TIMBER_ASSERT(create_file(path).ok());
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const Result<Place> place = place_of(path.substr(0, end));
        persist_entry(place->directory, place->name, last_change_, true);
        if (end == std::string_view::npos) break;
    }
    cut(path, 0);
    overwrite(path, 0, bytes);
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

uint64_t DiskImage::readable_fingerprint() const {
    return fingerprint_of(false);
}

uint64_t DiskImage::fingerprint() const {
    return fingerprint_of(true);
}

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
