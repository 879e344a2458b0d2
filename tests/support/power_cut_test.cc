// Power cuts on a real disk: a child writes and is killed, the parent rolls back.
#include "tests/support/power_cut.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/base/io/log.h"
#include "src/base/random.h"
#include "src/platform/platform.h"
#include "tests/support/power_cut_disk.h"

namespace timber {

namespace {

constexpr uint64_t kSeeds = 40;

// A directory, its power cuts, and children that use both.
class PowerCutTest : public testing::Test {
  protected:
    using Work = std::function<void(Disk&, Platform&)>;

    PowerCutTest()
        : root_(std::string(TIMBER_TEST_DIRECTORY) + "/power-cut-" + std::to_string(::getpid())) {
        std::filesystem::remove_all(root_);
        std::filesystem::create_directories(root_ + "/data");
        power_cut_.emplace(PowerCutOptions{.keep_directory = root_ + "/keep"});
    }
    ~PowerCutTest() override { std::filesystem::remove_all(root_); }

    // A child does `work` on a wrapped disk and is killed once it is over, or as soon as `enough`.
    void run_and_kill(const Work& work, const std::function<bool()>& enough = {}) {
        int ready[2];
        ASSERT_EQ(::pipe(ready), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) run_child(work, ready[1]);
        ::close(ready[1]);
        if (enough) {
            constexpr int kLooksMax = 1'000'000;
            for (int looks = 0; !enough() && looks < kLooksMax; ++looks) ::usleep(20);
            EXPECT_TRUE(enough());
        } else {
            char byte;
            EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the child died by itself";
        }
        ::close(ready[0]);
        ::kill(child, SIGKILL);
        int status;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }

    [[noreturn]] void run_child(const Work& work, int ready) {
        set_log_level(LogLevel::kWarning);
        const auto platform = Platform::create({.data_directory = root_}).value();
        PowerCutDisk disk(platform->disk(), *power_cut_);
        work(disk, *platform);
        if (::write(ready, "", 1) != 1) ::abort();
        while (true) ::pause();
    }

    std::string path(const std::string& name) const { return root_ + "/data/" + name; }

    // What the parent finds; nothing if there is no such file.
    std::optional<std::string> content(const std::string& name) const {
        std::ifstream stream(path(name), std::ios::binary);
        if (!stream) return std::nullopt;
        return std::string(std::istreambuf_iterator<char>(stream), {});
    }
    void start_afresh() {
        std::filesystem::remove_all(root_ + "/data");
        std::filesystem::create_directories(root_ + "/data");
    }
    // Does the same work, killed and rolled back under many seeds, and gives all that was found of
    // `name`.
    std::set<std::optional<std::string>> outcomes(const std::string& name, const Work& work) {
        std::set<std::optional<std::string>> found;
        for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
            start_afresh();
            run_and_kill(work);
            total_ = power_cut_->roll_back(seed);
            torn_count_ += total_.writes_torn;
            found.insert(content(name));
        }
        return found;
    }

    std::string root_;
    std::optional<PowerCut> power_cut_;
    PowerCutOutcome total_;
    size_t torn_count_ = 0;
};

// Numbers that a child leaves for its parent.
class SharedCounters {
  public:
    SharedCounters()
        : counters_(static_cast<std::atomic<uint64_t>*>(
              ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        TIMBER_ASSERT(counters_ != MAP_FAILED);
    }
    ~SharedCounters() { ::munmap(counters_, kBytes); }
    SharedCounters(const SharedCounters&) = delete;
    SharedCounters& operator=(const SharedCounters&) = delete;

    std::atomic<uint64_t>& operator[](size_t i) { return counters_[i]; }
    void clear() {
        for (size_t i = 0; i < kBytes / sizeof(*counters_); ++i) counters_[i] = 0;
    }

  private:
    static constexpr size_t kBytes = 4096;
    std::atomic<uint64_t>* counters_;
};

void check(const Status& status) { TIMBER_ASSERT(status.ok()); }

void put(Disk& disk, FileHandle file, uint64_t offset, const std::string& text,
         bool durable = false) {
    check(await_write(disk, file, "file", offset, as_bytes(text), durable));
}

// A file of that content, durable with its name.
FileHandle make_durable(Disk& disk, const std::string& path, const std::string& text) {
    const FileHandle file = disk.open(path, {.create = true}).value();
    put(disk, file, 0, text);
    check(await_sync(disk, file, path));
    check(disk.sync_directory(parent_path(path)));
    return file;
}

const std::string kOld(4096, 'o');
const std::string kNew(4096, 'n');

TEST_F(PowerCutTest, SyncedDataIsAlwaysThere) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        const FileHandle file = make_durable(disk, path("f"), kOld);
        put(disk, file, 0, kNew);
        check(await_sync(disk, file, "f"));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kNew}));
}

TEST_F(PowerCutTest, DurableWriteIsAlwaysThereEvenOverAnUnsyncedOne) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        const FileHandle file = make_durable(disk, path("f"), kOld);
        put(disk, file, 0, std::string(4096, 'x'));
        put(disk, file, 0, kNew, true);
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kNew}));
}

TEST_F(PowerCutTest, DurableWriteKeepsTheSizeThatItNeeds) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        const FileHandle file = make_durable(disk, path("f"), "old");
        check(await_allocate(disk, file, "f", 0, 8192));
        put(disk, file, 0, kNew, true);
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kNew, kNew + std::string(4096, '\0')}));
}

TEST_F(PowerCutTest, UnsyncedWriteIsThereOrGoneOrTorn) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        put(disk, make_durable(disk, path("f"), kOld), 0, kNew);
    });
    EXPECT_TRUE(found.contains(kOld));
    EXPECT_TRUE(found.contains(kNew));
    EXPECT_GT(torn_count_, 0u);
    EXPECT_GT(found.size(), 3u);
    for (const auto& text : found) {
        ASSERT_EQ(text->size(), 4096u);
        for (size_t at = 0; at < 4096; ++at) {
            ASSERT_EQ((*text)[at], (*text)[round_down(at, kSectorBytes)]) << "torn in a sector";
        }
    }
}

TEST_F(PowerCutTest, UnsyncedNameIsThereOrGoneOrEmpty) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        const FileHandle file = disk.open(path("f"), {.create = true}).value();
        put(disk, file, 0, kNew);
    });
    EXPECT_TRUE(found.contains(std::nullopt));
    EXPECT_TRUE(found.contains(""));
    EXPECT_TRUE(found.contains(kNew));
}

TEST_F(PowerCutTest, SyncedFileMayStillLoseItsName) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        const FileHandle file = disk.open(path("f"), {.create = true}).value();
        put(disk, file, 0, kNew);
        check(await_sync(disk, file, "f"));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{std::nullopt, kNew}));
}

TEST_F(PowerCutTest, RenameReplacesOrDoesNot) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        disk.close(make_durable(disk, path("f"), kOld));
        disk.close(make_durable(disk, path("f.new"), kNew));
        check(disk.rename(path("f.new"), path("f")));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kOld, kNew}));
}

TEST_F(PowerCutTest, SyncedRenameStays) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        disk.close(make_durable(disk, path("f"), kOld));
        disk.close(make_durable(disk, path("f.new"), kNew));
        check(disk.rename(path("f.new"), path("f")));
        check(disk.sync_directory(root_ + "/data/"));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kNew}));
}

TEST_F(PowerCutTest, RemovedFileMayComeBackUntilTheDirectoryIsSynced) {
    const auto removed = outcomes("f", [&](Disk& disk, Platform&) {
        disk.close(make_durable(disk, path("f"), kOld));
        check(disk.remove(path("f")));
    });
    EXPECT_EQ(removed, (std::set<std::optional<std::string>>{std::nullopt, kOld}));
    const auto synced = outcomes("f", [&](Disk& disk, Platform&) {
        disk.close(make_durable(disk, path("f"), kOld));
        check(disk.remove(path("f")));
        check(disk.sync_directory(root_ + "/data"));
        TIMBER_ASSERT(std::filesystem::is_empty(root_ + "/keep"));
    });
    EXPECT_EQ(synced, (std::set<std::optional<std::string>>{std::nullopt}));
}

TEST_F(PowerCutTest, TruncatedTailMayComeBack) {
    const auto found = outcomes("f", [&](Disk& disk, Platform&) {
        check(disk.truncate(make_durable(disk, path("f"), kOld), 1000));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{kOld.substr(0, 1000), kOld}));
}

TEST_F(PowerCutTest, DirectoryMayGoWithAllThatIsInIt) {
    const auto found = outcomes("d/f", [&](Disk& disk, Platform&) {
        check(disk.make_directory(path("d")));
        disk.close(make_durable(disk, path("d/f"), kNew));
    });
    EXPECT_EQ(found, (std::set<std::optional<std::string>>{std::nullopt, kNew}));
}

// The process dies, another starts and syncs, or does not, and then the power goes.
TEST_F(PowerCutTest, WhatADeadProcessHadNotSyncedIsStillInDoubt) {
    std::set<std::optional<std::string>> unsynced, synced;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const bool syncs = seed % 2 == 0;
        start_afresh();
        run_and_kill([&](Disk& disk, Platform&) {
            put(disk, make_durable(disk, path("f"), kOld), 0, kNew);
        });
        EXPECT_EQ(content("f"), kNew) << "the death of a process loses nothing";
        run_and_kill([&](Disk& disk, Platform&) {
            const FileHandle file = disk.open(path("f"), {}).value();
            if (syncs) check(await_sync(disk, file, "f"));
        });
        power_cut_->roll_back(seed / 2);
        (syncs ? synced : unsynced).insert(content("f"));
    }
    EXPECT_TRUE(unsynced.contains(kOld) && unsynced.contains(kNew));
    EXPECT_EQ(synced, (std::set<std::optional<std::string>>{kNew}));
}

TEST_F(PowerCutTest, RollBackIsDeterministic) {
    std::set<std::optional<std::string>> found;
    for (int round = 0; round < 3; ++round) {
        start_afresh();
        run_and_kill([&](Disk& disk, Platform&) {
            const FileHandle file = make_durable(disk, path("f"), kOld);
            for (uint64_t i = 0; i < 8; ++i) put(disk, file, i * 512, std::string(512, 'n'));
        });
        power_cut_->roll_back(7);
        found.insert(content("f"));
    }
    EXPECT_EQ(found.size(), 1u);
}

// --- A random workload, killed at a random moment, against a model of each sector ---

constexpr uint64_t kSectors = 64;
constexpr uint64_t kStepsMax = 2'000;

struct Step {
    enum Kind { kWrite, kDurableWrite, kSync } kind;
    uint64_t first_sector;
    uint64_t sector_count;
};

Step draw_step(Random& random) {
    const uint64_t drawn = random.below(10);
    const Step::Kind kind = drawn < 6   ? Step::kWrite
                            : drawn < 9 ? Step::kDurableWrite
                                        : Step::kSync;
    const uint64_t first = random.below(kSectors);
    return {kind, first, 1 + random.below(std::min<uint64_t>(8, kSectors - first))};
}

std::string sector_of_step(uint64_t step) {
    std::string text = std::to_string(step) + ' ';
    while (text.size() < kSectorBytes) text += text;
    return text.substr(0, kSectorBytes);
}

// `done` counts the steps that were acknowledged.
void run_steps(Disk& disk, FileHandle file, uint64_t seed, std::atomic<uint64_t>& done) {
    Random random(seed);
    for (uint64_t step = 1; step <= kStepsMax; ++step) {
        const Step drawn = draw_step(random);
        std::string text;
        for (uint64_t i = 0; i < drawn.sector_count; ++i) text += sector_of_step(step);
        const bool durable = drawn.kind == Step::kDurableWrite;
        if (drawn.kind == Step::kSync) {
            check(await_sync(disk, file, "f"));
        } else {
            put(disk, file, drawn.first_sector * kSectorBytes, text, durable);
        }
        done.store(step);
    }
}

// For each sector, the steps whose content it may show when `done` steps were acknowledged.
std::array<std::set<uint64_t>, kSectors> allowed_steps(uint64_t seed, uint64_t done) {
    std::array<std::set<uint64_t>, kSectors> allowed;
    for (auto& steps : allowed) steps.insert(0);
    Random random(seed);
    for (uint64_t step = 1; step <= std::min(done + 1, kStepsMax); ++step) {
        const Step drawn = draw_step(random);
        if (drawn.kind == Step::kSync) {
            if (step > done) break;
            for (auto& steps : allowed) steps = {*steps.rbegin()};
            continue;
        }
        for (uint64_t i = 0; i < drawn.sector_count; ++i) {
            auto& steps = allowed[drawn.first_sector + i];
            if (drawn.kind == Step::kDurableWrite && step <= done) steps.clear();
            steps.insert(step);
        }
    }
    return allowed;
}

TEST_F(PowerCutTest, EverySectorShowsAStateThatItHadSinceItWasLastDurable) {
    SharedCounters counters;
    std::atomic<uint64_t>& done = counters[0];
    Random random(11);
    size_t in_doubt_count = 0;
    size_t lost_count = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        start_afresh();
        done = 0;
        const uint64_t enough = random.between(1, 150);
        run_and_kill(
            [&](Disk& disk, Platform&) {
                std::string zeroes;
                for (uint64_t i = 0; i < kSectors; ++i) zeroes += sector_of_step(0);
                const FileHandle file = make_durable(disk, path("f"), zeroes);
                run_steps(disk, file, seed, done);
            },
            [&] { return done >= enough; });
        power_cut_->roll_back(seed);
        const auto text = content("f");
        ASSERT_TRUE(text.has_value() && text->size() == kSectors * kSectorBytes);
        const auto allowed = allowed_steps(seed, done);
        for (uint64_t i = 0; i < kSectors; ++i) {
            const std::string sector = text->substr(i * kSectorBytes, kSectorBytes);
            const uint64_t shown = std::stoull(sector);
            ASSERT_EQ(sector, sector_of_step(shown));
            ASSERT_TRUE(allowed[i].contains(shown))
                << "seed " << seed << " sector " << i << " step " << shown << " of " << done;
            in_doubt_count += allowed[i].size() > 1 ? 1 : 0;
            lost_count += shown != *allowed[i].rbegin() ? 1 : 0;
        }
    }
    EXPECT_GT(in_doubt_count, 100u);
    EXPECT_GT(lost_count, 30u);
}

// --- Durable writes from a loop, several in flight ---

// One place in the file, written with a rising number, one block each time.
struct Slot {
    Slot(Disk& its_disk, Loop& loop, FileHandle its_file, uint64_t its_number,
         std::atomic<uint64_t>& its_acknowledged)
        : disk(its_disk),
          file(its_file),
          number(its_number),
          acknowledged(its_acknowledged),
          op(loop, [](void* context, IoOp&) { static_cast<Slot*>(context)->completed(); }, this) {}

    void write_next() {
        const std::string text = sector_of_step(++value);
        for (size_t at = 0; at < block.size(); at += kSectorBytes) {
            std::memcpy(block.data() + at, text.data(), kSectorBytes);
        }
        op.prepare_write(file, number * block.size(), block, true);
        disk.submit(op);
    }
    void completed() {
        TIMBER_ASSERT(op.result().ok());
        acknowledged = value;
        write_next();
    }

    Disk& disk;
    FileHandle file;
    uint64_t number;
    std::atomic<uint64_t>& acknowledged;
    uint64_t value = 0;
    alignas(kDirectAlignment) std::array<std::byte, kDirectAlignment> block = {};
    IoOp op;
};

TEST_F(PowerCutTest, AcknowledgedDurableWritesOfALoopAreThere) {
    constexpr uint64_t kSlots = 4;
    SharedCounters acknowledged;
    Random random(12);
    uint64_t total = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        start_afresh();
        acknowledged.clear();
        const uint64_t enough = random.between(1, 40);
        run_and_kill(
            [&](Disk& disk, Platform& platform) {
                const std::string zeroes(kSlots * kDirectAlignment, '0');
                disk.close(make_durable(disk, path("f"), zeroes));
                const FileHandle file = disk.open(path("f"), {.direct = true}).value();
                const auto thread = platform.start_loop("log").value();
                std::vector<std::unique_ptr<Slot>> slots;
                for (uint64_t i = 0; i < kSlots; ++i) {
                    slots.push_back(
                        std::make_unique<Slot>(disk, thread->loop(), file, i, acknowledged[i]));
                    thread->call([&] { slots.back()->write_next(); });
                }
                while (true) ::pause();
            },
            [&] { return acknowledged[0] >= enough; });
        power_cut_->roll_back(seed);
        const auto text = content("f");
        for (uint64_t i = 0; i < kSlots; ++i) {
            if (acknowledged[i] == 0) continue;
            for (uint64_t at = 0; at < kDirectAlignment; at += kSectorBytes) {
                const auto sector = text->substr(i * kDirectAlignment + at, kSectorBytes);
                const uint64_t shown = std::stoull(sector);
                EXPECT_EQ(sector, sector_of_step(shown));
                EXPECT_TRUE(shown == acknowledged[i] || shown == acknowledged[i] + 1)
                    << "seed " << seed << " slot " << i << " shows " << shown << " after "
                    << acknowledged[i];
            }
            total += acknowledged[i];
        }
    }
    EXPECT_GT(total, 100u);
}

// --- The log of records ---

TEST(PowerCutLogTest, LiveRecordsSurviveTheMoveToTheOtherHalf) {
    PowerCutLog log(8192);
    const uint64_t first = log.append({.kind = PowerCutKind::kCreate, .path = "name"});
    const std::string image(500, 'i');
    for (uint64_t i = 0; i < 200; ++i) {
        const uint64_t sequence =
            log.append({.kind = PowerCutKind::kWrite, .file = i, .image = as_bytes(image)});
        if (i < 199) log.drop(sequence);
    }
    PowerCutLog::Visitor visitor = [&](uint64_t sequence, const PowerCutRecord& record) {
        if (sequence == first) {
            EXPECT_EQ(record.path, "name");
        } else {
            EXPECT_EQ(record.file, 199u);
            EXPECT_EQ(as_text(record.image), image);
        }
    };
    EXPECT_EQ(log.live_count(), 2u);
    log.visit(visitor);
    log.attach();
    EXPECT_EQ(log.live_count(), 2u);
    log.visit(visitor);
    log.clear();
    EXPECT_EQ(log.live_count(), 0u);
}

}  // namespace

}  // namespace timber
