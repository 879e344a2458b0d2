#include "memtable/skip_list.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "src/base/random.h"
#include "tests/memtable/support/awkward_keys.h"
#include "tests/memtable/support/internal_keys.h"

namespace timber::memtable {
namespace {

using Keys = std::map<std::string, std::string, InternalOrder>;  // by internal key

SearchKey search_key(std::string_view internal) {
    return {user_key_of(internal), trailer_of(internal)};
}

// A list and the map that says what it must hold.
class Twins {
  public:
    explicit Twins(uint64_t seed) : list_(arena_, seed) {}

    void insert(std::string_view user_key, EntryKind kind = EntryKind::kPut) {
        const std::string key = internal_key(user_key, ++sequence_, kind);
        const std::string value = kind == EntryKind::kPut ? "v" + std::to_string(sequence_) : "";
        list_.insert(user_key, trailer_of(key), value);
        model_[key] = value;
    }

    void compare_all() const {
        list_.check_invariants();
        ASSERT_EQ(list_.entries(), model_.size());
        SkipCursor cursor(list_);
        cursor.seek_to_first();
        for (auto at = model_.begin(); at != model_.end(); ++at, cursor.next()) expect(cursor, at);
        ASSERT_EQ(cursor.node(), nullptr);
        cursor.seek_to_last();
        for (auto at = model_.end(); at != model_.begin(); cursor.prev()) expect(cursor, --at);
        ASSERT_EQ(cursor.node(), nullptr);
    }

    // Seeks to and around `target` and takes some steps from there, mostly on.
    void compare_walk(const std::string& target, Random& random) const {
        SkipCursor cursor(list_);
        auto at = model_.lower_bound(target);
        if (random.one_in(2)) {
            cursor.seek(search_key(target));
        } else {
            cursor.seek_for_prev(search_key(target));
            if (at == model_.end() || at->first != target)
                at = at == model_.begin() ? model_.end() : std::prev(at);
        }
        const bool forward = random.one_in(2);
        for (uint64_t steps = random.below(40);; --steps) {
            expect(cursor, at);
            if (at == model_.end() || steps == 0 || testing::Test::HasFatalFailure()) return;
            if (forward != random.one_in(5)) {
                ++at;
                cursor.next();
            } else {
                at = at == model_.begin() ? model_.end() : std::prev(at);
                cursor.prev();
            }
        }
    }

    uint64_t sequence() const { return sequence_; }
    const SkipList& list() const { return list_; }

  private:
    void expect(const SkipCursor& cursor, Keys::const_iterator at) const {
        if (at == model_.end()) {
            ASSERT_EQ(cursor.node(), nullptr);
            return;
        }
        ASSERT_NE(cursor.node(), nullptr);
        ASSERT_EQ(cursor.node()->key(), at->first);
        ASSERT_EQ(cursor.node()->value(), at->second);
    }

    Arena arena_;
    SkipList list_;
    Keys model_;
    uint64_t sequence_ = 0;
};

TEST(SkipList, AnEmptyOneHasNoEntry) {
    Twins twins(1);
    twins.compare_all();
    EXPECT_EQ(twins.list().first(), nullptr);
    EXPECT_EQ(twins.list().last(), nullptr);
    const std::string target = internal_key("a", 1);
    EXPECT_EQ(twins.list().lower_bound(search_key(target)), nullptr);
}

TEST(SkipList, AgreesWithAMapOnAwkwardKeys) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Twins twins(seed);
        const uint64_t inserts = random.between(1, 600);
        for (uint64_t i = 0; i < inserts; ++i) {
            twins.insert(awkward_key(random),
                         random.one_in(4) ? EntryKind::kRemove : EntryKind::kPut);
            const std::string target =
                internal_key(awkward_key(random), random.between(1, twins.sequence() + 1));
            twins.compare_walk(target, random);
            ASSERT_FALSE(HasFatalFailure());
        }
        twins.compare_all();
        ASSERT_FALSE(HasFatalFailure());
    }
}

// Runs of keys in order, which need no search, broken off and taken up elsewhere.
TEST(SkipList, AgreesWithAMapOnRunsInOrder) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Twins twins(seed);
        for (uint64_t run = 0; run < 20; ++run) {
            const uint64_t step = random.between(1, 40);
            uint64_t key = random.below(20'000);
            for (uint64_t i = random.below(60); i > 0; --i, key += step) {
                std::string text = std::to_string(key);
                twins.insert(std::string(16 - text.size(), '0') + text);
            }
        }
        twins.compare_all();
        ASSERT_FALSE(HasFatalFailure());
    }
}

TEST(SkipList, AgreesWithAMapOnManyRandomKeys) {
    Random random(7);
    Twins twins(7);
    for (int i = 0; i < 60'000; ++i) {
        std::string key(16, 'k');
        for (size_t at = 8; at < key.size(); ++at) key[at] = static_cast<char>(random.below(256));
        twins.insert(key);
    }
    twins.compare_all();
    for (int i = 0; i < 5'000; ++i)
        twins.compare_walk(internal_key(awkward_key(random), 1), random);
}

TEST(SkipList, KeysOfTheGreatestLengthAndOverItAreFound) {
    Twins twins(3);
    const std::string longest(kKeyBytesMax, '\0');
    twins.insert(longest);
    twins.insert("\xff");
    const std::string over = internal_key(longest + std::string(kKeyBytesMax, '\0') + "a", 9);
    Random random(3);
    for (int i = 0; i < 10; ++i) {
        twins.compare_walk(over, random);
        twins.compare_walk(internal_key(longest, 9), random);
        twins.compare_walk(internal_key("", 9), random);
    }
    twins.compare_all();
}

TEST(SkipList, AVersionThatIsThereAlreadyIsNotInserted) {
    Arena arena;
    SkipList list(arena, 1);
    const auto trailer = [](uint64_t sequence, EntryKind kind) {
        return pack_trailer(Sequence(sequence), kind);
    };
    for (uint64_t sequence : {5, 9, 7}) list.insert("key", trailer(sequence, EntryKind::kPut), "");
    for (uint64_t sequence : {5, 7, 9}) {
        EXPECT_DEATH(list.insert("key", trailer(sequence, EntryKind::kPut), ""), "same_version");
        EXPECT_DEATH(list.insert("key", trailer(sequence, EntryKind::kRemove), ""), "same_version");
    }
    list.insert("key", trailer(6, EntryKind::kRemove), "");
    list.insert(std::string("key\0", 4), trailer(5, EntryKind::kRemove), "");
    list.check_invariants();
}

}  // namespace
}  // namespace timber::memtable
