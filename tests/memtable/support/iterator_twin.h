#pragma once
// A store iterator beside the rows that it must show, and walks of the two.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memtable/store_iterator_impl.h"
#include "src/base/random.h"
#include "tests/memtable/support/history.h"

namespace timber::memtable {

// An iterator beside the rows that it must show.
class IteratorTwin {
  public:
    IteratorTwin(std::unique_ptr<StoreIteratorImpl> iterator,
                 std::vector<std::pair<std::string, std::string>> rows)
        : iterator_(std::move(iterator)), rows_(std::move(rows)) {}

    size_t rows() const { return rows_.size(); }
    bool valid() const { return at_ < rows_.size(); }
    StoreIteratorImpl& iterator() { return *iterator_; }

    void seek_to_first() {
        iterator_->seek_to_first();
        expect_at(0);
    }
    void seek_to_last() {
        iterator_->seek_to_last();
        expect_at(rows_.size() - 1);
    }
    void seek(const std::string& key) {
        iterator_->seek(key);
        size_t at = 0;
        while (at < rows_.size() && rows_[at].first < key) ++at;
        expect_at(at);
    }
    void seek_for_prev(const std::string& key) {
        iterator_->seek_for_prev(key);
        size_t at = rows_.size();
        while (at > 0 && rows_[at - 1].first > key) --at;
        expect_at(at - 1);
    }
    void next() {
        iterator_->next();
        expect_at(at_ + 1);
    }
    void prev() {
        iterator_->prev();
        expect_at(at_ - 1);
    }

  private:
    void expect_at(size_t at) {
        at_ = at;
        ASSERT_TRUE(iterator_->status().ok());
        ASSERT_EQ(iterator_->valid(), valid());
        iterator_->check_invariants();
        if (!valid()) return;
        ASSERT_EQ(iterator_->key(), rows_[at].first);
        ASSERT_EQ(iterator_->value(), rows_[at].second);
    }

    std::unique_ptr<StoreIteratorImpl> iterator_;
    std::vector<std::pair<std::string, std::string>> rows_;
    size_t at_ = SIZE_MAX;
};

inline void walk_everywhere(IteratorTwin& twin, const std::vector<std::string>& keys) {
    for (size_t on = 0; on <= twin.rows(); ++on) {
        twin.seek_to_first();
        for (size_t i = 0; i < on && twin.valid(); ++i) twin.next();
        if (twin.valid()) twin.prev();
        if (twin.valid()) twin.next();
        if (twin.valid()) twin.next();
        twin.seek_to_last();
        for (size_t i = 0; i < on && twin.valid(); ++i) twin.prev();
        if (twin.valid()) twin.next();
        if (twin.valid()) twin.prev();
        if (twin.valid()) twin.prev();
        if (testing::Test::HasFatalFailure()) return;
    }
    for (const std::string& key : keys) {
        twin.seek(key);
        if (twin.valid()) twin.prev();
        twin.seek_for_prev(key);
        if (twin.valid()) twin.next();
        twin.seek(key + '\0');
        if (twin.valid()) twin.next();
        twin.seek_for_prev(key + '\0');
        if (twin.valid()) twin.prev();
        if (testing::Test::HasFatalFailure()) return;
    }
}

inline void walk_by_chance(IteratorTwin& twin, const std::vector<std::string>& keys, Random& random,
                           size_t steps) {
    const auto key = [&] { return keys[random.below(keys.size())]; };
    while (steps-- > 0 && !testing::Test::HasFatalFailure()) {
        switch (random.below(twin.valid() ? 12 : 4)) {
            case 0: twin.seek_to_first(); break;
            case 1: twin.seek_to_last(); break;
            case 2: twin.seek(key()); break;
            case 3: twin.seek_for_prev(key()); break;
            default: {
                const bool on = random.one_in(2);
                for (size_t i = 1 + random.below(6); i > 0 && twin.valid(); --i)
                    on ? twin.next() : twin.prev();
            }
        }
    }
}

}  // namespace timber::memtable
