// Iterators that live on over writes, flushes, compactions and ingests.
#include "tests/crash/store/store_world.h"

namespace timber::memtable {

static constexpr size_t kIteratorsMax = 3;

void Life::iterate() {
    if (iterators_.size() < kIteratorsMax && (iterators_.empty() || random_.one_in(3)))
        return open_iterator();
    const size_t index = random_.below(iterators_.size());
    if (random_.one_in(6)) {
        iterators_.erase(iterators_.begin() + static_cast<ptrdiff_t>(index));
        return;
    }
    const uint64_t moves = random_.between(1, 12);
    in_job([&] {
        for (uint64_t move = 0; move < moves && !failure_; ++move)
            move_iterator(*iterators_[index]);
    });
}

void Life::open_iterator() {
    const Family family = kAllFamilies[random_.below(kFamilies)];
    const KeyRange range = random_.one_in(2) ? scenario_.draw_range(random_) : KeyRange{};
    const bool at_snapshot = !snapshots_.empty() && random_.one_in(2);
    // While an ingest is under way, now is before or after it.
    if (!at_snapshot && model_.ingest_pending() != nullptr) return;
    auto holder = std::make_unique<HeldIterator>();
    HeldIterator& held = *holder;
    held.lower = range.begin;
    held.upper = range.end;
    std::shared_ptr<const Contents> contents = model_.now_shared();
    SnapshotRef snapshot;
    if (at_snapshot) {
        const HeldSnapshot& taken = snapshots_[random_.below(snapshots_.size())];
        snapshot = taken.snapshot;
        contents = taken.contents;
    }
    for (const auto& [key, value] : contents->rows(family))
        if (range.contains(key)) held.rows.emplace(key, value);
    in_job([&] {
        held.iterator = store_->new_iterator(
            {.snapshot = snapshot.get(), .lower = held.lower, .upper = held.upper}, family);
    });
    held.at = held.rows.end();
    iterators_.push_back(std::move(holder));
}

void Life::move_iterator(HeldIterator& held) {
    StoreIterator& iterator = *held.iterator;
    const Rows& rows = held.rows;
    const bool valid = held.at != rows.end();
    const std::string key = scenario_.draw_key(random_);
    switch (random_.below(valid ? 10 : 4)) {
        case 0:
            iterator.seek_to_first();
            held.at = rows.begin();
            return check_position(held, "seek_to_first");
        case 1:
            iterator.seek_to_last();
            held.at = rows.empty() ? rows.end() : std::prev(rows.end());
            return check_position(held, "seek_to_last");
        case 2:
            iterator.seek(key);
            held.at = rows.lower_bound(key);
            return check_position(held, "seek");
        case 3: {
            iterator.seek_for_prev(key);
            const auto behind = rows.upper_bound(key);
            held.at = behind == rows.begin() ? rows.end() : std::prev(behind);
            return check_position(held, "seek_for_prev");
        }
        case 4:
        case 5:
        case 6:
            iterator.next();
            ++held.at;
            return check_position(held, "next");
        default:
            iterator.prev();
            held.at = held.at == rows.begin() ? rows.end() : std::prev(held.at);
            return check_position(held, "prev");
    }
}

void Life::check_position(HeldIterator& held, const char* move) {
    const StoreIterator& iterator = *held.iterator;
    const Status status = iterator.status();
    const std::string what = std::string("an iterator's ") + move;
    if (!status) {
        if (!may_fail(status.error())) fail(what + " gave " + status.error().to_string());
        // It stays where it failed; what it shows next is decided by the next seek.
        held.at = held.rows.end();
        return;
    }
    const bool expected = held.at != held.rows.end();
    if (iterator.valid() != expected)
        return fail(what +
                    (expected ? " came to an end too early" : " came to a key, not the end"));
    if (expected && (iterator.key() != held.at->first || iterator.value() != held.at->second))
        fail(what + " came to '" + std::string(iterator.key()) + "', not to '" + held.at->first +
             "', or its value is another");
}

}  // namespace timber::memtable
