#pragma once
// What every Disk must do: one suite of GoogleTest cases that all implementations pass.
//
// An implementation is put under test by a harness that gives the suite a disk, a fresh directory
// on it, jobs and a loop:
//
//   INSTANTIATE_TEST_SUITE_P(Uring, DiskConformance, testing::Values(DiskUnderTest{
//       "uring", [] { return std::make_unique<UringHarness>(); }}), disk_under_test_name);
//
// The program links timber_disk_conformance. What a disk makes durable cannot be seen from here;
// the simulated disk's own tests and the power-cut tests look at that.
//
// Thread: a case runs on the test's thread and reaches loop and jobs through the harness alone.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"

namespace timber {

// One disk under test, made anew for each case.
class DiskHarness {
  public:
    using Job = std::move_only_function<void()>;

    virtual ~DiskHarness() = default;

    virtual Disk& disk() = 0;
    // An empty directory, the same throughout the case.
    virtual std::string directory() = 0;
    // Runs the jobs side by side and returns when all have ended.
    virtual void run_jobs(std::vector<Job> jobs) = 0;
    // A loop that may be home to operations of disk().
    virtual EventLoop& loop() = 0;
    // Runs `function` on the loop's thread and returns when it ran.
    virtual void on_loop(Job function) = 0;
    // Lets the loop run until `predicate` holds, which is asked on the loop's thread between tasks.
    virtual void run_loop_until(std::function<bool()> predicate) = 0;
    // Takes away the permission to open files in the directory `path`; false if that cannot be
    // done here (for root, permissions do not count).
    virtual bool deny(const std::string& path) = 0;
};

struct DiskUnderTest {
    std::string name;
    std::function<std::unique_ptr<DiskHarness>()> make;
};

// Names the cases. Lives with them, so that whoever instantiates the suite links them in.
std::string disk_under_test_name(const testing::TestParamInfo<DiskUnderTest>& info);

class DiskConformance : public testing::TestWithParam<DiskUnderTest> {
  protected:
    void SetUp() override;

    Disk& disk() { return harness_->disk(); }
    DiskHarness& harness() { return *harness_; }
    std::string path(std::string_view name) { return join_path(harness_->directory(), name); }
    void run_job(DiskHarness::Job job);

    // In a job: a new or existing file with these options, and a failed case if it cannot be had.
    FileHandle open_file(std::string_view name, OpenOptions options = {.create = true});
    // In a job: a file of that content, closed again.
    void make_file(std::string_view name, ByteView content);
    // In a job: what the file holds.
    std::string content_of(std::string_view name);

    // Starts all of `ops` in one task of the loop and returns when they are complete.
    void run_on_loop(std::vector<std::unique_ptr<IoOp>>& ops);
    // An operation with the loop as its home that counts its completion.
    std::unique_ptr<IoOp> make_loop_op();

    std::unique_ptr<DiskHarness> harness_;
    // The loop's thread only.
    size_t completed_ = 0;
};

}  // namespace timber
