// What a death leaves of an image.
#include <algorithm>
#include <utility>

#include "tests/support/disk_image.h"

namespace timber {

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
        case Death::kProcessDeath: break;
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

}  // namespace timber
