#include "tests/support/disk_image.h"

#include <cerrno>
#include <utility>

namespace timber {

namespace {

constexpr NodeId kRoot(1);

Error no_such_file() { return {.code = ErrorCode::kNotFound, .os_error = ENOENT}; }
Error refused(int errno_value) { return {.code = ErrorCode::kIoError, .os_error = errno_value}; }

std::vector<std::string_view> components_of(std::string_view path) {
    std::vector<std::string_view> components;
    while (!path.empty()) {
        const size_t slash = path.find('/');
        const std::string_view component = path.substr(0, slash);
        if (!component.empty() && component != ".") components.push_back(component);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return components;
}

}  // namespace

DiskImage::DiskImage() : last_node_(kRoot) { directories_.emplace(kRoot, Directory{}); }

DiskImage::Entry DiskImage::entry_at(const Place& place) const {
    const Directory& directory = directories_.at(place.directory);
    const auto slot = directory.find(place.name);
    return slot == directory.end() ? Entry{} : slot->second.current;
}

// The directory that holds the last component; which itself need not exist.
Result<DiskImage::Place> DiskImage::place_of(std::string_view path) const {
    const auto components = components_of(path);
    if (components.empty())
        return Error{.code = ErrorCode::kInvalidArgument, .detail = "the root has no name"};
    NodeId directory = kRoot;
    for (size_t index = 0; index + 1 < components.size(); ++index) {
        const Entry entry = entry_at({directory, std::string(components[index])});
        if (!entry) return no_such_file();
        if (!is_directory(*entry)) return refused(ENOTDIR);
        directory = *entry;
    }
    return Place{directory, std::string(components.back())};
}

std::optional<NodeId> DiskImage::find(std::string_view path) const {
    if (components_of(path).empty()) return kRoot;
    const Result<Place> place = place_of(path);
    return place ? entry_at(*place) : std::nullopt;
}

const DiskFile& DiskImage::file(NodeId node) const { return *files_.at(node); }

DiskFile& DiskImage::mutable_file(NodeId node) {
    std::shared_ptr<DiskFile>& file = files_.at(node);
    if (file.use_count() > 1) file = std::make_shared<DiskFile>(*file);
    return *file;
}

void DiskImage::set_entry(ChangeId change, const Place& place, Entry entry,
                          std::optional<Place> moved_to) {
    Slot& slot = directories_.at(place.directory)[place.name];
    slot.current = entry;
    slot.versions.push_back({.change = change, .entry = entry, .moved_to = std::move(moved_to)});
}

Result<NodeId> DiskImage::create_file(std::string_view path) {
    TIMBER_TRY(const Place place, place_of(path));
    TIMBER_ASSERT(!entry_at(place));
    const NodeId node = ++last_node_;
    files_.emplace(node, std::make_shared<DiskFile>());
    set_entry(next_change(), place, node);
    return node;
}

Status DiskImage::make_directory(std::string_view path) {
    if (components_of(path).empty()) return {};
    TIMBER_TRY(const Place place, place_of(path));
    if (const Entry entry = entry_at(place)) {
        if (!is_directory(*entry))
            return Error{.code = ErrorCode::kAlreadyExists, .os_error = EEXIST};
        return {};
    }
    const NodeId node = ++last_node_;
    directories_.emplace(node, Directory{});
    set_entry(next_change(), place, node);
    return {};
}

Status DiskImage::rename(std::string_view from, std::string_view to) {
    TIMBER_TRY(const Place old_place, place_of(from));
    TIMBER_TRY(const Place new_place, place_of(to));
    const Entry moved = entry_at(old_place);
    if (!moved) return no_such_file();
    const Entry replaced = entry_at(new_place);
    // Two names of one file: POSIX leaves both.
    if (replaced == moved) return {};
    if (replaced && is_directory(*replaced)) return refused(EISDIR);
    if (replaced && is_directory(*moved)) return refused(ENOTDIR);
    const ChangeId change = next_change();
    set_entry(change, new_place, moved);
    set_entry(change, old_place, std::nullopt, new_place);
    return {};
}

Status DiskImage::remove(std::string_view path) {
    TIMBER_TRY(const Place place, place_of(path));
    const Entry entry = entry_at(place);
    if (!entry) return no_such_file();
    if (is_directory(*entry) && !list(path)->empty()) return refused(ENOTEMPTY);
    set_entry(next_change(), place, std::nullopt);
    return {};
}

Result<std::vector<std::string>> DiskImage::list(std::string_view directory) const {
    const auto node = find(directory);
    if (!node) return no_such_file();
    if (!is_directory(*node)) return refused(ENOTDIR);
    std::vector<std::string> names;
    for (const auto& [name, slot] : directories_.at(*node)) {
        if (slot.current) names.push_back(name);
    }
    return names;
}

void DiskImage::persist_entry(NodeId directory, std::string_view name, ChangeId last,
                              bool also_in_doubt) {
    const auto found = directories_.at(directory).find(name);
    if (found == directories_.at(directory).end()) return;
    Slot& slot = found->second;
    size_t count = 0;
    for (size_t index = 0; index < slot.versions.size(); ++index) {
        const EntryVersion& version = slot.versions[index];
        if (version.change <= last && (also_in_doubt || !version.in_doubt)) count = index + 1;
    }
    if (count == 0) return;
    slot.durable = slot.versions[count - 1].entry;
    const auto end = slot.versions.begin() + static_cast<ptrdiff_t>(count);
    std::vector<EntryVersion> settled(slot.versions.begin(), end);
    slot.versions.erase(slot.versions.begin(), end);
    for (const EntryVersion& version : settled) {
        if (!version.moved_to) continue;
        // Else a power cut now could leave neither name.
        persist_entry(version.moved_to->directory, version.moved_to->name, version.change, true);
    }
}

void DiskImage::sync_directory(NodeId directory, ChangeId last) {
    Directory& entries = directories_.at(directory);
    for (const auto& [name, slot] : entries) persist_entry(directory, name, last, false);
    std::erase_if(entries, [](const auto& each) {
        const Slot& slot = each.second;
        return !slot.current && !slot.durable && slot.versions.empty();
    });
}

void DiskImage::doubt_directory(NodeId directory, ChangeId last) {
    for (auto& [name, slot] : directories_.at(directory)) {
        for (EntryVersion& version : slot.versions) version.in_doubt |= version.change <= last;
    }
}

std::set<NodeId> DiskImage::named(bool also_lost) const {
    std::set<NodeId> found = {kRoot};
    std::vector<NodeId> to_visit = {kRoot};
    const auto visit = [&](Entry entry) {
        if (!entry || !found.insert(*entry).second) return;
        if (is_directory(*entry)) to_visit.push_back(*entry);
    };
    while (!to_visit.empty()) {
        const NodeId directory = to_visit.back();
        to_visit.pop_back();
        for (const auto& [name, slot] : directories_.at(directory)) {
            visit(slot.current);
            if (!also_lost) continue;
            visit(slot.durable);
            for (const EntryVersion& version : slot.versions) visit(version.entry);
        }
    }
    return found;
}

void DiskImage::forget_unreachable(const std::set<NodeId>& open) {
    const std::set<NodeId> reachable = named(true);
    const auto forgotten = [&](const auto& each) {
        return !reachable.contains(each.first) && !open.contains(each.first);
    };
    std::erase_if(files_, forgotten);
    std::erase_if(directories_, forgotten);
}

uint64_t DiskImage::pages_used(const std::set<NodeId>& open) const {
    std::set<NodeId> counted = named(false);
    counted.insert(open.begin(), open.end());
    uint64_t pages = 0;
    for (const NodeId node : counted) {
        const auto file = files_.find(node);
        if (file != files_.end()) pages += file->second->pages_allocated();
    }
    return pages;
}

}  // namespace timber
