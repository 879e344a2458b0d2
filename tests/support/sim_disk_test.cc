// The simulated disk within its world: the same run from the same seed, and a crash at every step.
#include "tests/support/sim_disk.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/aligned_bytes.h"
#include "tests/support/sim_disk_fixture.h"

namespace timber {
namespace {

// A loop that keeps several writes in flight, and two jobs that make and rename files.
class Workload {
  public:
    explicit Workload(uint64_t seed, DiskImage image = {})
        : world_(seed),
          disk_(world_, {.stalls_per_million = 10'000}, std::move(image)),
          loop_(world_, "loop") {}

    SimWorld& world() { return world_; }
    SimDisk& disk() { return disk_; }
    bool failed() const { return failed_; }

    void run() {
        world_.executor().run("writer", [this] { note(start_writing()); });
        for (const char* name : {"x", "y"}) {
            world_.executor().run(name, [this, name] { note(make_files(name)); });
        }
        world_.run_until_idle();
        EXPECT_EQ(world_.jobs_alive(), 0u);
        EXPECT_EQ(disk_.in_flight().writes, 0u);
        world_.run_job([this] {
            if (log_) disk_.close(*log_);
        });
    }

  private:
    void note(const Status& status) {
        EXPECT_TRUE(status || status.error().code == ErrorCode::kCrashed);
        failed_ |= !status.ok();
    }

    Status start_writing() {
        TIMBER_TRY(log_, disk_.open("log", {.create = true, .direct = true}));
        TIMBER_CHECK(await_allocate(disk_, *log_, "log", 0, 1_MiB));
        TIMBER_CHECK(await_sync(disk_, *log_, "log"));
        TIMBER_CHECK(disk_.sync_directory("/"));
        loop_.post([this] {
            for (const auto& op : ops_) submit_next(*op);
        });
        return {};
    }

    void submit_next(IoOp& op) {
        op.prepare_write(*log_, next_offset_, block_.view(), next_offset_ % 8192 == 0);
        next_offset_ += block_.size();
        disk_.submit(op);
    }

    void written(IoOp& op) {
        failed_ |= !op.result().ok();
        if (op.result() && next_offset_ < 40 * block_.size()) submit_next(op);
    }

    Status make_files(const std::string& name) {
        for (int turn = 0; turn < 3; ++turn) {
            TIMBER_TRY(const FileHandle file, disk_.open(name + ".tmp", {.create = true}));
            const Status content = fill(file, name);
            disk_.close(file);
            TIMBER_CHECK(content);
            TIMBER_CHECK(disk_.rename(name + ".tmp", name + std::to_string(turn)));
            TIMBER_CHECK(disk_.sync_directory("/"));
        }
        return {};
    }

    Status fill(FileHandle file, const std::string& name) {
        TIMBER_CHECK(await_write(disk_, file, name, 0, block_.view()));
        return await_sync(disk_, file, name);
    }

    std::unique_ptr<IoOp> make_op() {
        return std::make_unique<IoOp>(
            loop_, [](void* self, IoOp& op) { static_cast<Workload*>(self)->written(op); }, this);
    }

    SimWorld world_;
    SimDisk disk_;
    SimLoop loop_;
    std::optional<FileHandle> log_;
    AlignedBytes block_ = AlignedBytes::pattern(4096, 1);
    std::vector<std::unique_ptr<IoOp>> ops_ = [this] {
        std::vector<std::unique_ptr<IoOp>> ops;
        for (int index = 0; index < 4; ++index) ops.push_back(make_op());
        return ops;
    }();
    uint64_t next_offset_ = 0;
    bool failed_ = false;
};

TEST(SimDisk, TheSameSeedGivesTheSameRun) {
    std::set<uint64_t> traces;
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Workload first(seed);
        Workload second(seed);
        first.run();
        second.run();
        EXPECT_EQ(first.world().trace_hash(), second.world().trace_hash());
        EXPECT_EQ(first.world().steps(), second.world().steps());
        EXPECT_TRUE(first.disk().image() == second.disk().image());
        EXPECT_FALSE(first.failed());
        traces.insert(first.world().trace_hash());
    }
    EXPECT_EQ(traces.size(), 20u);
}

TEST(SimDisk, CloningDisturbsNothing) {
    Workload plain(5);
    plain.run();
    Workload cloned(5);
    uint64_t clones = 0;
    uint64_t in_flight = 0;
    uint64_t overtaken = 0;
    cloned.disk().set_step_hook([&](const DiskStep& step) {
        EXPECT_EQ(step.number, ++clones);
        const Death death = clones % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath;
        const DiskImage image = cloned.disk().image_after(death, clones);
        image.check_invariants();
        EXPECT_EQ(image.settled(), death == Death::kPowerCut || image.settled());
        in_flight += cloned.disk().in_flight().writes > 1 ? 1 : 0;
        overtaken += cloned.disk().in_flight().overtaken ? 1 : 0;
    });
    cloned.run();
    EXPECT_EQ(plain.world().trace_hash(), cloned.world().trace_hash());
    EXPECT_GT(clones, 100u);
    EXPECT_GT(in_flight, 50u);
    EXPECT_GT(overtaken, 10u);
}

TEST(SimDisk, ACrashAtEveryStepUnwindsEverything) {
    uint64_t steps = 0;
    {
        Workload whole(7);
        whole.run();
        steps = whole.disk().steps();
    }
    for (uint64_t crash_at = 1; crash_at <= steps; ++crash_at) {
        Workload workload(7);
        SimDisk& disk = workload.disk();
        const Death death = crash_at % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath;
        std::optional<DiskImage> left;
        disk.set_step_hook([&](const DiskStep& step) {
            if (step.number != crash_at) return;
            left = disk.image_after(death, crash_at);
            disk.crash(death, crash_at);
        });
        workload.run();
        ASSERT_TRUE(disk.crashed());
        ASSERT_TRUE(disk.image() == *left) << "changed after the crash at step " << crash_at;
        disk.image().check_invariants();
        Workload next_life(crash_at, disk.image());
        next_life.run();
        EXPECT_FALSE(next_life.failed());
    }
}

TEST(SimDisk, ACrashGivesEveryOperationCrashed) {
    SimMachine machine;
    SimDisk& disk = machine.disk();
    machine.with_file("a", [&](FileHandle file) {
        IoOp write;
        write.prepare_write(file, 0, as_bytes("hello"));
        disk.submit(write);
        disk.crash(Death::kPowerCut, 1);
        disk.wait(write);
        EXPECT_EQ(write.result().error().code, ErrorCode::kCrashed);
        EXPECT_EQ(await_sync(disk, file, "a").error().code, ErrorCode::kCrashed);
        EXPECT_EQ(disk.open("b", {.create = true}).error().code, ErrorCode::kCrashed);
        EXPECT_EQ(disk.list("/").error().code, ErrorCode::kCrashed);
        EXPECT_EQ(disk.lock(file).error().code, ErrorCode::kCrashed);
    });
    EXPECT_TRUE(disk.image().settled());
}

TEST(SimDisk, FileOperationsLetOthersRunAndTakeEffectInBetween) {
    uint64_t in_the_middle = 0;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimMachine machine(seed);
        machine.durable_file("a", "x");
        bool renamed = false;
        machine.world().executor().run("rename", [&] {
            EXPECT_TRUE(machine.disk().rename("a", "b").ok());
            renamed = true;
        });
        machine.world().run_until([&] {
            in_the_middle += !renamed && machine.disk().image().exists("b") ? 1 : 0;
            return renamed;
        });
        machine.world().run_until_idle();
    }
    EXPECT_GT(in_the_middle, 10u);
}

TEST(SimDisk, AnImageOfALifeIsIndependentOfTheNext) {
    SimMachine machine;
    machine.durable_file("a", std::string(100'000, 'x'));
    const DiskImage image = machine.disk().image();
    machine.write("a", 50'000, "y");
    machine.remove("a");
    EXPECT_EQ(describe(image), "a=x*100000");
    EXPECT_EQ(describe(machine.disk().image()), "");
}

}  // namespace
}  // namespace timber
