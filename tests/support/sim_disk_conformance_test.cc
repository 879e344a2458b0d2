// The simulated disk passes the suite of all disks, under several seeds.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/disk_conformance.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber {
namespace {

class SimHarness : public DiskHarness {
  public:
    explicit SimHarness(uint64_t seed) : world_(seed), disk_(world_), loop_(world_, "loop") {
        world_.run_job([this] { TIMBER_ASSERT(disk_.make_directory(directory()).ok()); });
    }

    Disk& disk() override { return disk_; }
    std::string directory() override { return "/data"; }

    void run_jobs(std::vector<Job> jobs) override {
        for (Job& job : jobs) world_.executor().run("conformance", std::move(job));
        TIMBER_ASSERT(world_.run_until([this] { return world_.jobs_alive() == 0; }));
    }

    EventLoop& loop() override { return loop_; }
    void on_loop(Job function) override { loop_.run(std::move(function)); }
    void run_loop_until(std::function<bool()> predicate) override {
        TIMBER_ASSERT(world_.run_until(predicate));
    }

    bool deny(const std::string& path) override {
        disk_.deny(path);
        return true;
    }

  private:
    SimWorld world_;
    SimDisk disk_;
    SimLoop loop_;
};

DiskUnderTest with_seed(uint64_t seed) {
    return {"seed" + std::to_string(seed), [seed] { return std::make_unique<SimHarness>(seed); }};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sim, DiskConformance,
                         testing::Values(with_seed(1), with_seed(2), with_seed(3)),
                         disk_under_test_name);

}  // namespace timber
