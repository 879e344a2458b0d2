#include <gtest/gtest.h>

#include <algorithm>

#include "src/base/random.h"
#include "tests/sim/check/brute_force.h"
#include "tests/sim/check/index_checker.h"
#include "tests/sim/check/search_checker.h"

namespace timber::sim {
namespace {

using Kind = Operation::Kind;
constexpr uint64_t kNever = Operation::kNever;

Operation put(const std::string& key, const std::string& value, uint64_t begin, uint64_t end,
              uint64_t index) {
    return {.begin = begin, .end = end, .index = index, .effects = {{key, value}}};
}
Operation remove(const std::string& key, uint64_t begin, uint64_t end, uint64_t index) {
    return {.begin = begin, .end = end, .index = index, .effects = {{key, std::nullopt}}};
}
Operation get(const std::string& key, std::optional<std::string> value, uint64_t begin,
              uint64_t end, uint64_t index) {
    return {
        .kind = Kind::kGet, .begin = begin, .end = end, .index = index, .key = key, .value = value};
}
Operation scan(std::vector<std::pair<std::string, std::string>> pairs, uint64_t begin, uint64_t end,
               uint64_t index, size_t limit = 10) {
    return {.kind = Kind::kScan,
            .begin = begin,
            .end = end,
            .index = index,
            .key = "a",
            .end_key = "z",
            .limit = limit,
            .pairs = std::move(pairs)};
}

void expect_good(const History& history) {
    EXPECT_TRUE(check_by_index(history).good) << check_by_index(history).why;
    EXPECT_TRUE(check_by_search(history).good) << check_by_search(history).why;
    EXPECT_TRUE(brute_force_by_index(history));
    EXPECT_TRUE(brute_force_by_search(history));
}
void expect_bad(const History& history) {
    EXPECT_FALSE(check_by_index(history).good);
    EXPECT_FALSE(check_by_search(history).good);
    EXPECT_FALSE(check_by_search(history).exhausted);
    EXPECT_FALSE(brute_force_by_index(history));
    EXPECT_FALSE(brute_force_by_search(history));
}

TEST(Checkers, ReadsInOrder_AreGood) {
    expect_good({put("a", "1", 1, 2, 6), get("a", "1", 3, 4, 6), put("a", "2", 5, 6, 7),
                 scan({{"a", "2"}}, 7, 8, 9), remove("a", 9, 10, 10), get("a", {}, 11, 12, 10)});
}

TEST(Checkers, AStaleRead_IsBad) {
    expect_bad({put("a", "1", 1, 2, 6), put("a", "2", 3, 4, 7), get("a", "1", 5, 6, 6)});
}

TEST(Checkers, ALostWrite_IsBad) { expect_bad({put("a", "1", 1, 2, 6), get("a", {}, 3, 4, 7)}); }

TEST(Checkers, AScanBetweenTwoWritesThatItSeesInPart_IsBad) {
    // b was written after a had ended; the scan sees b and not a.
    expect_bad({put("a", "1", 1, 2, 6), put("b", "1", 3, 4, 7), scan({{"b", "1"}}, 5, 6, 7)});
}

TEST(Checkers, HalfAWriteOfTwoKeys_IsBad) {
    expect_bad({{.begin = 1, .end = 4, .index = 6, .effects = {{"a", "1"}, {"b", "1"}}},
                scan({{"a", "1"}}, 2, 3, 6)});
}

TEST(Checkers, AnUnknownWrite_MayHappenLateOrNever) {
    expect_good({put("a", "1", 1, kNever, 0), get("a", {}, 2, 3, 5), get("a", {}, 4, 5, 5)});
    expect_good({put("a", "1", 1, kNever, 0), get("a", {}, 2, 3, 5), get("a", "1", 4, 5, 8)});
}

TEST(Checkers, AnUnknownWrite_HappensOnce) {
    expect_bad({put("a", "1", 1, kNever, 0), get("a", "1", 2, 3, 6), put("a", "2", 4, 5, 7),
                get("a", "1", 6, 7, 9)});
    expect_bad({put("a", "1", 1, 2, 6), remove("a", 3, kNever, 0), get("a", {}, 5, 6, 8),
                put("a", "2", 7, 8, 9), get("a", {}, 9, 10, 11)});
}

TEST(Checkers, AnUnknownWrite_DoesNotHappenBeforeItBegan) {
    expect_bad({get("a", "1", 1, 2, 5), put("a", "1", 3, kNever, 0)});
}

TEST(Checkers, AnUnknownWriteOfTwoKeys_MayBeCoveredInPart) {
    expect_good({put("b", "0", 1, 6, 6),
                 {.begin = 2, .effects = {{"a", "1"}, {"b", "1"}}},
                 get("a", "1", 3, 4, 6),
                 get("b", "0", 7, 8, 6)});
}

TEST(Checkers, AClaimedOrderAgainstTime_IsBadByIndexAlone) {
    const History history = {put("a", "1", 1, 2, 7), put("b", "1", 3, 4, 6)};
    EXPECT_FALSE(check_by_index(history).good);
    EXPECT_TRUE(check_by_search(history).good);
}

TEST(Checkers, TwoWritesInOnePlace_AreBadByIndex) {
    EXPECT_FALSE(check_by_index({put("a", "1", 1, 2, 7), put("b", "1", 1, 2, 7)}).good);
}

// Which of many removes of unknown outcome explains what makes no difference: to try all ways would
// be 24 over 12 of them.
TEST(Checkers, ManyUnknownWritesThatDoTheSame_AreSoonTried) {
    History history;
    uint64_t moment = 1;
    for (uint64_t i = 0; i < 24; ++i) history.push_back(remove("a", moment++, kNever, 0));
    for (uint64_t i = 0; i < 12; ++i) {
        const std::string value = std::to_string(i);
        history.push_back(put("a", value, moment, moment + 1, 0));
        history.push_back(get("a", {}, moment + 2, moment + 3, 0));
        moment += 4;
    }
    EXPECT_TRUE(check_by_search(history, 1000).good);
    history.push_back(get("a", "0", moment, moment + 1, 0));
    const Verdict verdict = check_by_search(history, 1000);
    EXPECT_FALSE(verdict.good);
    EXPECT_FALSE(verdict.exhausted);
}

TEST(Checkers, NoStepsLeft_IsNotGood) {
    const History history = {put("a", "1", 1, 2, 6), get("a", "1", 3, 4, 6)};
    EXPECT_TRUE(check_by_search(history, 1).exhausted);
    EXPECT_FALSE(check_by_search(history, 1).good);
    EXPECT_TRUE(check_by_index(history, 0).exhausted);
    EXPECT_FALSE(check_by_index(history, 0).good);
}

// --- Against brute force ---

// What a server would have done: a history with true answers, told places, some outcomes lost.
History draw_history(Random& random) {
    const size_t count = random.between(3, 7);
    History history;
    std::vector<Effect> rows;  // latest last
    const auto value_of = [&](const std::string& key) -> std::optional<std::string> {
        for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
            if (row->key == key) return row->value;
        }
        return std::nullopt;
    };
    const char* const kKeys[] = {"a", "b", "c"};
    uint64_t index = 5;
    for (size_t i = 0; i < count; ++i) {
        Operation each;
        const uint64_t moment = 100 + 10 * i;
        each.begin = moment - random.below(25);
        each.end = moment + random.below(25);
        const std::string key = kKeys[random.below(3)];
        const uint64_t choice = random.below(100);
        if (choice < 55) {
            each.index = ++index;
            each.effects.push_back({key, "v" + std::to_string(i)});
            if (random.percent(30)) each.effects.front().value.reset();
            const std::string other = kKeys[random.below(3)];
            if (random.percent(35) && other != key)
                each.effects.push_back({other, "w" + std::to_string(i)});
            const bool lost = random.percent(45);
            if (lost) each.end = kNever;
            if (lost && random.percent(80)) each.index = 0;
            if (!lost || random.percent(50)) {
                rows.insert(rows.end(), each.effects.begin(), each.effects.end());
            } else {
                each.index = 0;  // it never happened
            }
        } else if (choice < 85) {
            each.kind = Kind::kGet;
            each.index = index;
            each.key = key;
            each.value = value_of(key);
        } else {
            each = scan({}, each.begin, each.end, index, random.between(1, 3));
            for (const char* one : kKeys) {
                const auto value = value_of(one);
                if (value && each.pairs.size() < each.limit) each.pairs.emplace_back(one, *value);
            }
        }
        history.push_back(std::move(each));
    }
    return history;
}

// Something small goes wrong.
void damage(History& history, Random& random) {
    Operation& each = history[random.below(history.size())];
    const std::string value = (random.one_in(2) ? "v" : "w") + std::to_string(random.below(7));
    switch (random.below(4)) {
        case 0: each.index = each.index == 0 ? 0 : random.between(5, 9); break;
        case 1:
            if (each.kind == Kind::kGet) each.value = value;
            break;
        case 2:
            if (each.kind == Kind::kGet) each.value.reset();
            if (!each.pairs.empty()) each.pairs.pop_back();
            break;
        default:
            if (!each.pairs.empty()) each.pairs.front().second = value;
            each.begin += 10;
            if (each.end != kNever) each.end += 10;
            break;
    }
}

TEST(Checkers, AgreeWithBruteForceOnSmallHistories) {
    Random random(7);
    int good = 0, bad = 0;
    for (int round = 0; round < 20'000; ++round) {
        History history = draw_history(random);
        for (uint64_t times = random.below(3); times > 0; --times) damage(history, random);
        const Verdict by_index = check_by_index(history);
        const Verdict by_search = check_by_search(history);
        const bool in_order = brute_force_by_index(history);
        const bool in_some_order = brute_force_by_search(history);
        std::string text;
        for (const Operation& each : history) text += describe(each) + "\n";
        ASSERT_EQ(by_index.good, in_order) << by_index.why << "\n" << text;
        ASSERT_EQ(by_search.good, in_some_order) << by_search.why << "\n" << text;
        ASSERT_TRUE(in_some_order || !in_order) << text;
        ++(in_order ? good : bad);
    }
    EXPECT_GT(good, 3000);
    EXPECT_GT(bad, 3000);
}

}  // namespace
}  // namespace timber::sim
