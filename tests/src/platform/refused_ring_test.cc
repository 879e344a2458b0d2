// A kernel that refuses io_uring, as many containers do: a child forbids itself the calls.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>

#include "tests/src/platform/fixture.h"

namespace timber {

namespace {

// From here on io_uring_setup fails with EPERM in this process.
bool forbid_uring() {
    std::array<sock_filter, 4> filter = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program = {.len = filter.size(), .filter = filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Gives the body's exit status.
int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

TEST(RefusedRingTest, AutomaticChoiceFallsBackAndSaysWhy) {
    const ScratchDirectory directory("refused");
    const int status = in_child([&] {
        std::vector<std::string> lines;
        set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
        if (!forbid_uring()) return 1;
        const auto platform = Platform::create({.data_directory = directory.path()}).value();
        if (platform->uses_uring() || lines.size() != 1) return 2;
        if (lines[0].find("io_uring is refused here: permission denied") == lines[0].npos) return 3;
        const std::string path = directory.path("f");
        const FileHandle file = platform->disk().open(path, {.create = true}).value();
        if (!await_write(platform->disk(), file, path, 0, as_bytes("text"), true)) return 4;
        bool ran = false;
        platform->start_loop("test").value()->call([&] { ran = true; });
        return ran ? 0 : 5;
    });
    EXPECT_EQ(status, 0);
}

TEST(RefusedRingTest, DemandedRingIsAnError) {
    const ScratchDirectory directory("refused");
    const int status = in_child([&] {
        if (!forbid_uring()) return 1;
        const auto platform =
            Platform::create({.backend = IoBackend::kUring, .data_directory = directory.path()});
        return !platform.ok() && platform.error().code == ErrorCode::kPermissionDenied ? 0 : 2;
    });
    EXPECT_EQ(status, 0);
}

// The rings of jobs are made late, when descriptors may have run out: plain calls take over.
TEST(RefusedRingTest, JobWithoutARingStillReadsAndWrites) {
    const ScratchDirectory directory("refused");
    const int status = in_child([&] {
        set_log_level(LogLevel::kError);
        const auto platform =
            Platform::create({.backend = IoBackend::kUring, .data_directory = directory.path()});
        if (!platform.ok()) return 0;  // no ring here at all
        if (!forbid_uring()) return 1;
        Disk& disk = (*platform)->disk();
        const std::string path = directory.path("f");
        const FileHandle file = disk.open(path, {.create = true}).value();
        if (!await_write(disk, file, path, 0, as_bytes("text"), true)) return 2;
        std::array<std::byte, 8> into;
        const auto read = await_read(disk, file, path, 0, into);
        return read.ok() && *read == 4 ? 0 : 3;
    });
    EXPECT_EQ(status, 0);
}

}  // namespace

}  // namespace timber
