#include "memtable/drop_rules.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

DropRules::DropRules(std::vector<Sequence> snapshots, Sequence flushed, RangeRemoveSet covers)
    : snapshots_(std::move(snapshots)), removable_(flushed), covers_(std::move(covers)) {
    TIMBER_ASSERT(std::ranges::is_sorted(snapshots_));
    if (snapshots_.empty()) return;
    snapshot_newest_ = snapshots_.back();
    removable_ = std::min(removable_, snapshots_.front());
}

Sequence DropRules::search_stripe(Sequence sequence) const {
    return *std::ranges::lower_bound(snapshots_, sequence);
}

bool DropRules::hides_all_of(const FileMeta& file) const {
    const Sequence stripe = stripe_of(file.sequence_min);
    if (stripe < file.sequence_max) return false;
    // Fragments without a gap from the file's smallest key to behind its largest, each with a
    // remove that is newer than the file and no newer than the file's stripe.
    std::string_view hidden_until;
    bool begun = false;
    for (const RangeRemoveSet::Fragment& fragment : covers_.fragments()) {
        if (!before_end(file.smallest, fragment.end)) continue;
        if (fragment.begin > (begun ? hidden_until : std::string_view(file.smallest))) return false;
        const bool hides = std::ranges::any_of(fragment.sequences, [&](Sequence sequence) {
            return sequence > file.sequence_max && sequence <= stripe;
        });
        if (!hides) return false;
        begun = true;
        hidden_until = fragment.end;
        if (hidden_until.empty() || !file.reaches(hidden_until)) return true;
    }
    return false;
}

std::vector<RangeRemove> DropRules::kept_range_removes(const OlderData* older) const {
    std::vector<RangeRemove> kept;
    for (const RangeRemoveSet::Fragment& fragment : covers_.fragments()) {
        Sequence stripe_before;
        for (Sequence sequence : fragment.sequences) {
            const Sequence stripe = stripe_of(sequence);
            const bool newest_in_stripe = stripe != stripe_before;
            stripe_before = stripe;
            if (!newest_in_stripe) continue;
            if (older != nullptr && sequence <= removable_ &&
                !older->may_hold_any(fragment.begin, fragment.end))
                continue;
            kept.push_back({fragment.begin, fragment.end, sequence});
        }
    }
    return kept;
}

}  // namespace timber::memtable
