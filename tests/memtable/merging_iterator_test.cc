#include "memtable/merging_iterator.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"
#include "tests/memtable/support/internal_keys.h"
#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

// The merged order, by brute force: each entry with its child.
struct Merged {
    std::string key;
    size_t child;
    std::string value;
};

std::vector<Merged> merge_slowly(const std::vector<EntryVector>& children) {
    std::vector<Merged> all;
    for (size_t child = 0; child < children.size(); ++child)
        for (const auto& [key, value] : children[child]) all.push_back({key, child, value});
    std::ranges::stable_sort(all, [](const Merged& left, const Merged& right) {
        return compare_internal(left.key, right.key) < 0;
    });
    return all;
}

class Twin {
  public:
    Twin(MergingIterator& merger, std::vector<Merged> order)
        : merger_(merger), order_(std::move(order)) {}

    size_t size() const { return order_.size(); }
    bool valid() const { return at_ < order_.size(); }

    void seek_to_first() {
        merger_.seek_to_first();
        expect_at(0);
    }
    void seek_to_last() {
        merger_.seek_to_last();
        expect_at(order_.size() - 1);
    }
    void seek(const std::string& target) {
        merger_.seek(target);
        size_t at = 0;
        while (at < order_.size() && compare_internal(order_[at].key, target) < 0) ++at;
        expect_at(at);
    }
    void seek_for_prev(const std::string& target) {
        merger_.seek_for_prev(target);
        size_t at = order_.size();
        while (at > 0 && compare_internal(order_[at - 1].key, target) > 0) --at;
        expect_at(at - 1);
    }
    void next() {
        merger_.next();
        expect_at(at_ + 1);
    }
    void prev() {
        merger_.prev();
        expect_at(at_ - 1);
    }

  private:
    void expect_at(size_t at) {
        at_ = at;
        merger_.check_invariants();
        ASSERT_TRUE(merger_.status().ok());
        ASSERT_EQ(merger_.valid(), valid());
        if (!valid()) return;
        ASSERT_EQ(merger_.key(), order_[at].key);
        ASSERT_EQ(merger_.value(), order_[at].value);
        ASSERT_EQ(merger_.current(), order_[at].child);
    }

    MergingIterator& merger_;
    std::vector<Merged> order_;
    size_t at_ = SIZE_MAX;
};

// From each end, and from each key: so far on, so far back, and on again.
void walk_everywhere(Twin& twin, const std::vector<std::string>& targets) {
    const auto walk = [&twin](size_t on, size_t back) {
        for (size_t i = 0; i < on && twin.valid(); ++i) twin.next();
        for (size_t i = 0; i < back && twin.valid(); ++i) twin.prev();
        for (size_t i = 0; i < 2 && twin.valid(); ++i) twin.next();
    };
    for (size_t on = 0; on <= twin.size(); ++on) {
        for (size_t back = 0; back <= on + 1; ++back) {
            twin.seek_to_first();
            walk(on, back);
            twin.seek_to_last();
            for (size_t i = 0; i < on && twin.valid(); ++i) twin.prev();
            walk(back, on);
        }
    }
    for (const std::string& target : targets) {
        twin.seek(target);
        walk(1, 2);
        twin.seek_for_prev(target);
        if (twin.valid()) twin.prev();
        walk(2, 1);
        if (testing::Test::HasFatalFailure()) return;
    }
}

// Three children, each with any of these entries, whether another has the same or not.
TEST(MergingIterator, EverySmallSetOfChildrenIsWalkedAsTheirSortedUnion) {
    const std::vector<std::string> keys = {internal_key("a", 2), internal_key("a", 1),
                                           internal_key("b", 2)};
    for (size_t mask = 0; mask < 512; ++mask) {
        std::vector<EntryVector> children(3);
        for (size_t bit = 0; bit < 9; ++bit)
            if ((mask >> bit & 1) != 0)
                children[bit / 3].emplace_back(keys[bit % 3], "of " + std::to_string(bit));
        MergingIterator merger;
        for (const EntryVector& child : children)
            merger.add(std::make_unique<VectorIterator>(child));
        Twin twin(merger, merge_slowly(children));
        walk_everywhere(twin,
                        {internal_key("", 9), keys[0], keys[1], keys[2], internal_key("c", 1)});
        ASSERT_FALSE(HasFatalFailure()) << "children " << mask;
    }
}

// Children, some of them levels, of a seed.
struct Drawn {
    explicit Drawn(uint64_t seed) : random(seed) {
        const std::vector<std::string> keys = draw_keys(random, 1 + random.below(30));
        children.resize(1 + random.below(9));
        for (size_t i = random.below(60); i > 0; --i) {
            const std::string key =
                internal_key(keys[random.below(keys.size())], 1 + random.below(9));
            std::vector<std::pair<std::string, std::string>>& child =
                children[random.below(children.size())];
            if (std::ranges::find(child, key, [](const auto& e) { return e.first; }) == child.end())
                child.emplace_back(key, std::to_string(i));
        }
        levels.resize(children.size());
        for (size_t i = 0; i < children.size(); ++i) {
            sort_entries(children[i]);
            if (random.one_in(2)) continue;
            for (TableContents& piece : cut({children[i], {}}, random, 5))
                levels[i].push_back(tables.add(Family::kDefault, std::move(piece)));
        }
    }

    void add_to(MergingIterator& merger) {
        for (size_t i = 0; i < children.size(); ++i) {
            if (levels[i].empty())
                merger.add(std::make_unique<VectorIterator>(children[i]));
            else
                merger.add(std::make_unique<LevelIterator>(levels[i], TableReadOptions{},
                                                           kSequenceMax, tables));
        }
    }

    std::string target() {
        const EntryVector& child = children[random.below(children.size())];
        if (child.empty() || random.one_in(5)) return internal_key("b", 5);
        std::string key = child[random.below(child.size())].first;
        if (random.one_in(2)) key = internal_key(user_key_of(key), random.below(11));
        return key;
    }

    Random random;
    FakeTables tables{3};
    std::vector<EntryVector> children;
    std::vector<std::vector<TableFileRef>> levels;
};

TEST(MergingIterator, ManyChildrenAreWalkedAsTheirSortedUnion) {
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        Drawn drawn(seed);
        MergingIterator merger;
        drawn.add_to(merger);
        Twin twin(merger, merge_slowly(drawn.children));
        Random& random = drawn.random;
        for (int step = 0; step < 60; ++step) {
            if (!twin.valid() || random.one_in(6)) {
                switch (random.below(4)) {
                    case 0: twin.seek_to_first(); break;
                    case 1: twin.seek_to_last(); break;
                    case 2: twin.seek(drawn.target()); break;
                    default: twin.seek_for_prev(drawn.target()); break;
                }
            } else {
                const bool on = random.one_in(2);
                for (size_t i = 1 + random.below(8); i > 0 && twin.valid(); --i)
                    on ? twin.next() : twin.prev();
            }
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " step " << step;
        }
    }
}

TEST(MergingIterator, WithoutChildrenItIsAtBothEnds) {
    MergingIterator merger;
    Twin twin(merger, {});
    twin.seek_to_first();
    twin.seek_to_last();
    twin.seek(internal_key("a", 1));
    twin.seek_for_prev(internal_key("a", 1));
}

// Every read of a block fails once: what was shown before is right, nothing is shown after, and a
// seek finds its way again.
TEST(MergingIterator, AnyFailureOfAChildIsAFailureAndNothingIsLeftOut) {
    size_t failures = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Drawn drawn(seed);
        const std::vector<Merged> order = merge_slowly(drawn.children);
        for (const bool forward : {true, false}) {
            for (uint64_t reads = 0;; ++reads) {
                MergingIterator merger;
                drawn.add_to(merger);
                drawn.tables.fail_after(reads);
                size_t shown = 0;
                forward ? merger.seek_to_first() : merger.seek_to_last();
                while (merger.valid()) {
                    ASSERT_LT(shown, order.size());
                    const size_t at = forward ? shown : order.size() - 1 - shown;
                    ASSERT_EQ(merger.key(), order[at].key);
                    ++shown;
                    // A change of direction in between, where there is something to go back to.
                    if (shown >= 2 && drawn.random.one_in(4)) {
                        forward ? merger.prev() : merger.next();
                        if (!merger.valid()) break;
                        forward ? merger.next() : merger.prev();
                        if (!merger.valid()) break;
                    }
                    forward ? merger.next() : merger.prev();
                }
                const bool failed = !merger.status().ok();
                if (failed)
                    ASSERT_EQ(merger.status().error().code, ErrorCode::kCorrupted);
                else
                    ASSERT_EQ(shown, order.size());
                drawn.tables.fail_after(std::nullopt);
                Twin twin(merger, order);
                twin.seek_to_first();
                ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " reads " << reads;
                if (!failed) break;
                ++failures;
            }
        }
    }
    EXPECT_GT(failures, 1000u);
}

}  // namespace
}  // namespace timber::memtable
