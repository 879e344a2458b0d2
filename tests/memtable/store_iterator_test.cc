#include "memtable/store_iterator_impl.h"

#include <gtest/gtest.h>

#include "tests/memtable/support/iterator_twin.h"
#include "tests/memtable/support/view_fixture.h"

namespace timber::memtable {
namespace {

constexpr Family kIteratedFamily = Family::kLock;

IteratorTwin twin_of(const DrawnView& drawn, Sequence visible, std::string lower = {},
                     std::string upper = {}) {
    const ReadOptions options{.lower = lower, .upper = upper};
    return {std::make_unique<StoreIteratorImpl>(drawn.view, kIteratedFamily, visible, options,
                                                *drawn.tables),
            rows_within(drawn.history.at(visible), lower, upper)};
}

// Also where no store would put them: each operation may be in any source.
TEST(StoreIterator, ShowsWhatTheHistorySaysWhereverItsOperationsLie) {
    for (uint64_t seed = 0; seed < 3000; ++seed) {
        DrawnView drawn = DrawnView::scattered(seed, 80);
        for (int i = 0; i < 3; ++i) {
            const bool bounded = drawn.random.one_in(2);
            IteratorTwin twin = twin_of(drawn, drawn.draw_visible(), bounded ? drawn.key() : "",
                                        bounded ? drawn.key() : "");
            drawn.random.one_in(2) ? walk_everywhere(twin, drawn.keys)
                                   : walk_by_chance(twin, drawn.keys, drawn.random, 60);
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " reader " << i;
        }
    }
}

TEST(StoreIterator, ShowsWhatTheHistorySaysWhereAStoreWouldPutIt) {
    for (uint64_t seed = 0; seed < 1500; ++seed) {
        DrawnView drawn = DrawnView::sketched(seed, 150);
        for (int i = 0; i < 3; ++i) {
            const bool bounded = drawn.random.one_in(2);
            IteratorTwin twin = twin_of(drawn, drawn.draw_visible(), bounded ? drawn.key() : "",
                                        bounded ? drawn.key() : "");
            walk_everywhere(twin, drawn.keys);
            walk_by_chance(twin, drawn.keys, drawn.random, 40);
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " reader " << i;
        }
    }
}

// All ways to put four operations on two keys into three sources, at every sequence.
TEST(StoreIterator, EverySmallHistoryIsShownAsItIs) {
    using Kind = WriteBatch::Kind;
    const std::vector<HistoryOperation> kinds = {
        {{}, Kind::kPut, "a", "a"},        {{}, Kind::kPut, "b", "b"},
        {{}, Kind::kRemove, "a", ""},      {{}, Kind::kRemoveRange, "a", "b"},
        {{}, Kind::kRemoveRange, "a", ""}, {{}, Kind::kRemoveRange, "b", "c"}};
    constexpr size_t kOperations = 3;
    constexpr size_t kPlaces = 3;
    size_t histories = 1;
    for (size_t i = 0; i < kOperations; ++i) histories *= kinds.size() * kPlaces;
    for (size_t number = 0; number < histories; ++number) {
        DrawnView drawn{.random = Random(number), .tables = std::make_unique<FakeTables>(1)};
        drawn.keys = {"a", "b"};
        drawn.last = Sequence(kOperations);
        Placement placement;
        placement.levels[0].resize(1);
        TableContents deep;
        size_t rest = number;
        for (size_t i = 1; i <= kOperations; ++i) {
            HistoryOperation operation = kinds[rest % kinds.size()];
            rest /= kinds.size();
            operation.sequence = Sequence(i);
            if (operation.kind == Kind::kPut) operation.value += std::to_string(i);
            drawn.history.add(operation);
            TableContents* const places[kPlaces] = {&placement.memory[0], &placement.levels[0][0],
                                                    &deep};
            add_operation(*places[rest % kPlaces], operation);
            rest /= kPlaces;
        }
        if (placement.levels[0][0].empty()) placement.levels[0].clear();
        placement.levels[1] = cut(std::move(deep), drawn.random, 3);
        drawn.view = view_of(placement, kIteratedFamily, *drawn.tables);
        for (uint64_t visible = 1; visible <= kOperations; ++visible) {
            IteratorTwin twin = twin_of(drawn, Sequence(visible));
            walk_everywhere(twin, drawn.keys);
            ASSERT_FALSE(HasFatalFailure()) << "history " << number << " at " << visible;
        }
    }
}

// Every read of a block fails in turn. What was shown before is right; then the iterator fails, and
// finds its way again after a seek.
TEST(StoreIterator, AnyFailureOfASourceIsAFailureAndNothingIsLeftOut) {
    size_t failures = 0;
    for (uint64_t seed = 0; seed < 600; ++seed) {
        DrawnView drawn =
            seed % 2 == 0 ? DrawnView::scattered(seed, 80) : DrawnView::sketched(seed, 150);
        const auto rows = rows_within(drawn.history.at(drawn.last), {}, {});
        for (const bool forward : {true, false}) {
            for (uint64_t reads = 0;; ++reads) {
                StoreIteratorImpl iterator(drawn.view, kIteratedFamily, drawn.last, {},
                                           *drawn.tables);
                drawn.tables->fail_after(reads, ErrorCode::kBusy);
                size_t shown = 0;
                forward ? iterator.seek_to_first() : iterator.seek_to_last();
                while (iterator.valid()) {
                    ASSERT_LT(shown, rows.size());
                    const size_t at = forward ? shown : rows.size() - 1 - shown;
                    ASSERT_EQ(iterator.key(), rows[at].first) << "seed " << seed;
                    ASSERT_EQ(iterator.value(), rows[at].second) << "seed " << seed;
                    ++shown;
                    if (shown >= 2 && drawn.random.one_in(4)) {
                        forward ? iterator.prev() : iterator.next();
                        if (!iterator.valid()) break;
                        forward ? iterator.next() : iterator.prev();
                        if (!iterator.valid()) break;
                    }
                    forward ? iterator.next() : iterator.prev();
                }
                const bool failed = !iterator.status().ok();
                if (failed)
                    ASSERT_EQ(iterator.status().error().code, ErrorCode::kBusy);
                else
                    ASSERT_EQ(shown, rows.size()) << "seed " << seed;
                drawn.tables->fail_after(std::nullopt);
                const std::string key = drawn.key();
                iterator.seek(key);
                const auto found = std::ranges::find_if(
                    rows, [&key](const auto& row) { return row.first >= key; });
                ASSERT_TRUE(iterator.status().ok());
                ASSERT_EQ(iterator.valid(), found != rows.end());
                const std::string_view shown_key = iterator.valid() ? iterator.key() : "";
                ASSERT_EQ(shown_key, found == rows.end() ? "" : found->first);
                if (!failed) break;
                ++failures;
            }
        }
    }
    EXPECT_GT(failures, 1000u);
}

}  // namespace
}  // namespace timber::memtable
