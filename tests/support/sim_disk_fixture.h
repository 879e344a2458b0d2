#pragma once
// A machine with a simulated disk, in the verbs that the simulator's own tests are written in.
//
// Every verb runs as a job to its end and expects success. Contents are texts; a zero byte is
// written as '.'.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber {

class SimMachine {
  public:
    explicit SimMachine(uint64_t seed = 1, SimDiskOptions options = {}, DiskImage image = {})
        : world_(seed), disk_(world_, options, std::move(image)) {}

    SimWorld& world() { return world_; }
    SimDisk& disk() { return disk_; }

    void write(std::string_view path, uint64_t offset, std::string_view text,
               bool durable = false) {
        with_file(path, [&](FileHandle file) {
            EXPECT_TRUE(await_write(disk_, file, path, offset, as_bytes(text), durable).ok());
        });
    }
    void allocate(std::string_view path, uint64_t bytes) {
        with_file(path, [&](FileHandle file) {
            EXPECT_TRUE(await_allocate(disk_, file, path, 0, bytes).ok());
        });
    }
    void truncate(std::string_view path, uint64_t bytes) {
        with_file(path, [&](FileHandle file) { EXPECT_TRUE(disk_.truncate(file, bytes).ok()); });
    }
    void sync(std::string_view path) {
        with_file(path, [&](FileHandle file) { EXPECT_TRUE(await_sync(disk_, file, path).ok()); });
    }
    void failing_sync(std::string_view path) {
        disk_.fail_next(DiskOperation::kSync, path);
        with_file(path, [&](FileHandle file) { EXPECT_FALSE(await_sync(disk_, file, path).ok()); });
    }
    void sync_directory(std::string_view path = "/") {
        world_.run_job([&] { EXPECT_TRUE(disk_.sync_directory(path).ok()); });
    }
    void make_directory(std::string_view path) {
        world_.run_job([&] { EXPECT_TRUE(disk_.make_directory(path).ok()); });
    }
    void rename(std::string_view from, std::string_view to) {
        world_.run_job([&] { EXPECT_TRUE(disk_.rename(from, to).ok()); });
    }
    void remove(std::string_view path) {
        world_.run_job([&] { EXPECT_TRUE(disk_.remove(path).ok()); });
    }
    // A file of that content, content and name durable.
    void durable_file(std::string_view path, std::string_view text) {
        write(path, 0, text);
        sync(path);
        sync_directory(parent_path(path));
    }

    template <typename Function>
    void with_file(std::string_view path, Function function) {
        world_.run_job([&] {
            const Result<FileHandle> file = disk_.open(path, {.create = true});
            ASSERT_TRUE(file.ok());
            function(*file);
            disk_.close(*file);
        });
    }

  private:
    SimWorld world_;
    SimDisk disk_;
};

// All files and their contents: "a=text b=..", runs of one letter as "x*4096".
inline std::string describe(const DiskImage& image) {
    std::string description;
    for (const std::string& path : image.paths()) {
        if (!description.empty()) description += ' ';
        description += path + '=';
        const std::vector<std::byte> bytes = image.bytes(path);
        std::string_view text = as_text(bytes);
        while (!text.empty()) {
            const size_t run = std::min(text.find_first_not_of(text.front()), text.size());
            const char letter = text.front() == '\0' ? '.' : text.front();
            description += letter;
            if (run > 1) description += "*" + std::to_string(run) + " ";
            text.remove_prefix(run);
        }
        while (!description.empty() && description.back() == ' ') description.pop_back();
    }
    return description;
}

using Outcomes = std::set<std::string>;

inline constexpr uint64_t kOutcomeSeeds = 2000;

// Everything that some seed leaves after the death.
inline Outcomes outcomes_of(const SimDisk& disk, Death death, uint64_t seeds = kOutcomeSeeds) {
    Outcomes outcomes;
    for (uint64_t seed = 0; seed < seeds; ++seed)
        outcomes.insert(describe(disk.image_after(death, seed)));
    return outcomes;
}

// The same for a power cut that finds `image`.
inline Outcomes outcomes_of_power_cut(const DiskImage& image, uint64_t seeds = kOutcomeSeeds) {
    Outcomes outcomes;
    for (uint64_t seed = 0; seed < seeds; ++seed)
        outcomes.insert(describe(image.after(Death::kPowerCut, seed)));
    return outcomes;
}

}  // namespace timber
