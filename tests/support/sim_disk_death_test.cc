// What the two deaths leave: for each small scenario, every legal outcome comes up and no other.
#include <gtest/gtest.h>

#include "tests/support/sim_disk_fixture.h"

namespace timber {
namespace {

constexpr Death kCut = Death::kPowerCut;
constexpr Death kKill = Death::kProcessDeath;

std::string letters(size_t count, char letter) { return std::string(count, letter); }

TEST(SimDiskDeath, WhatIsSyncedWithItsNameSurvives) {
    SimMachine machine;
    machine.durable_file("a", "x");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=x"});
    EXPECT_EQ(outcomes_of(machine.disk(), kKill), Outcomes{"a=x"});
    EXPECT_TRUE(machine.disk().image().settled());
}

TEST(SimDiskDeath, TwoUnsyncedWritesGiveFourSubsets) {
    SimMachine machine;
    machine.durable_file("a", letters(1024, 'o'));
    machine.write("a", 0, letters(512, 'x'));
    machine.write("a", 512, letters(512, 'y'));
    const Outcomes all = {"a=o*1024", "a=x*512 o*512", "a=o*512 y*512", "a=x*512 y*512"};
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), all);
    EXPECT_EQ(outcomes_of(machine.disk(), kKill), Outcomes{"a=x*512 y*512"});
}

TEST(SimDiskDeath, WritesToOneSectorGiveAnyOfItsStates) {
    SimMachine machine;
    machine.durable_file("a", "ooo");
    machine.write("a", 0, "x");
    machine.write("a", 1, "y");
    machine.write("a", 0, "z");
    // Never y without x: the sector that took y to the medium held x already.
    const Outcomes all = {"a=o*3", "a=xo*2", "a=xyo", "a=zyo"};
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), all);
}

TEST(SimDiskDeath, AWriteIsTornBetweenSectorsOnly) {
    SimMachine machine;
    machine.durable_file("a", letters(2048, 'o'));
    machine.write("a", 0, letters(2048, 'x'));
    const Outcomes seen = outcomes_of(machine.disk(), kCut, 10'000);
    EXPECT_EQ(seen.size(), 16u);
    EXPECT_TRUE(seen.contains("a=x*512 o*512 x*512 o*512"));
    for (uint64_t seed = 0; seed < 500; ++seed) {
        const auto bytes = machine.disk().image_after(kCut, seed).bytes("a");
        for (size_t index = 0; index < bytes.size(); ++index)
            ASSERT_EQ(bytes[index], bytes[round_down(index, kSectorBytes)]);
    }
}

TEST(SimDiskDeath, AnUnalignedWriteTearsAtTheDisksSectors) {
    SimMachine machine;
    machine.durable_file("a", letters(1024, 'o'));
    machine.write("a", 500, letters(100, 'x'));
    const Outcomes all = {"a=o*1024", "a=o*500 x*12 o*512", "a=o*512 x*88 o*424",
                          "a=o*500 x*100 o*424"};
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), all);
}

TEST(SimDiskDeath, ASyncedFileMayLoseItsName) {
    SimMachine machine;
    machine.write("a", 0, "x");
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "a=x"}));
    EXPECT_EQ(outcomes_of(machine.disk(), kKill), Outcomes{"a=x"});
}

TEST(SimDiskDeath, ASyncedNameMayPointAtAnEmptyFile) {
    SimMachine machine;
    machine.write("a", 0, "x");
    machine.sync_directory();
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"a=", "a=x", "a=."}));
}

TEST(SimDiskDeath, AFileMayBeShort) {
    SimMachine machine;
    machine.durable_file("a", letters(4096, 'o'));
    machine.write("a", 4096, letters(512, 'x'));
    machine.write("a", 4608, letters(512, 'y'));
    const Outcomes all = {"a=o*4096",
                          "a=o*4096 x*512",
                          "a=o*4096 .*512",
                          "a=o*4096 .*1024",
                          "a=o*4096 x*512 .*512",
                          "a=o*4096 .*512 y*512",
                          "a=o*4096 x*512 y*512"};
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), all);
}

TEST(SimDiskDeath, ARenameLeavesTheOldNameTheNewOneOrBoth) {
    SimMachine machine;
    machine.durable_file("tmp", "new");
    machine.durable_file("a", "old");
    machine.rename("tmp", "a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=old tmp=new", "a=new tmp=new", "a=new"}));
    machine.sync_directory();
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=new"});
}

TEST(SimDiskDeath, ARenamedFileIsLostOnlyIfItsCreationIs) {
    SimMachine machine;
    machine.durable_file("a", "old");
    machine.write("tmp", 0, "new");
    machine.sync("tmp");
    machine.rename("tmp", "a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=old", "a=old tmp=new", "a=new tmp=new", "a=new"}));
}

TEST(SimDiskDeath, AChainOfRenamesKeepsTheFile) {
    SimMachine machine;
    machine.durable_file("a", "x");
    machine.rename("a", "b");
    machine.rename("b", "c");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=x", "a=x b=x", "a=x c=x", "a=x b=x c=x", "b=x", "b=x c=x", "c=x"}));
}

TEST(SimDiskDeath, ARenameThatReplacesAnUnsyncedFileMayShowItEmpty) {
    SimMachine machine;
    machine.durable_file("a", "old");
    machine.write("tmp", 0, "new");
    machine.rename("tmp", "a");
    const Outcomes seen = outcomes_of(machine.disk(), kCut);
    EXPECT_TRUE(seen.contains("a="));
    EXPECT_TRUE(seen.contains("a=.*3"));
    EXPECT_TRUE(seen.contains("a=new"));
}

TEST(SimDiskDeath, SyncingTheOldDirectoryOfARenameKeepsTheNewName) {
    SimMachine machine;
    machine.make_directory("d");
    machine.sync_directory();
    machine.durable_file("a", "x");
    machine.rename("a", "d/a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"a=x", "a=x d/a=x", "d/a=x"}));
    machine.sync_directory("/");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"d/a=x"});
}

TEST(SimDiskDeath, SyncingTheNewDirectoryOfARenameMayKeepTheOldName) {
    SimMachine machine;
    machine.make_directory("d");
    machine.sync_directory();
    machine.durable_file("a", "x");
    machine.rename("a", "d/a");
    machine.sync_directory("d");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"a=x d/a=x", "d/a=x"}));
}

TEST(SimDiskDeath, ARemovedNameMayComeBackWithItsContent) {
    SimMachine machine;
    machine.durable_file("a", "x");
    machine.remove("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "a=x"}));
    EXPECT_EQ(outcomes_of(machine.disk(), kKill), Outcomes{""});
    machine.sync_directory();
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{""});
}

TEST(SimDiskDeath, ANameMadeAnewGivesAnyOfItsStates) {
    SimMachine machine;
    machine.durable_file("a", "old");
    machine.remove("a");
    machine.write("a", 0, "new");
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "a=old", "a=new"}));
}

TEST(SimDiskDeath, NamesAreReordered) {
    SimMachine machine;
    machine.write("a", 0, "x");
    machine.sync("a");
    machine.write("b", 0, "y");
    machine.sync("b");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "a=x", "b=y", "a=x b=y"}));
}

TEST(SimDiskDeath, ALostDirectoryTakesItsFilesAlong) {
    SimMachine machine;
    machine.make_directory("d");
    machine.durable_file("d/a", "x");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "d/a=x"}));
}

TEST(SimDiskDeath, ADurableWriteKeepsItsOwnBytesOnly) {
    SimMachine machine;
    machine.durable_file("a", letters(1536, 'o'));
    machine.write("a", 0, letters(512, 'x'));
    machine.write("a", 512, letters(512, 'y'), true);
    machine.write("a", 1024, letters(512, 'z'));
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=o*512 y*512 o*512", "a=x*512 y*512 o*512", "a=o*512 y*512 z*512",
                        "a=x*512 y*512 z*512"}));
}

TEST(SimDiskDeath, ADurableWriteIsNotUndoneByAnOlderOne) {
    SimMachine machine;
    machine.durable_file("a", letters(512, 'o'));
    machine.write("a", 0, letters(512, 'x'));
    machine.write("a", 0, letters(512, 'y'), true);
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=y*512"});
}

TEST(SimDiskDeath, ADurableWriteKeepsTheSizeThatItNeeds) {
    SimMachine machine;
    machine.durable_file("a", "");
    machine.write("a", 0, letters(512, 'x'), true);
    machine.write("a", 512, letters(512, 'y'));
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=x*512", "a=x*512 y*512", "a=x*512 .*512"}));
    machine.truncate("a", 0);
    machine.write("a", 0, "z", true);
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=z"});
}

TEST(SimDiskDeath, ATruncationIsKeptOrLost) {
    SimMachine machine;
    machine.durable_file("a", letters(5000, 'o'));
    machine.truncate("a", 100);
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"a=o*5000", "a=o*100"}));
    machine.truncate("a", 4500);
    // What was cut off never shows behind the cut.
    EXPECT_EQ(outcomes_of(machine.disk(), kCut),
              (Outcomes{"a=o*5000", "a=o*100", "a=o*100 .*4400"}));
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=o*100 .*4400"});
}

TEST(SimDiskDeath, AnAllocationIsKeptOrLost) {
    SimMachine machine(1, {.capacity_bytes = 64 * kPageBytes});
    machine.durable_file("a", "x");
    machine.allocate("a", 8 * kPageBytes);
    EXPECT_EQ(machine.disk().image().pages_used({}), 8u);
    std::set<std::pair<uint64_t, uint64_t>> seen;  // size, pages
    for (uint64_t seed = 0; seed < kOutcomeSeeds; ++seed) {
        const DiskImage image = machine.disk().image_after(kCut, seed);
        seen.emplace(image.size("a"), image.pages_used({}));
    }
    EXPECT_TRUE(seen.contains({1, 1}));
    EXPECT_TRUE(seen.contains({8 * kPageBytes, 8}));
    EXPECT_TRUE(seen.contains({8 * kPageBytes, 1}));
    EXPECT_TRUE(seen.contains({8 * kPageBytes, 4}));
    for (const auto& [size, pages] : seen) EXPECT_TRUE(size == 1 ? pages == 1 : size == 32_KiB);
}

TEST(SimDiskDeath, AProcessDeathKeepsWritesButDoesNotMakeThemDurable) {
    SimMachine machine;
    machine.durable_file("a", "o");
    machine.write("a", 0, "x");
    const DiskImage dead = machine.disk().image_after(kKill, 1);
    EXPECT_EQ(describe(dead), "a=x");
    EXPECT_FALSE(dead.settled());
    EXPECT_EQ(outcomes_of_power_cut(dead), (Outcomes{"a=o", "a=x"}));

    SimMachine next_life(2, {}, dead);
    next_life.write("b", 0, "y");
    EXPECT_TRUE(outcomes_of(next_life.disk(), kCut).contains("a=o"));
    next_life.sync("a");
    next_life.sync_directory();
    for (const std::string& outcome : outcomes_of(next_life.disk(), kCut))
        EXPECT_TRUE(outcome.starts_with("a=x b=")) << outcome;
}

TEST(SimDiskDeath, AnUnsyncedNameStaysUnsyncedAcrossAProcessDeath) {
    SimMachine machine;
    machine.write("a", 0, "x");
    machine.sync("a");
    const DiskImage dead = machine.disk().image_after(kKill, 1);
    EXPECT_EQ(outcomes_of_power_cut(dead), (Outcomes{"", "a=x"}));
}

TEST(SimDiskDeath, AFailedSyncLeavesTheBytesInDoubtForEver) {
    SimMachine machine;
    machine.durable_file("a", letters(512, 'o'));
    machine.write("a", 0, letters(512, 'x'));
    machine.failing_sync("a");
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"a=o*512", "a=x*512"}));
    // What is written anew is not in doubt.
    machine.write("a", 0, letters(512, 'y'));
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), Outcomes{"a=y*512"});
}

TEST(SimDiskDeath, AFailedDirectorySyncLeavesTheNamesInDoubt) {
    SimMachine machine;
    machine.write("a", 0, "x");
    machine.sync("a");
    machine.disk().fail_next(DiskOperation::kSyncDirectory);
    machine.world().run_job([&] { EXPECT_FALSE(machine.disk().sync_directory("/").ok()); });
    machine.sync_directory();
    EXPECT_EQ(outcomes_of(machine.disk(), kCut), (Outcomes{"", "a=x"}));
}

// Submits a write of two sectors, and `function` runs while it is in flight.
template <typename Function>
void while_writing(SimMachine& machine, Function function) {
    machine.with_file("a", [&](FileHandle file) {
        const std::string text = letters(1024, 'x');
        IoOp write;
        write.prepare_write(file, 0, as_bytes(text));
        machine.disk().submit(write);
        function(file);
        machine.disk().wait(write);
    });
}

TEST(SimDiskDeath, AWriteInFlightIsThereWhollyPartlyOrNotAtAll) {
    SimMachine machine;
    machine.durable_file("a", letters(1024, 'o'));
    const Outcomes all = {"a=o*1024", "a=x*512 o*512", "a=o*512 x*512", "a=x*1024"};
    while_writing(machine, [&](FileHandle) {
        EXPECT_EQ(outcomes_of(machine.disk(), kCut), all);
        EXPECT_EQ(outcomes_of(machine.disk(), kKill), all);
        EXPECT_EQ(machine.disk().in_flight().writes, 1u);
        // Readable after the process died, and still not durable.
        for (uint64_t seed = 0; seed < 100; ++seed) {
            const DiskImage dead = machine.disk().image_after(kKill, seed);
            EXPECT_TRUE(outcomes_of_power_cut(dead, 200).contains("a=o*1024"));
        }
    });
    EXPECT_EQ(machine.disk().in_flight().writes, 0u);
}

TEST(SimDiskDeath, ASyncDoesNotCoverAWriteInFlight) {
    uint64_t overtaken = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
        SimMachine machine(seed);
        machine.durable_file("a", letters(1024, 'o'));
        while_writing(machine, [&](FileHandle file) {
            EXPECT_TRUE(await_sync(machine.disk(), file, "a").ok());
            // The write may be complete by now, but it was not when the sync began.
            overtaken += machine.disk().in_flight().writes == 0 ? 1 : 0;
            EXPECT_EQ(outcomes_of(machine.disk(), kCut).size(), 4u);
        });
    }
    EXPECT_GT(overtaken, 0u);
}

TEST(SimDiskDeath, WritesInFlightReachTheMediumInAnyOrder) {
    Outcomes seen;
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimMachine machine(seed);
        machine.durable_file("a", "o");
        machine.with_file("a", [&](FileHandle file) {
            IoOp first;
            IoOp second;
            first.prepare_write(file, 0, as_bytes("x"));
            second.prepare_write(file, 0, as_bytes("y"));
            machine.disk().submit(first);
            machine.disk().submit(second);
            machine.disk().wait(first);
            machine.disk().wait(second);
        });
        seen.insert(describe(machine.disk().image()));
    }
    EXPECT_EQ(seen, (Outcomes{"a=x", "a=y"}));
}

TEST(SimDiskDeath, AHoleWithSurvivorsIsReported) {
    SimMachine machine;
    machine.durable_file("a", letters(1024, 'o'));
    machine.write("a", 0, letters(512, 'x'));
    machine.write("a", 512, letters(512, 'y'));
    for (uint64_t seed = 0; seed < 500; ++seed) {
        DeathReport report;
        const DiskImage image = machine.disk().image_after(kCut, seed, &report);
        EXPECT_EQ(report.hole_with_survivors, describe(image) == "a=o*512 y*512");
        EXPECT_EQ(report.changes_open, 2u);
        EXPECT_EQ(report.sectors_kept + report.sectors_lost, 2u);
    }
}

TEST(SimDiskDeath, TheSameSeedLeavesTheSame) {
    SimMachine machine;
    machine.durable_file("a", "o");
    machine.write("a", 0, letters(20'000, 'x'));
    machine.write("a", 20'000, letters(20'000, 'y'));
    std::set<uint64_t> fingerprints;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        const DiskImage first = machine.disk().image_after(kCut, seed);
        EXPECT_TRUE(first == machine.disk().image_after(kCut, seed));
        fingerprints.insert(first.fingerprint());
    }
    EXPECT_GT(fingerprints.size(), 50u);
}

}  // namespace
}  // namespace timber
