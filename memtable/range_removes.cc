#include "memtable/range_removes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

using Fragment = RangeRemoveSet::Fragment;

// The sequences that cover the place where the sweep stands, newest first, each with how many
// removes brought it: pieces of one remove come from several files.
class Covering {
  public:
    void begin(Sequence sequence) { ++counts_[sequence]; }
    void end(Sequence sequence) {
        const auto found = counts_.find(sequence);
        TIMBER_ASSERT(found != counts_.end());
        if (--found->second == 0) counts_.erase(found);
    }
    bool empty() const { return counts_.empty(); }
    // These and no others.
    bool same_as(const std::vector<Sequence>& sequences) const {
        return std::ranges::equal(counts_, sequences, {}, &Counts::value_type::first);
    }
    std::vector<Sequence> sequences() const {
        std::vector<Sequence> sequences;
        sequences.reserve(counts_.size());
        for (const auto& [sequence, count] : counts_) sequences.push_back(sequence);
        return sequences;
    }

  private:
    using Counts = std::map<Sequence, size_t, std::greater<>>;
    Counts counts_;
};

bool is_empty(const RangeRemove& remove) { return !before_end(remove.begin, remove.end); }

// Walks along the borders of all removes, and cuts a fragment between each two that follow each
// other.
class Sweep {
  public:
    explicit Sweep(const std::vector<RangeRemove>& removes) {
        begins_.reserve(removes.size());
        for (const RangeRemove& remove : removes) begins_.push_back(&remove);
        ends_ = begins_;
        std::ranges::sort(begins_, {}, &RangeRemove::begin);
        std::ranges::sort(ends_, [](const RangeRemove* left, const RangeRemove* right) {
            return compare_ends(left->end, right->end) < 0;
        });
    }

    std::vector<Fragment> run() {
        for (;;) {
            const std::string_view end = ends_[end_]->end;
            if (begin_ < begins_.size() && before_end(begins_[begin_]->begin, end)) {
                move_to(begins_[begin_]->begin);
                covering_.begin(begins_[begin_++]->sequence);
            } else if (end.empty()) {
                // All begins lie behind us, and what covers this place does so for ever.
                emit({});
                return std::move(fragments_);
            } else {
                move_to(end);
                covering_.end(ends_[end_++]->sequence);
                if (end_ == ends_.size()) return std::move(fragments_);
            }
        }
    }

  private:
    void move_to(std::string_view border) {
        if (!covering_.empty() && border_ != border) emit(border);
        border_ = border;
    }
    // The fragment from the last border to this one.
    void emit(std::string_view end) {
        // The pieces of a remove that was cut at the borders of files become one again.
        if (!fragments_.empty() && fragments_.back().end == border_ &&
            covering_.same_as(fragments_.back().sequences))
            fragments_.back().end = end;
        else
            fragments_.push_back({std::string(border_), std::string(end), covering_.sequences()});
    }

    std::vector<const RangeRemove*> begins_;
    std::vector<const RangeRemove*> ends_;
    size_t begin_ = 0;
    size_t end_ = 0;
    std::string_view border_;
    Covering covering_;
    std::vector<Fragment> fragments_;
};

size_t heap_bytes(const std::string& text) {
    static const size_t inline_bytes = std::string().capacity();
    return text.capacity() > inline_bytes ? text.capacity() + 1 : 0;
}

// The newest of them that is at most `visible`; 0 if none is.
Sequence newest_visible(const std::vector<Sequence>& sequences, Sequence visible) {
    // Nearly every reader sees the newest.
    if (sequences.front() <= visible) return sequences.front();
    const auto found = std::ranges::lower_bound(sequences, visible, std::greater<>());
    return found == sequences.end() ? Sequence() : *found;
}

}  // namespace

RangeRemoveSet::RangeRemoveSet(std::vector<RangeRemove> removes) {
    std::erase_if(removes, is_empty);
    if (removes.empty()) return;
    for (const RangeRemove& remove : removes) newest_ = std::max(newest_, remove.sequence);
    fragments_ = Sweep(removes).run();
    fragments_.shrink_to_fit();
}

std::optional<RangeRemoveSet> RangeRemoveSet::from_fragments(std::vector<Fragment> fragments) {
    RangeRemoveSet set;
    for (Fragment& fragment : fragments) {
        const bool each_older =
            std::ranges::adjacent_find(fragment.sequences, std::less_equal<>()) ==
            fragment.sequences.end();
        if (!before_end(fragment.begin, fragment.end) || fragment.sequences.empty() || !each_older)
            return std::nullopt;
        Fragment* const before = set.fragments_.empty() ? nullptr : &set.fragments_.back();
        if (before != nullptr && (before->end.empty() || fragment.begin < before->end))
            return std::nullopt;
        set.newest_ = std::max(set.newest_, fragment.sequences.front());
        if (before != nullptr && before->end == fragment.begin &&
            before->sequences == fragment.sequences)
            before->end = std::move(fragment.end);
        else
            set.fragments_.push_back(std::move(fragment));
    }
    return set;
}

Sequence RangeRemoveSet::covering(std::string_view key, Sequence visible) const {
    const auto behind = std::ranges::upper_bound(fragments_, key, {}, &Fragment::begin);
    if (behind == fragments_.begin()) return Sequence();
    const Fragment& fragment = *std::prev(behind);
    if (!before_end(key, fragment.end)) return Sequence();
    return newest_visible(fragment.sequences, visible);
}

std::vector<RangeRemove> RangeRemoveSet::to_removes() const {
    std::vector<RangeRemove> removes;
    for (const Fragment& fragment : fragments_)
        for (Sequence sequence : fragment.sequences)
            removes.push_back({fragment.begin, fragment.end, sequence});
    return removes;
}

size_t RangeRemoveSet::memory_bytes() const {
    size_t bytes = sizeof(*this) + fragments_.capacity() * sizeof(Fragment);
    for (const Fragment& fragment : fragments_)
        bytes += heap_bytes(fragment.begin) + heap_bytes(fragment.end) +
                 fragment.sequences.capacity() * sizeof(Sequence);
    return bytes;
}

void RangeRemoveSet::check_invariants() const {
    for (size_t i = 0; i < fragments_.size(); ++i) {
        const Fragment& fragment = fragments_[i];
        TIMBER_ASSERT(before_end(fragment.begin, fragment.end));  // RR1
        TIMBER_ASSERT(!fragment.sequences.empty());               // RR2
        TIMBER_ASSERT_OP(fragment.sequences.front(), <=, newest_);
        for (size_t k = 1; k < fragment.sequences.size(); ++k)
            TIMBER_ASSERT_OP(fragment.sequences[k - 1], >, fragment.sequences[k]);
        if (i == 0) continue;
        const Fragment& before = fragments_[i - 1];
        TIMBER_ASSERT(!before.end.empty() && before.end <= fragment.begin);
        if (before.end == fragment.begin)
            TIMBER_ASSERT(before.sequences != fragment.sequences);  // RR3
    }
}

Sequence RangeRemoveCursor::covering(std::string_view key, Sequence visible) {
    move_to(key);
    const std::span<const Fragment> fragments = set_->fragments();
    covered_ = at_ < fragments.size() && fragments[at_].begin <= key;
    if (!covered_) return Sequence();
    const Sequence newest = newest_visible(fragments[at_].sequences, visible);
    covered_ = newest != Sequence();
    return newest;
}

// Keys that come in order move it by a step now and then; a search starts once a key turns out to
// be far away, so that an iterator that seeks to and fro pays no walk over all that lies between.
void RangeRemoveCursor::move_to(std::string_view key) {
    constexpr size_t kStepsMax = 4;
    const std::span<const Fragment> fragments = set_->fragments();
    const auto lies_behind = [&](size_t at) { return before_end(key, fragments[at].end); };
    for (size_t step = 0; step < kStepsMax; ++step) {
        if (at_ < fragments.size() && !lies_behind(at_))
            ++at_;
        else if (at_ > 0 && lies_behind(at_ - 1))
            --at_;
        else
            return;
    }
    at_ = static_cast<size_t>(
        std::ranges::partition_point(
            fragments, [&](const Fragment& each) { return !before_end(key, each.end); }) -
        fragments.begin());
}

std::string_view RangeRemoveCursor::covered_until() const {
    TIMBER_ASSERT(covered_);
    return set_->fragments()[at_].end;
}

std::string_view RangeRemoveCursor::covered_from() const {
    TIMBER_ASSERT(covered_);
    return set_->fragments()[at_].begin;
}

}  // namespace timber::memtable
