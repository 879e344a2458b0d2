// Opening, and files that no version holds: reserved places, kept ones, orphans.
#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreFiles : public testing::Test {
  protected:
    void make_file(const std::string& path) {
        store.world().run_job([&] {
            const FileHandle file = store.disk().open(path, {.create = true}).value();
            const std::string text(5000, 'x');
            ASSERT_TRUE(await_write(store.disk(), file, path, 0, as_bytes(text)));
            ASSERT_TRUE(await_sync(store.disk(), file, path));
            store.disk().close(file);
            ASSERT_TRUE(store.disk().sync_directory("store"));
        });
    }
    StoreFixture store;
};

TEST_F(StoreFiles, WhatIsNotThereIsMadeOnlyIfAskedFor) {
    store.options.create = false;
    EXPECT_TRUE(fails(store.open(), ErrorCode::kMissing));
    store.options.create = true;
    ASSERT_TRUE(store.open());
    EXPECT_TRUE(store.store().report().created);
    store.reopen();
    EXPECT_FALSE(store.store().report().created);
    store.close();
    store.options.create = false;
    EXPECT_TRUE(store.open());
}

TEST_F(StoreFiles, OptionsOutOfRangeAreRefused) {
    store.options.memory_tables_sealed_max = 0;
    EXPECT_TRUE(fails(store.open(), ErrorCode::kInvalidArgument, "", "memory_tables_sealed_max"));
    store.options.memory_tables_sealed_max = 2;
    store.options.families[1].block_bytes = 100;
    EXPECT_TRUE(fails(store.open(), ErrorCode::kInvalidArgument, "", "block_bytes"));
}

TEST_F(StoreFiles, ASecondOpenerIsLockedOut) {
    ASSERT_TRUE(store.open());
    Status second;
    store.world().run_job([&] {
        const auto opened = Store::open({store.disk(), store.world().executor(), store.loop()},
                                        store.options, store);
        if (!opened) second = opened.error();
    });
    EXPECT_TRUE(fails(second, ErrorCode::kLocked));
}

TEST_F(StoreFiles, AMissingLiveFileIsReported) {
    ASSERT_TRUE(store.open());
    store.put_many("k", 100);
    store.flush();
    store.run();
    const std::string name = store.table_files().at(0);
    store.close();
    DiskImage image = store.settled_image();
    image.remove_file("store/" + name);
    store.restart_on(image);
    EXPECT_TRUE(fails(store.open(), ErrorCode::kMissing, name));
}

TEST_F(StoreFiles, ASwappedFileIsReported) {
    ASSERT_TRUE(store.open());
    WriteBatch batch;
    batch.put(Family::kDefault, "k", "default");
    batch.put(Family::kLock, "k", "lock");
    ASSERT_TRUE(store.write(batch));
    store.flush();
    store.run();
    const auto names = store.table_files();
    ASSERT_EQ(names.size(), 2u);
    store.close();
    DiskImage image = store.settled_image();
    const auto first = image.bytes("store/" + names[0]);
    const auto second = image.bytes("store/" + names[1]);
    image.put_file("store/" + names[0], second);
    image.put_file("store/" + names[1], first);
    store.restart_on(image);
    EXPECT_TRUE(fails(store.open(), ErrorCode::kForeign, ".sst"));
}

TEST_F(StoreFiles, ReservedNumbersAreNeverGivenTwice) {
    ASSERT_TRUE(store.open());
    const Store::ReservedFile first = store.store().reserve_file();
    const Store::ReservedFile second = store.store().reserve_file();
    EXPECT_LT(first.number, second.number);
    EXPECT_NE(first.path, second.path);
    make_file(second.path);
    store.reopen();
    EXPECT_GT(store.store().reserve_file().number, second.number);
    // A file that was promised and is not there keeps its number all the same.
    store.reopen();
    const FileNumber far(5000);
    store.store().keep_file(far);
    EXPECT_GT(store.store().reserve_file().number, far);
}

TEST_F(StoreFiles, ReservedFilesStayUntilDiscarded) {
    ASSERT_TRUE(store.open());
    const Store::ReservedFile place = store.store().reserve_file();
    make_file(place.path);
    store.put_many("k", 500);
    store.compact();
    store.run();
    EXPECT_TRUE(store.disk().image().exists(place.path));
    store.store().discard_file(place.number);
    store.run();
    EXPECT_FALSE(store.disk().image().exists(place.path));
    // Nothing there: nothing to do.
    store.store().discard_file(store.store().reserve_file().number);
    store.run();
}

TEST_F(StoreFiles, OrphansStayUntilRecoveryIsFinishedAndNamedOnesLonger) {
    ASSERT_TRUE(store.open());
    const Store::ReservedFile named = store.store().reserve_file();
    const Store::ReservedFile orphan = store.store().reserve_file();
    make_file(named.path);
    make_file(orphan.path);
    store.crash(Death::kPowerCut, 1);
    ASSERT_TRUE(store.open(false));
    EXPECT_EQ(store.store().report().orphans, 2u);
    store.put_many("k", 500);
    store.flush();
    store.compact();
    store.run();
    EXPECT_TRUE(store.disk().image().exists(named.path));
    EXPECT_TRUE(store.disk().image().exists(orphan.path));
    store.store().keep_file(named.number);
    store.store().finish_recovery();
    store.run();
    EXPECT_TRUE(store.disk().image().exists(named.path));
    EXPECT_FALSE(store.disk().image().exists(orphan.path));
    // The next life has to name it again.
    store.reopen();
    store.run();
    EXPECT_FALSE(store.disk().image().exists(named.path));
}

TEST_F(StoreFiles, NoFileThatTheOpeningFoundIsRemovedBeforeRecoveryIsFinished) {
    ASSERT_TRUE(store.open());
    store.put_many("k", 300, 100, 1);
    store.flush();
    store.settle();
    store.close();
    store.restart_on(store.settled_image());
    ASSERT_TRUE(store.open(false));
    const auto found = store.table_files();
    ASSERT_FALSE(found.empty());
    store.put_many("k", 300, 100, 2);
    store.compact();
    store.settle();
    store.run();
    for (const std::string& name : found)
        EXPECT_TRUE(store.disk().image().exists("store/" + name)) << name;
    store.store().finish_recovery();
    store.run();
    size_t left = 0;
    for (const std::string& name : found) left += store.disk().image().exists("store/" + name);
    EXPECT_LT(left, found.size());
    EXPECT_EQ(store.contents().size(), 300u);
}

TEST_F(StoreFiles, AnIngestedFileIsNoLongerReserved) {
    StoreFixture source(50);
    ASSERT_TRUE(source.open());
    ASSERT_TRUE(store.open());
    source.put_many("m", 50);
    const auto files = source.export_range({"m", "n"}).value();
    IngestRequest request{.range = {"m", "n"}, .files = store.bring(source, files)};
    const FileNumber number = request.files.at(0).number;
    ASSERT_TRUE(store.wait(store.begin_ingest(std::move(request)))->ok());
    // The owner's log may speak of it again; it is part of the store now.
    store.store().discard_file(number);
    store.run();
    EXPECT_EQ(store.contents().size(), 50u);
    store.reopen();
    EXPECT_EQ(store.contents().size(), 50u);
}

}  // namespace
}  // namespace timber::memtable
