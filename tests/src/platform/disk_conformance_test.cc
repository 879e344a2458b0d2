// The disks on io_uring and on threads, plain and inside the power-cut wrapper, pass the suite of
// all disks, on a real directory.
#include "tests/support/disk_conformance.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/src/platform/fixture.h"
#include "tests/support/power_cut_disk.h"

namespace timber {

namespace {

class PlatformHarness : public DiskHarness {
  public:
    explicit PlatformHarness(IoBackend backend) {
        set_log_level(LogLevel::kWarning);
        platform_ =
            Platform::create({.backend = backend, .data_directory = directory()}).value();
        thread_ = platform_->start_loop("conformance").value();
    }

    Disk& disk() override { return platform_->disk(); }
    std::string directory() override { return directory_.path(); }

    void run_jobs(std::vector<Job> jobs) override {
        std::counting_semaphore<> ended(0);
        for (Job& job : jobs) {
            platform_->executor().run("conformance", [&ended, job = std::move(job)]() mutable {
                job();
                ended.release();
            });
        }
        for (size_t i = 0; i < jobs.size(); ++i) ended.acquire();
    }

    EventLoop& loop() override { return thread_->loop(); }
    void on_loop(Job function) override { thread_->call(std::move(function)); }

    void run_loop_until(std::function<bool()> predicate) override {
        std::binary_semaphore holds(0);
        std::move_only_function<void()> look = [&] {
            if (predicate()) return holds.release();
            thread_->loop().post([&look] { look(); });
        };
        thread_->loop().post([&look] { look(); });
        holds.acquire();
    }

    bool deny(const std::string& path) override {
        return ::geteuid() != 0 && ::chmod(path.c_str(), 0) == 0;
    }

  private:
    ScratchDirectory directory_{"conformance"};
    std::unique_ptr<Platform> platform_;
    std::unique_ptr<LoopThread> thread_;
};

class PowerCutHarness : public PlatformHarness {
  public:
    explicit PowerCutHarness(IoBackend backend) : PlatformHarness(backend) {}

    Disk& disk() override { return disk_; }

  private:
    ScratchDirectory keep_directory_{"conformance-keep"};
    PowerCut power_cut_{{.keep_directory = keep_directory_.path()}};
    PowerCutDisk disk_{PlatformHarness::disk(), power_cut_};
};

template <typename Harness>
DiskUnderTest under_test(std::string name, IoBackend backend) {
    return {std::move(name), [backend] { return std::make_unique<Harness>(backend); }};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(
    Platform, DiskConformance,
    testing::Values(under_test<PlatformHarness>("uring", IoBackend::kUring),
                    under_test<PlatformHarness>("threads", IoBackend::kThreads),
                    under_test<PowerCutHarness>("power_cut_uring", IoBackend::kUring),
                    under_test<PowerCutHarness>("power_cut_threads", IoBackend::kThreads)),
    disk_under_test_name);

}  // namespace timber
