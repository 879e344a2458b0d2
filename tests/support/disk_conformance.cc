#include "tests/support/disk_conformance.h"

#include <algorithm>
#include <utility>

#include "src/base/random.h"
#include "tests/support/aligned_bytes.h"

namespace timber {

std::string disk_under_test_name(const testing::TestParamInfo<DiskUnderTest>& info) {
    return info.param.name;
}

void DiskConformance::SetUp() { harness_ = GetParam().make(); }

void DiskConformance::run_job(DiskHarness::Job job) {
    std::vector<DiskHarness::Job> jobs;
    jobs.push_back(std::move(job));
    harness_->run_jobs(std::move(jobs));
}

FileHandle DiskConformance::open_file(std::string_view name, OpenOptions options) {
    Result<FileHandle> opened = disk().open(path(name), options);
    EXPECT_TRUE(opened.ok()) << (opened ? "" : opened.error().to_string());
    return *opened;
}

void DiskConformance::make_file(std::string_view name, ByteView content) {
    const FileHandle file = open_file(name);
    EXPECT_TRUE(await_write(disk(), file, name, 0, content).ok());
    disk().close(file);
}

std::string DiskConformance::content_of(std::string_view name) {
    const FileHandle file = open_file(name, {.read_only = true});
    std::string content(*disk().size(file), '?');
    const MutableBytes into(reinterpret_cast<std::byte*>(content.data()), content.size());
    EXPECT_EQ(*await_read(disk(), file, name, 0, into), content.size());
    disk().close(file);
    return content;
}

std::unique_ptr<IoOp> DiskConformance::make_loop_op() {
    return std::make_unique<IoOp>(
        harness_->loop(),
        [](void* context, IoOp&) { ++static_cast<DiskConformance*>(context)->completed_; }, this);
}

void DiskConformance::run_on_loop(std::vector<std::unique_ptr<IoOp>>& ops) {
    size_t target = 0;
    harness_->on_loop([&] {
        target = completed_ + ops.size();
        for (const auto& op : ops) disk().submit(*op);
    });
    harness_->run_loop_until([&] { return completed_ == target; });
    for (const auto& op : ops) EXPECT_FALSE(op->in_flight());
}

namespace {

ErrorCode code_of(const auto& result) {
    EXPECT_FALSE(result.ok());
    return result.ok() ? ErrorCode::kInvalidArgument : result.error().code;
}

// --- Names ---

TEST_P(DiskConformance, OpenMakesAFileOnlyIfAsked) {
    run_job([&] {
        EXPECT_EQ(code_of(disk().open(path("a"), {})), ErrorCode::kNotFound);
        EXPECT_EQ(code_of(disk().open(path("a"), {.read_only = true})), ErrorCode::kNotFound);
        make_file("a", as_bytes("kept"));
        disk().close(open_file("a", {}));
        disk().close(open_file("a", {.create = true}));
        EXPECT_EQ(content_of("a"), "kept");
    });
}

TEST_P(DiskConformance, ExclusiveOpenRefusesAnExistingFile) {
    run_job([&] {
        const OpenOptions exclusive = {.create = true, .exclusive = true};
        disk().close(open_file("a", exclusive));
        EXPECT_EQ(code_of(disk().open(path("a"), exclusive)), ErrorCode::kAlreadyExists);
    });
}

TEST_P(DiskConformance, OpenInAMissingDirectoryIsNotFound) {
    run_job([&] {
        const Result<FileHandle> opened = disk().open(path("no/a"), {.create = true});
        EXPECT_EQ(code_of(opened), ErrorCode::kNotFound);
        EXPECT_EQ(opened.error().file, path("no/a"));
    });
}

TEST_P(DiskConformance, ADirectoryIsNoFile) {
    run_job([&] {
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        EXPECT_EQ(code_of(disk().open(path("d"), {})), ErrorCode::kIoError);
    });
}

TEST_P(DiskConformance, PermissionDeniedIsToldApart) {
    run_job([&] {
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        make_file("d/a", as_bytes("secret"));
    });
    if (!harness().deny(path("d"))) GTEST_SKIP() << "permissions do not count for this user";
    run_job(
        [&] { EXPECT_EQ(code_of(disk().open(path("d/a"), {})), ErrorCode::kPermissionDenied); });
}

TEST_P(DiskConformance, RenameReplaces) {
    run_job([&] {
        make_file("a", as_bytes("new"));
        make_file("b", as_bytes("old"));
        ASSERT_TRUE(disk().rename(path("a"), path("b")).ok());
        EXPECT_EQ(content_of("b"), "new");
        EXPECT_EQ(*disk().list(harness().directory()), std::vector<std::string>{"b"});
        EXPECT_EQ(code_of(disk().rename(path("a"), path("b"))), ErrorCode::kNotFound);
        EXPECT_EQ(content_of("b"), "new");
    });
}

TEST_P(DiskConformance, RenameMovesBetweenDirectories) {
    run_job([&] {
        make_file("a", as_bytes("moved"));
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        ASSERT_TRUE(disk().rename(path("a"), path("d/b")).ok());
        EXPECT_EQ(content_of("d/b"), "moved");
        EXPECT_EQ(code_of(disk().rename(path("d/b"), path("no/b"))), ErrorCode::kNotFound);
        ASSERT_TRUE(disk().sync_directory(path("d")).ok());
    });
}

TEST_P(DiskConformance, AnOpenFileOutlivesItsName) {
    run_job([&] {
        make_file("a", as_bytes("still here"));
        const FileHandle file = open_file("a", {});
        ASSERT_TRUE(disk().remove(path("a")).ok());
        EXPECT_EQ(code_of(disk().open(path("a"), {})), ErrorCode::kNotFound);
        std::vector<std::byte> read(5);
        EXPECT_EQ(*await_read(disk(), file, "a", 0, read), 5u);
        EXPECT_EQ(as_text(read), "still");
        ASSERT_TRUE(await_write(disk(), file, "a", 0, as_bytes("STILL")).ok());
        ASSERT_TRUE(await_sync(disk(), file, "a").ok());
        disk().close(file);
    });
}

TEST_P(DiskConformance, RemoveTakesFilesAndEmptyDirectories) {
    run_job([&] {
        EXPECT_EQ(code_of(disk().remove(path("a"))), ErrorCode::kNotFound);
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        make_file("d/a", as_bytes("x"));
        EXPECT_EQ(code_of(disk().remove(path("d"))), ErrorCode::kIoError);
        ASSERT_TRUE(disk().remove(path("d/a")).ok());
        ASSERT_TRUE(disk().remove(path("d")).ok());
        EXPECT_TRUE(disk().list(harness().directory())->empty());
    });
}

TEST_P(DiskConformance, ListIsSorted) {
    run_job([&] {
        EXPECT_TRUE(disk().list(harness().directory())->empty());
        for (const char* name : {"b", "a10", "a", "C", "a2"}) make_file(name, {});
        ASSERT_TRUE(disk().make_directory(path("aa")).ok());
        const std::vector<std::string> sorted = {"C", "a", "a10", "a2", "aa", "b"};
        EXPECT_EQ(*disk().list(harness().directory()), sorted);
        EXPECT_EQ(code_of(disk().list(path("no"))), ErrorCode::kNotFound);
        EXPECT_EQ(code_of(disk().list(path("b"))), ErrorCode::kIoError);
    });
}

TEST_P(DiskConformance, MakeDirectoryAcceptsAnExistingOne) {
    run_job([&] {
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        make_file("d/a", as_bytes("kept"));
        ASSERT_TRUE(disk().make_directory(path("d")).ok());
        EXPECT_EQ(content_of("d/a"), "kept");
        EXPECT_EQ(code_of(disk().make_directory(path("no/d"))), ErrorCode::kNotFound);
        EXPECT_EQ(code_of(disk().make_directory(path("d/a"))), ErrorCode::kAlreadyExists);
    });
}

TEST_P(DiskConformance, SyncDirectoryNeedsADirectory) {
    run_job([&] {
        make_file("a", {});
        EXPECT_TRUE(disk().sync_directory(harness().directory()).ok());
        EXPECT_EQ(code_of(disk().sync_directory(path("no"))), ErrorCode::kNotFound);
        EXPECT_EQ(code_of(disk().sync_directory(path("a"))), ErrorCode::kIoError);
    });
}

TEST_P(DiskConformance, ALockHasOneHolder) {
    run_job([&] {
        const FileHandle first = open_file("lock");
        const FileHandle second = open_file("lock");
        ASSERT_TRUE(disk().lock(first).ok());
        EXPECT_EQ(code_of(disk().lock(second)), ErrorCode::kLocked);
        disk().close(first);
        EXPECT_TRUE(disk().lock(second).ok());
        disk().close(second);
    });
}

TEST_P(DiskConformance, FreeSpaceIsKnown) {
    run_job([&] {
        EXPECT_GT(*disk().free_space(harness().directory()), 0u);
        EXPECT_EQ(code_of(disk().free_space(path("no"))), ErrorCode::kNotFound);
    });
}

// --- Size ---

TEST_P(DiskConformance, TruncateCutsAndExtends) {
    run_job([&] {
        const FileHandle file = open_file("a");
        ASSERT_TRUE(await_write(disk(), file, "a", 0, as_bytes("0123456789")).ok());
        ASSERT_TRUE(disk().truncate(file, 4).ok());
        EXPECT_EQ(*disk().size(file), 4u);
        ASSERT_TRUE(disk().truncate(file, 8).ok());
        EXPECT_EQ(*disk().size(file), 8u);
        EXPECT_EQ(content_of("a"), std::string("0123\0\0\0\0", 8));
        ASSERT_TRUE(disk().truncate(file, 0).ok());
        EXPECT_EQ(*disk().size(file), 0u);
        disk().close(file);
    });
}

TEST_P(DiskConformance, AllocateExtendsAndKeepsTheContent) {
    run_job([&] {
        const FileHandle file = open_file("a");
        ASSERT_TRUE(await_write(disk(), file, "a", 0, as_bytes("kept")).ok());
        ASSERT_TRUE(await_allocate(disk(), file, "a", 0, 1_MiB).ok());
        EXPECT_EQ(*disk().size(file), 1_MiB);
        EXPECT_EQ(content_of("a"), "kept" + std::string(1_MiB - 4, '\0'));
        ASSERT_TRUE(await_allocate(disk(), file, "a", 4096, 4096).ok());
        EXPECT_EQ(*disk().size(file), 1_MiB);
        disk().close(file);
    });
}

TEST_P(DiskConformance, AHoleReadsAsZeros) {
    run_job([&] {
        const FileHandle file = open_file("a");
        ASSERT_TRUE(await_write(disk(), file, "a", 100'000, as_bytes("end")).ok());
        EXPECT_EQ(*disk().size(file), 100'003u);
        EXPECT_EQ(content_of("a"), std::string(100'000, '\0') + "end");
        disk().close(file);
    });
}

// --- Data, from jobs ---

TEST_P(DiskConformance, WritesReadBack) {
    run_job([&] {
        const FileHandle file = open_file("a");
        ASSERT_TRUE(await_write(disk(), file, "a", 0, as_bytes("hello world")).ok());
        ASSERT_TRUE(await_write(disk(), file, "a", 6, as_bytes("there, you")).ok());
        ASSERT_TRUE(await_write(disk(), file, "a", 0, as_bytes("H"), true).ok());
        ASSERT_TRUE(await_sync(disk(), file, "a").ok());
        disk().close(file);
        EXPECT_EQ(content_of("a"), "Hello there, you");
    });
}

TEST_P(DiskConformance, ReadsStopAtTheEndOfTheFile) {
    run_job([&] {
        make_file("a", as_bytes("0123456789"));
        const FileHandle file = open_file("a", {});
        std::vector<std::byte> read(8);
        EXPECT_EQ(*await_read(disk(), file, "a", 6, read), 4u);
        EXPECT_EQ(as_text(ByteView(read).first(4)), "6789");
        EXPECT_EQ(*await_read(disk(), file, "a", 2, read), 8u);
        EXPECT_EQ(*await_read(disk(), file, "a", 10, read), 0u);
        EXPECT_EQ(*await_read(disk(), file, "a", 1'000'000, read), 0u);
        disk().close(file);
    });
}

TEST_P(DiskConformance, NothingIsReadOrWrittenInZeroBytes) {
    run_job([&] {
        make_file("a", as_bytes("kept"));
        const FileHandle file = open_file("a", {});
        EXPECT_EQ(*await_read(disk(), file, "a", 0, {}), 0u);
        EXPECT_EQ(*await_read(disk(), file, "a", 100, {}), 0u);
        EXPECT_TRUE(await_write(disk(), file, "a", 0, {}).ok());
        EXPECT_TRUE(await_write(disk(), file, "a", 100, {}, true).ok());
        EXPECT_EQ(*disk().size(file), 4u);
        disk().close(file);
        EXPECT_EQ(content_of("a"), "kept");
    });
}

TEST_P(DiskConformance, AReadOnlyFileIsNotWritten) {
    run_job([&] {
        make_file("a", as_bytes("kept"));
        const FileHandle file = open_file("a", {.read_only = true});
        const Status written = await_write(disk(), file, "a", 0, as_bytes("x"));
        EXPECT_FALSE(written.ok());
        EXPECT_EQ(written.error().file, "a");
        EXPECT_EQ(written.error().offset, 0u);
        EXPECT_FALSE(await_allocate(disk(), file, "a", 0, 4096).ok());
        EXPECT_FALSE(disk().truncate(file, 0).ok());
        disk().close(file);
        EXPECT_EQ(content_of("a"), "kept");
    });
}

TEST_P(DiskConformance, HandlesOfOneFileSeeEachOther) {
    run_job([&] {
        const FileHandle first = open_file("a");
        const FileHandle second = open_file("a");
        ASSERT_TRUE(await_write(disk(), first, "a", 0, as_bytes("shared")).ok());
        std::vector<std::byte> read(6);
        EXPECT_EQ(*await_read(disk(), second, "a", 0, read), 6u);
        EXPECT_EQ(as_text(read), "shared");
        disk().close(first);
        EXPECT_EQ(*disk().size(second), 6u);
        disk().close(second);
    });
}

TEST_P(DiskConformance, AJobMayHaveSeveralInFlight) {
    run_job([&] {
        const FileHandle file = open_file("a");
        const std::string letters = "abcdefghijklmnop";
        std::vector<std::unique_ptr<IoOp>> ops;
        for (size_t index = 0; index < letters.size(); ++index) {
            ops.push_back(std::make_unique<IoOp>());
            const ByteView letter = as_bytes(std::string_view(letters).substr(index, 1));
            ops.back()->prepare_write(file, index, letter);
            disk().submit(*ops.back());
        }
        std::reverse(ops.begin(), ops.end());
        for (const auto& op : ops) {
            disk().wait(*op);
            EXPECT_EQ(*op->result(), 1u);
        }
        disk().close(file);
        EXPECT_EQ(content_of("a"), letters);
    });
}

TEST_P(DiskConformance, JobsRunSideBySide) {
    std::vector<DiskHarness::Job> jobs;
    for (size_t number = 0; number < 8; ++number) {
        jobs.push_back([this, number] {
            const std::string name = "file" + std::to_string(number);
            for (size_t turn = 0; turn < 5; ++turn) {
                const AlignedBytes content = AlignedBytes::pattern(10'000, number * 10 + turn);
                make_file(name, content.view());
                EXPECT_EQ(content_of(name), as_text(content.view()));
            }
        });
    }
    harness().run_jobs(std::move(jobs));
    run_job([&] { EXPECT_EQ(disk().list(harness().directory())->size(), 8u); });
}

// --- Direct I/O ---

TEST_P(DiskConformance, DirectFilesReadAndWriteBlocks) {
    run_job([&] {
        const FileHandle file = open_file("a", {.create = true, .direct = true});
        const AlignedBytes content = AlignedBytes::pattern(16_KiB, 1);
        ASSERT_TRUE(await_write(disk(), file, "a", 4096, content.view(), true).ok());
        AlignedBytes read(32_KiB);
        EXPECT_EQ(*await_read(disk(), file, "a", 4096, read.all()), 16_KiB);
        EXPECT_EQ(as_text(read.view().first(16_KiB)), as_text(content.view()));
        disk().close(file);
        EXPECT_EQ(content_of("a"), std::string(4096, '\0') + std::string(as_text(content.view())));
    });
}

TEST_P(DiskConformance, ADirectReadEndsWithAFileThatEndsWithinABlock) {
    run_job([&] {
        const AlignedBytes content = AlignedBytes::pattern(5000, 2);
        make_file("a", content.view());
        const FileHandle file = open_file("a", {.direct = true});
        AlignedBytes read(16_KiB);
        EXPECT_EQ(*await_read(disk(), file, "a", 0, read.all()), 5000u);
        EXPECT_EQ(as_text(read.view().first(5000)), as_text(content.view()));
        EXPECT_EQ(*await_read(disk(), file, "a", 4096, read.all()), 904u);
        EXPECT_EQ(*await_read(disk(), file, "a", 8192, read.all()), 0u);
        disk().close(file);
    });
}

TEST_P(DiskConformance, LargeTransfersAreWhole) {
    for (const bool direct : {false, true}) {
        run_job([&] {
            const FileHandle file = open_file("a", {.create = true, .direct = direct});
            const AlignedBytes content = AlignedBytes::pattern(8_MiB, direct ? 3 : 4);
            ASSERT_TRUE(await_write(disk(), file, "a", 0, content.view()).ok());
            ASSERT_TRUE(await_sync(disk(), file, "a").ok());
            AlignedBytes read(8_MiB);
            EXPECT_EQ(*await_read(disk(), file, "a", 0, read.all()), 8_MiB);
            EXPECT_TRUE(read == content);
            disk().close(file);
        });
    }
}

// --- Data, from a loop ---

TEST_P(DiskConformance, CompletionComesOnTheLoopAndNeverWithinSubmit) {
    FileHandle file;
    run_job([&] { file = open_file("a"); });
    struct Seen {
        EventLoop& loop;
        bool submitting = false;
        bool within_submit = false;
        bool on_loop = false;
        int count = 0;
    } seen{harness().loop()};
    IoOp op(
        harness().loop(),
        [](void* context, IoOp& done) {
            Seen& noted = *static_cast<Seen*>(context);
            noted.within_submit = noted.submitting;
            noted.on_loop = noted.loop.on_loop_thread();
            ++noted.count;
            EXPECT_FALSE(done.in_flight());
            EXPECT_EQ(*done.result(), 5u);
        },
        &seen);
    harness().on_loop([&] {
        op.prepare_write(file, 0, as_bytes("hello"));
        seen.submitting = true;
        disk().submit(op);
        EXPECT_TRUE(op.in_flight());
        seen.submitting = false;
    });
    harness().run_loop_until([&] { return seen.count > 0; });
    EXPECT_FALSE(seen.within_submit);
    EXPECT_TRUE(seen.on_loop);
    run_job([&] {
        EXPECT_EQ(content_of("a"), "hello");
        disk().close(file);
    });
    EXPECT_EQ(seen.count, 1);
}

TEST_P(DiskConformance, ManyAreInFlightFromALoop) {
    constexpr size_t kOps = 300;
    constexpr size_t kBytes = 4096;
    FileHandle file;
    run_job([&] {
        file = open_file("a", {.create = true, .direct = true});
        ASSERT_TRUE(await_allocate(disk(), file, "a", 0, kOps * kBytes).ok());
    });
    AlignedBytes content = AlignedBytes::pattern(kOps * kBytes, 5);
    AlignedBytes read(kOps * kBytes);
    std::vector<std::unique_ptr<IoOp>> writes;
    std::vector<std::unique_ptr<IoOp>> reads;
    for (size_t index = 0; index < kOps; ++index) {
        writes.push_back(make_loop_op());
        writes.back()->prepare_write(
            file, index * kBytes, content.view().subspan(index * kBytes, kBytes), index % 3 == 0);
        reads.push_back(make_loop_op());
        reads.back()->prepare_read(file, index * kBytes,
                                   read.all().subspan(index * kBytes, kBytes));
    }
    run_on_loop(writes);
    for (const auto& op : writes) EXPECT_EQ(*op->result(), kBytes);
    run_on_loop(reads);
    for (const auto& op : reads) EXPECT_EQ(*op->result(), kBytes);
    EXPECT_TRUE(read == content);
    run_job([&] { disk().close(file); });
}

TEST_P(DiskConformance, EveryKindRunsFromALoop) {
    FileHandle file;
    run_job([&] { file = open_file("a"); });
    std::vector<std::unique_ptr<IoOp>> ops;
    ops.push_back(make_loop_op());
    IoOp& op = *ops.front();
    op.prepare_allocate(file, 0, 8192);
    run_on_loop(ops);
    EXPECT_EQ(*op.result(), 0u);
    op.prepare_write(file, 8190, as_bytes("four"), true);
    run_on_loop(ops);
    EXPECT_EQ(*op.result(), 4u);
    op.prepare_sync(file);
    run_on_loop(ops);
    EXPECT_EQ(*op.result(), 0u);
    std::vector<std::byte> read(10);
    op.prepare_read(file, 8188, read);
    run_on_loop(ops);
    EXPECT_EQ(*op.result(), 6u);
    EXPECT_EQ(as_text(ByteView(read).first(6)), std::string_view("\0\0four", 6));
    op.prepare_read(file, 8188, {});
    run_on_loop(ops);
    EXPECT_EQ(*op.result(), 0u);
    run_job([&] { disk().close(file); });
}

TEST_P(DiskConformance, ACompletionMaySubmitTheNext) {
    FileHandle file;
    run_job([&] { file = open_file("a"); });
    struct Chain {
        Disk& disk;
        FileHandle file;
        int left;
    } chain{disk(), file, 50};
    IoOp op(
        harness().loop(),
        [](void* context, IoOp& done) {
            Chain& self = *static_cast<Chain*>(context);
            EXPECT_TRUE(done.result().ok());
            if (--self.left == 0) return;
            done.prepare_write(self.file, done.offset() + 2, as_bytes("ab"));
            self.disk.submit(done);
        },
        &chain);
    harness().on_loop([&] {
        op.prepare_write(file, 0, as_bytes("ab"));
        disk().submit(op);
    });
    harness().run_loop_until([&] { return chain.left == 0; });
    run_job([&] {
        EXPECT_EQ(*disk().size(file), 100u);
        disk().close(file);
    });
}

TEST_P(DiskConformance, ALoopLearnsOfErrors) {
    FileHandle file;
    run_job([&] {
        make_file("a", as_bytes("kept"));
        file = open_file("a", {.read_only = true});
    });
    std::vector<std::unique_ptr<IoOp>> ops;
    ops.push_back(make_loop_op());
    ops.back()->prepare_write(file, 0, as_bytes("x"));
    ops.push_back(make_loop_op());
    ops.back()->prepare_allocate(file, 0, 4096);
    run_on_loop(ops);
    for (const auto& op : ops) EXPECT_FALSE(op->result().ok());
    run_job([&] { disk().close(file); });
}

TEST_P(DiskConformance, LoopAndJobsShareADisk) {
    FileHandle file;
    run_job([&] { file = open_file("loop"); });
    const AlignedBytes content = AlignedBytes::pattern(64_KiB, 6);
    std::vector<std::unique_ptr<IoOp>> ops;
    for (size_t index = 0; index < 16; ++index) {
        ops.push_back(make_loop_op());
        ops.back()->prepare_write(file, index * 4096, content.view().subspan(index * 4096, 4096));
    }
    harness().on_loop([&] {
        for (const auto& op : ops) disk().submit(*op);
    });
    run_job([&] {
        make_file("job", content.view());
        EXPECT_EQ(content_of("job"), as_text(content.view()));
    });
    harness().run_loop_until([&] { return completed_ == ops.size(); });
    run_job([&] {
        EXPECT_EQ(content_of("loop"), as_text(content.view()));
        disk().close(file);
    });
}

}  // namespace

}  // namespace timber
