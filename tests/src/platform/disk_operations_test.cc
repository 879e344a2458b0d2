// The disks on a real directory: what the conformance suite cannot see, because it knows no kernel.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <deque>
#include <thread>

#include "tests/src/platform/fixture.h"

namespace timber {

namespace {

class DiskOperationsTest : public PlatformTest {};

// Sends operations from a loop and waits for all of them.
struct LoopClient {
    explicit LoopClient(Platform& platform)
        : disk(platform.disk()), thread(platform.start_loop("client").value()) {}

    IoOp& add() {
        return operations.emplace_back(
            thread->loop(),
            [](void* context, IoOp&) { static_cast<LoopClient*>(context)->completed(); }, this);
    }
    void submit_all_and_wait() {
        left = operations.size();
        thread->call([this] {
            for (IoOp& operation : operations) disk.submit(operation);
        });
        over.acquire();
    }
    void completed() {
        if (--left == 0) over.release();
    }

    Disk& disk;
    std::unique_ptr<LoopThread> thread;
    std::deque<IoOp> operations;
    size_t left = 0;
    std::binary_semaphore over{0};
};

TEST_P(DiskOperationsTest, ThousandsInFlightFromALoopAllComplete) {
    constexpr size_t kCount = 5'000;  // far more than the submission and completion queues hold
    const FileHandle file = make_file("f", 16 * 4096);
    AlignedBuffer from(4096, 3), into(kCount * 4096);
    LoopClient client(*platform_);
    for (size_t i = 0; i < kCount; ++i) {
        const uint64_t offset = i % 16 * 4096;
        IoOp& operation = client.add();
        if (i % 2 == 0) {
            operation.prepare_read(file, offset, into.bytes().subspan(i * 4096, 4096));
        } else {
            operation.prepare_write(file, offset, from.bytes());
        }
    }
    client.submit_all_and_wait();
    for (const IoOp& operation : client.operations) EXPECT_EQ(operation.result().value(), 4096u);
    disk_->close(file);
}

TEST_P(DiskOperationsTest, ManyReadsInFlightFromAJob) {
    constexpr size_t kCount = 300;  // more than a job's ring holds
    const FileHandle file = make_file("f", kCount * 4096);
    std::vector<AlignedBuffer> buffers;
    std::deque<IoOp> operations;
    for (size_t i = 0; i < kCount; ++i) {
        AlignedBuffer number(4096, static_cast<uint8_t>(i));
        ASSERT_TRUE(await_write(*disk_, file, "f", i * 4096, number.bytes()).ok());
        buffers.emplace_back(4096);
    }
    for (size_t i = 0; i < kCount; ++i) {
        operations.emplace_back().prepare_read(file, i * 4096, buffers[i].bytes());
        disk_->submit(operations.back());
    }
    for (size_t i = kCount; i-- > 0;) {
        disk_->wait(operations[i]);
        EXPECT_EQ(operations[i].result().value(), 4096u);
        EXPECT_EQ(buffers[i].bytes()[4095], static_cast<std::byte>(i));
    }
    disk_->close(file);
}

TEST_P(DiskOperationsTest, ForkedChildReadsByItself) {
    const FileHandle file = make_file("f", 4096);  // this thread has a ring now, if there are any
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        AlignedBuffer into(4096);
        const auto read = await_read(*disk_, file, "f", 0, into.bytes());
        ::_exit(read.ok() && *read == 4096 ? 0 : 1);
    }
    int status;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    AlignedBuffer into(4096);
    EXPECT_EQ(await_read(*disk_, file, "f", 0, into.bytes()).value(), 4096u);
    disk_->close(file);
}

TEST_P(DiskOperationsTest, DirectFileReadsToAnUnalignedEnd) {
    const std::string path = directory_.path("f");
    const FileHandle buffered = disk_->open(path, {.create = true}).value();
    ASSERT_TRUE(await_write(*disk_, buffered, path, 0, as_bytes(std::string(5000, 'x'))).ok());
    const FileHandle direct = disk_->open(path, {.direct = true}).value();
    AlignedBuffer into(16384);
    EXPECT_EQ(await_read(*disk_, direct, path, 0, into.bytes()).value(), 5000u);
    EXPECT_EQ(into.bytes()[4999], std::byte{'x'});
    EXPECT_EQ(await_read(*disk_, direct, path, 8192, into.bytes()).value(), 0u);
    disk_->close(direct);
    disk_->close(buffered);
}

TEST_P(DiskOperationsTest, DirectDurableWriteFromALoopIsReadBack) {
    const FileHandle file = make_file("f", 65536, {.direct = true});
    AlignedBuffer from(8192, 9), into(8192);
    LoopClient client(*platform_);
    client.add().prepare_write(file, 4096, from.bytes(), true);
    client.submit_all_and_wait();
    EXPECT_EQ(await_read(*disk_, file, "f", 4096, into.bytes()).value(), 8192u);
    EXPECT_EQ(std::memcmp(from.memory.get(), into.memory.get(), 8192), 0);
    disk_->close(file);
}

TEST_P(DiskOperationsTest, AllocateExtendsAndSyncs) {
    const FileHandle file = make_file("f", 4096);
    LoopClient client(*platform_);
    client.add().prepare_allocate(file, 4096, 1_MiB);
    client.submit_all_and_wait();
    EXPECT_TRUE(client.operations[0].result().ok());
    EXPECT_EQ(disk_->size(file).value(), 4096 + 1_MiB);
    client.operations.clear();
    client.add().prepare_sync(file);
    client.submit_all_and_wait();
    EXPECT_EQ(client.operations[0].result().value(), 0u);
    disk_->close(file);
}

TEST_P(DiskOperationsTest, WriteToAReadOnlyFileFails) {
    disk_->close(make_file("f", 4096));
    const FileHandle file = disk_->open(directory_.path("f"), {.read_only = true}).value();
    AlignedBuffer from(4096);
    const Status written = await_write(*disk_, file, "f", 0, from.bytes());
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().code, ErrorCode::kIoError);
    EXPECT_EQ(written.error().os_error, EBADF);
    EXPECT_EQ(written.error().file, "f");
    LoopClient client(*platform_);
    client.add().prepare_write(file, 0, from.bytes());
    client.submit_all_and_wait();
    EXPECT_EQ(client.operations[0].result().error().os_error, EBADF);
    disk_->close(file);
}

// The kernel writes up to the limit and reports how much; the next write fails.
TEST_P(DiskOperationsTest, WriteOverTheFileSizeLimitFailsAfterItsFirstPart) {
    const FileHandle file = make_file("f", 4096);
    rlimit before;
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limited = {.rlim_cur = 10'000, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
    AlignedBuffer from(16384, 1);
    const Status from_job = await_write(*disk_, file, "f", 0, from.bytes());
    LoopClient client(*platform_);
    client.add().prepare_write(file, 0, from.bytes());
    client.submit_all_and_wait();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(from_job.ok());
    EXPECT_EQ(from_job.error().code, ErrorCode::kNoSpace);
    ASSERT_FALSE(client.operations[0].result().ok());
    EXPECT_EQ(client.operations[0].result().error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(disk_->size(file).value(), 10'000u);
    disk_->close(file);
}

TEST_P(DiskOperationsTest, FileOperationsSayWhatIsWrong) {
    const std::string missing = directory_.path("missing");
    const auto opened = disk_->open(missing, {});
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(opened.error().file, missing);
    EXPECT_EQ(disk_->remove(missing).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(disk_->rename(missing, missing + "2").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(disk_->list(missing).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(disk_->sync_directory(missing).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(disk_->make_directory(missing + "/below").error().code, ErrorCode::kNotFound);
    disk_->close(make_file("there", 4096));
    const auto again = disk_->open(directory_.path("there"), {.create = true, .exclusive = true});
    EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
    EXPECT_EQ(disk_->make_directory(directory_.path("there")).error().code,
              ErrorCode::kAlreadyExists);
}

TEST_P(DiskOperationsTest, LockExcludesAnotherOpenOfTheSameProcess) {
    const FileHandle first = make_file("lock", 4096);
    const FileHandle second = disk_->open(directory_.path("lock"), {}).value();
    EXPECT_TRUE(disk_->lock(first).ok());
    EXPECT_EQ(disk_->lock(second).error().code, ErrorCode::kLocked);
    disk_->close(first);
    EXPECT_TRUE(disk_->lock(second).ok());
    disk_->close(second);
}

TEST_P(DiskOperationsTest, LockAfterHolderWaitsUntilTheHolderIsGone) {
    const FileHandle first = make_file("lock", 4096);
    const FileHandle second = disk_->open(directory_.path("lock"), {}).value();
    ASSERT_TRUE(disk_->lock(first).ok());
    std::atomic<bool> holder_going = false;
    std::binary_semaphore asking{0};
    std::thread successor([&] {
        asking.release();
        EXPECT_TRUE(disk_->lock_after_holder(second).ok());
        EXPECT_TRUE(holder_going);
    });
    asking.acquire();
    holder_going = true;
    disk_->close(first);
    successor.join();
    const FileHandle third = disk_->open(directory_.path("lock"), {}).value();
    EXPECT_EQ(disk_->lock(third).error().code, ErrorCode::kLocked);
    disk_->close(third);
    disk_->close(second);
}

TEST_P(DiskOperationsTest, HandleOfAClosedFileIsNoticed) {
    const FileHandle first = make_file("f", 4096);
    disk_->close(first);
    const FileHandle second = disk_->open(directory_.path("f"), {}).value();
    EXPECT_NE(first, second);
    EXPECT_DEATH((void)disk_->size(first), "");
    disk_->close(second);
}

TEST_P(DiskOperationsTest, FreeSpaceIsToldOfWhatExists) {
    EXPECT_GT(disk_->free_space(directory_.path()).value(), 0u);
    EXPECT_FALSE(disk_->free_space(directory_.path("missing")).ok());
}

TIMBER_FOR_BOTH_BACKENDS(DiskOperationsTest);

}  // namespace

}  // namespace timber
