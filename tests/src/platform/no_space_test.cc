// A full disk: a child mounts a tiny file system for itself alone, where it may.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/src/platform/fixture.h"

namespace timber {

namespace {

constexpr int kNotAllowed = 2;

class NoSpaceTest : public testing::TestWithParam<IoBackend> {
  protected:
    // Runs `body` in a child on a platform whose directory holds 1 MiB. The body says whether it
    // found what it expects.
    void on_tiny_disk(bool (*body)(Platform& platform, const std::string& path)) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) ::_exit(run_child(body));
        int status;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        if (WEXITSTATUS(status) == kNotAllowed) GTEST_SKIP() << "cannot mount a file system here";
        EXPECT_EQ(WEXITSTATUS(status), 0);
    }

    int run_child(bool (*body)(Platform& platform, const std::string& path)) {
        set_log_level(LogLevel::kError);
        if (::unshare(CLONE_NEWNS) != 0) return kNotAllowed;
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNotAllowed;
        const char* directory = directory_.path().c_str();
        if (::mount("none", directory, "tmpfs", 0, "size=1m") != 0) return kNotAllowed;
        const auto platform =
            Platform::create({.backend = GetParam(), .data_directory = directory_.path()}).value();
        return body(*platform, directory_.path("f")) ? 0 : 1;
    }

    ScratchDirectory directory_{"no-space"};
};

bool is_no_space(const Status& status) {
    return !status.ok() && status.error().code == ErrorCode::kNoSpace;
}

TEST_P(NoSpaceTest, JobsWriteIsRefused) {
    on_tiny_disk([](Platform& platform, const std::string& path) {
        Disk& disk = platform.disk();
        const FileHandle file = disk.open(path, {.create = true}).value();
        AlignedBuffer buffer(2_MiB, 1);
        return is_no_space(await_write(disk, file, path, 0, buffer.bytes()));
    });
}

TEST_P(NoSpaceTest, LoopsWriteIsRefused) {
    on_tiny_disk([](Platform& platform, const std::string& path) {
        Disk& disk = platform.disk();
        const FileHandle file = disk.open(path, {.create = true, .direct = true}).value();
        AlignedBuffer buffer(2_MiB, 1);
        const auto thread = platform.start_loop("writer").value();
        std::binary_semaphore over(0);
        IoOp op(
            thread->loop(),
            [](void* context, IoOp&) { static_cast<std::binary_semaphore*>(context)->release(); },
            &over);
        op.prepare_write(file, 0, buffer.bytes(), true);
        thread->call([&] { disk.submit(op); });
        over.acquire();
        return !op.result().ok() && op.result().error().code == ErrorCode::kNoSpace;
    });
}

TEST_P(NoSpaceTest, AllocationIsRefusedAndSpaceIsToldBefore) {
    on_tiny_disk([](Platform& platform, const std::string& path) {
        Disk& disk = platform.disk();
        const uint64_t space = disk.free_space(parent_path(path)).value();
        const FileHandle file = disk.open(path, {.create = true}).value();
        return space <= 1_MiB && await_allocate(disk, file, path, 0, space / 2).ok() &&
               is_no_space(await_allocate(disk, file, path, 0, space + 1_MiB));
    });
}

TIMBER_FOR_BOTH_BACKENDS(NoSpaceTest);

}  // namespace

}  // namespace timber
