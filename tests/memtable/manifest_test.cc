// The manifest as its owner sees it: append, reopen, full disk, failures.
#include <gtest/gtest.h>

#include "tests/memtable/store_directory.h"

namespace timber::memtable {
namespace {

FileMeta numbered(uint64_t number) {
    std::string key = std::to_string(100000 + number);
    return file_meta(number, key + "a", key + "z");
}

TEST(Manifest, NewStore_IsEmpty_AndStaysSo) {
    StoreDirectory store;
    ASSERT_TRUE(store.open().ok());
    EXPECT_TRUE(store.opened.created);
    EXPECT_EQ(store.opened.store_id, 7u);
    EXPECT_EQ(store.opened.version->file_count(), 0u);
    store.run();
    store.close();
    ASSERT_TRUE(store.open().ok());
    EXPECT_FALSE(store.opened.created);
    EXPECT_EQ(store.opened.version->file_count(), 0u);
}

TEST(Manifest, Edits_SurviveReopening_InOrder) {
    StoreDirectory store;
    ASSERT_TRUE(store.open().ok());
    for (uint64_t number = 1; number <= 60; ++number)
        ASSERT_FALSE(store.append_and_wait(adding(numbered(number))).error);
    ASSERT_FALSE(store.append_and_wait(removing(numbered(5))).error);
    const VersionEdit state = store.state();
    EXPECT_EQ(state.added.size(), 59u);
    EXPECT_GT(store.manifest().counters().rewritten, 1u);
    store.crash(Death::kPowerCut, 3);
    ASSERT_TRUE(store.open().ok());
    EXPECT_EQ(store.state(), state);
    EXPECT_EQ(store.opened.version->snapshot_edit(), state);
}

}  // namespace
}  // namespace timber::memtable
