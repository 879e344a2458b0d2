// Export and ingest: a range moves from one store to another and replaces what was there.
#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreIngest : public testing::Test {
  protected:
    StoreIngest() {
        source.options.store_id = 77;
        EXPECT_TRUE(source.open());
        EXPECT_TRUE(store.open());
    }

    // The source's keys "m..." to "n", and the rows that say how far the range got.
    IngestRequest request_of_range() {
        auto exported =
            source.export_range({"m", "n"}, nullptr, "export-" + std::to_string(++exports_) + "-");
        TIMBER_ASSERT(exported.ok());
        IngestRequest request{.range = {"m", "n"}, .files = store.bring(source, *exported)};
        request.rows.put(Family::kMeta, "applied", "100");
        request.rows.put(Family::kMeta, "range", "m-n");
        return request;
    }
    void expect_ingested(size_t keys, int version) {
        const Contents contents = store.contents();
        size_t in_range = 0;
        for (const auto& [key, value] : contents) {
            if (key < "m" || key >= "n") continue;
            EXPECT_EQ(value, StoreFixture::many_value(in_range, 100, version));
            ++in_range;
        }
        EXPECT_EQ(in_range, keys);
        EXPECT_EQ(*store.get("applied", nullptr, Family::kMeta).value(), "100");
    }

    StoreFixture source{100};
    StoreFixture store{200};

  private:
    int exports_ = 0;
};

TEST_F(StoreIngest, ReplacesTheRangeAndSetsTheRows) {
    source.put_many("m", 500, 100, 9);
    source.put_many("m", 20, 100, 9, Family::kWrite);
    store.put_many("l", 50, 100, 1);
    store.put_many("m", 50, 100, 1);
    store.put_many("mz", 50, 100, 1);
    store.put_many("n", 50, 100, 1);
    store.put_many("m", 50, 100, 1, Family::kLock);
    store.put("applied", "1", Family::kMeta);
    ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    store.store().check_invariants();
    expect_ingested(500, 9);
    EXPECT_EQ(store.contents().size(), 600u);
    EXPECT_EQ(store.contents(Family::kWrite).size(), 20u);
    EXPECT_EQ(store.contents(Family::kLock), Contents());
    EXPECT_EQ(store.contents(Family::kMeta), (Contents{{"applied", "100"}, {"range", "m-n"}}));
    EXPECT_EQ(store.store().stats().ingests, 1u);
}

// Files that are newer than what is flushed stay in level 0. So many of them that writes were
// stopped, and without writes no memory table got full: nothing ended that.
TEST_F(StoreIngest, ManyWithoutAFlushBetweenThemStopNoWritesForGood) {
    source.put_many("m", 20, 100, 9);
    store.put("other", "value");
    for (size_t i = 0; i < store.options.level0_files_stop; ++i)
        ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    store.run();
    EXPECT_FALSE(store.store().pace(0).stopped);
    EXPECT_EQ(store.store().pace(0).delay, Duration(0));
    expect_ingested(20, 9);
    store.store().check_invariants();
}

// As above, in a life in which nothing is in memory.
TEST_F(StoreIngest, ManyThatALifeFindsStopNoWritesForGood) {
    source.put_many("m", 20, 100, 9);
    store.close();
    ASSERT_TRUE(store.open(false));
    for (size_t i = 0; i < store.options.level0_files_stop; ++i)
        ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    EXPECT_TRUE(store.store().pace(0).stopped);
    store.crash_and_open();
    store.run();
    EXPECT_FALSE(store.store().pace(0).stopped);
    expect_ingested(20, 9);
    store.store().check_invariants();
}

TEST_F(StoreIngest, IsDurableWithoutAFlush) {
    source.put_many("m", 100, 100, 9);
    store.put_many("m", 50, 100, 1);
    ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    store.crash_and_open();
    expect_ingested(100, 9);
}

TEST_F(StoreIngest, HidesWhatWaitsInMemoryAlsoOnceThatIsFlushed) {
    source.put_many("m", 100, 100, 9);
    store.put_many("m", 150, 100, 1);
    store.put("applied", "1", Family::kMeta);
    const IngestRequest request = request_of_range();
    // Old rows and keys in a sealed table as well as in the active one.
    const AnswerRef flushed = store.begin_flush();
    store.put_many("m", 150, 100, 2);
    ASSERT_TRUE(store.wait(store.begin_ingest(request))->ok());
    expect_ingested(100, 9);
    ASSERT_TRUE(store.wait(flushed)->ok());
    expect_ingested(100, 9);
    store.flush();
    expect_ingested(100, 9);
    store.settle();
    expect_ingested(100, 9);
    store.compact();
    expect_ingested(100, 9);
    store.crash_and_open();
    expect_ingested(100, 9);
}

// An older table is flushed after the ingest's own small files were compacted away, and the copy in
// memory is lost.
TEST_F(StoreIngest, StaysOnTopOfOlderTablesWhateverDiesWhen) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        StoreFixture from(seed);
        StoreFixture to(seed + 1000);
        ASSERT_TRUE(from.open());
        ASSERT_TRUE(to.open());
        from.put_many("m", 60, 100, 9);
        auto exported = from.export_range({"m", "n"}).value();
        to.put_many("m", 90, 100, 1);
        to.flush();
        to.put_many("m", 90, 100, 2);
        IngestRequest request{.range = {"m", "n"}, .files = to.bring(from, exported)};
        request.rows.put(Family::kMeta, "applied", "100");
        const AnswerRef flushed = to.begin_flush();
        to.put_many("m", 90, 100, 3);
        const AnswerRef ingested = to.begin_ingest(std::move(request));
        ASSERT_TRUE(to.wait(ingested)->ok());
        const AnswerRef later = seed % 2 == 0 ? to.begin_flush() : flushed;
        for (uint64_t step = 0; step < seed * 20; ++step) to.world().step();
        to.crash_and_open(seed % 3 == 0 ? Death::kProcessDeath : Death::kPowerCut, seed);
        const Contents contents = to.contents();
        ASSERT_EQ(contents.size(), 60u) << seed;
        EXPECT_EQ(contents.at("m0059"), StoreFixture::many_value(59, 100, 9));
        EXPECT_TRUE(to.get("applied", nullptr, Family::kMeta).value());
    }
}

TEST_F(StoreIngest, WritesAndSnapshotsOfTheMeantimeAreExact) {
    source.put_many("m", 100, 100, 9);
    store.put("a", "1");
    store.put("m-old", "1");
    const SnapshotRef before = store.store().snapshot();
    const AnswerRef ingested = store.begin_ingest(request_of_range());
    std::vector<std::pair<SnapshotRef, std::string>> meanwhile;
    int number = 0;
    while (!ingested->done) {
        const std::string text = std::to_string(++number);
        store.put("a", text);
        const SnapshotRef snapshot = store.store().snapshot();
        if (number % 10 == 0) meanwhile.emplace_back(snapshot, text);
        ASSERT_TRUE(store.world().step());
    }
    ASSERT_TRUE(ingested->ok());
    EXPECT_EQ(store.contents(Family::kDefault, before.get()),
              (Contents{{"a", "1"}, {"m-old", "1"}}));
    for (const auto& [snapshot, text] : meanwhile) {
        EXPECT_EQ(store.contents(Family::kDefault, snapshot.get()),
                  (Contents{{"a", text}, {"m-old", "1"}}));
        EXPECT_EQ(store.get("applied", snapshot.get(), Family::kMeta).value(), std::nullopt);
    }
    EXPECT_EQ(store.contents().size(), 101u);
    // What comes after it is newer than it.
    store.put("m0001", "newer");
    EXPECT_EQ(*store.get("m0001").value(), "newer");
    store.flush();
    store.compact();
    EXPECT_EQ(*store.get("m0001").value(), "newer");
    EXPECT_EQ(store.contents(Family::kDefault, before.get()),
              (Contents{{"a", "1"}, {"m-old", "1"}}));
}

TEST_F(StoreIngest, WithoutFilesARangeIsEmptied) {
    store.put_many("m", 50);
    store.put("z", "1");
    IngestRequest request{.range = {"m", ""}};
    ASSERT_TRUE(store.wait(store.begin_ingest(std::move(request)))->ok());
    EXPECT_EQ(store.contents(), Contents());
    store.crash_and_open();
    EXPECT_EQ(store.contents(), Contents());
}

TEST_F(StoreIngest, OfTwoRowsOfOneKeyTheLastCounts) {
    IngestRequest request{.range = {"m", "n"}};
    request.rows.put(Family::kMeta, "row", "1");
    request.rows.remove(Family::kMeta, "row");
    request.rows.put(Family::kMeta, "gone", "1");
    request.rows.put(Family::kMeta, "row", "2");
    request.rows.remove(Family::kMeta, "gone");
    ASSERT_TRUE(store.wait(store.begin_ingest(std::move(request)))->ok());
    EXPECT_EQ(store.contents(Family::kMeta), (Contents{{"row", "2"}}));
    store.crash_and_open();
    EXPECT_EQ(store.contents(Family::kMeta), (Contents{{"row", "2"}}));
}

TEST_F(StoreIngest, DoneBeforeIsToldApart) {
    source.put_many("m", 10, 100, 9);
    IngestRequest request = request_of_range();
    ASSERT_TRUE(store.wait(store.begin_ingest(request))->ok());
    store.crash_and_open();
    EXPECT_TRUE(fails(store.wait(store.begin_ingest(request)), ErrorCode::kAlreadyExists));
    expect_ingested(10, 9);
}

TEST_F(StoreIngest, FilesThatAreNotWhatTheyShouldBeAreRefusedAndStayReserved) {
    source.put_many("m", 100, 100, 9);
    store.put("m", "old");
    const IngestRequest good = request_of_range();
    const auto refused = [&](IngestRequest request, ErrorCode code, std::string_view says = "") {
        EXPECT_TRUE(fails(store.wait(store.begin_ingest(std::move(request))), code, "", says));
        EXPECT_EQ(*store.get("m").value(), "old");
    };
    IngestRequest request = good;
    request.files[0].file_checksum ^= 1;
    refused(request, ErrorCode::kCorrupted, "checksum");
    request = good;
    request.files[0].file_bytes += 1;
    refused(request, ErrorCode::kCorrupted, "bytes");
    request = good;
    request.files[0].id.draw ^= 1;
    refused(request, ErrorCode::kForeign);
    request = good;
    request.files[0].family = Family::kLock;
    refused(request, ErrorCode::kForeign);
    request = good;
    request.files[0].family = Family::kMeta;
    refused(request, ErrorCode::kInvalidArgument);
    request = good;
    request.range.end = "m0050";
    refused(request, ErrorCode::kInvalidArgument, "outside");
    request = good;
    request.range.begin = "m0001";
    refused(request, ErrorCode::kInvalidArgument, "outside");
    request = good;
    request.range = {"n", "m"};
    refused(request, ErrorCode::kInvalidArgument, "empty");
    request = good;
    request.files.push_back(request.files[0]);
    refused(request, ErrorCode::kInvalidArgument, "twice");
    request = good;
    request.rows.remove_range(Family::kMeta, "a", "b");
    refused(request, ErrorCode::kInvalidArgument, "range");
    request = good;
    request.rows.put(Family::kMeta, std::string(kKeyBytesMax + 1, 'k'), "");
    refused(request, ErrorCode::kTooLarge);
    request = good;
    request.files[0].number = FileNumber(999999);
    refused(request, ErrorCode::kMissing, "not there");
    // After all of that, as it was.
    ASSERT_TRUE(store.wait(store.begin_ingest(good))->ok());
    expect_ingested(100, 9);
}

TEST_F(StoreIngest, FilesThatOverlapEachOtherAreRefused) {
    source.put_many("m", 10, 100, 9);
    IngestRequest request = request_of_range();
    const auto again = source.export_range({"m0005", "m0006"}, nullptr, "again-").value();
    for (const IngestFile& file : store.bring(source, again)) request.files.push_back(file);
    EXPECT_TRUE(fails(store.wait(store.begin_ingest(std::move(request))),
                      ErrorCode::kInvalidArgument, "", "overlaps"));
}

TEST_F(StoreIngest, ADamagedFileIsReported) {
    source.put_many("m", 100, 100, 9);
    const IngestRequest request = request_of_range();
    const std::string name = store.table_files().at(0);
    store.disk().mutable_image().flip_bit("store/" + name, 8 * 100);
    EXPECT_TRUE(fails(store.wait(store.begin_ingest(request)), ErrorCode::kCorrupted, name));
}

TEST_F(StoreIngest, AnExportShowsItsSnapshotInFilesThatDoNotOverlap) {
    source.put_many("m", 400, 100, 9);
    source.put_many("m", 10, 100, 9, Family::kLock);
    source.put("z", "outside");
    const SnapshotRef snapshot = source.store().snapshot();
    source.put_many("m", 400, 100, 10);
    source.flush();
    const auto files = source.export_range({"m", "n"}, snapshot).value();
    EXPECT_GT(files.size(), 2u);
    uint64_t entries = 0;
    for (const ExportedFile& file : files) {
        entries += file.entries;
        EXPECT_EQ(file.id.store, 77u);
        EXPECT_EQ(source.disk().image().size(file.path), file.file_bytes);
    }
    EXPECT_EQ(entries, 410u);
    IngestRequest request{.range = {"m", "n"}, .files = store.bring(source, files)};
    request.rows.put(Family::kMeta, "applied", "100");
    ASSERT_TRUE(store.wait(store.begin_ingest(std::move(request)))->ok());
    expect_ingested(400, 9);
    EXPECT_EQ(store.contents(Family::kLock).size(), 10u);
}

TEST_F(StoreIngest, AnExportOfNothingIsNoFile) {
    EXPECT_EQ(source.export_range({"m", "n"}).value().size(), 0u);
}

TEST_F(StoreIngest, AFailedExportLeavesNoFile) {
    source.put_many("m", 400);
    source.disk().fail_nth(2, DiskOperation::kSync, "export-");
    const auto failed = source.export_range({"m", "n"});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kIoError);
    for (const std::string& path : source.disk().image().paths())
        EXPECT_FALSE(path.contains("export-")) << path;
    EXPECT_TRUE(source.export_range({"m", "n"}));
}

TEST_F(StoreIngest, IngestedDataLiesAsDeepAsItCan) {
    source.put_many("m", 100, 100, 9);
    const auto files_in = [&](size_t level) {
        return store.store().stats().levels[index_of(Family::kDefault)][level].files;
    };
    store.put_many("a", 10);
    store.compact();
    ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    EXPECT_EQ(files_in(kLevels - 1), 2u);
    // What hides the old content goes first, and what is there lies below what replaces it.
    store.flush();
    store.compact();
    ASSERT_TRUE(store.wait(store.begin_ingest(request_of_range()))->ok());
    EXPECT_EQ(files_in(kLevels - 1), 2u);
    EXPECT_EQ(files_in(kLevels - 2), 1u);
    expect_ingested(100, 9);
}

}  // namespace
}  // namespace timber::memtable
