#pragma once
// The log, as the crash explorer sees it.
#include <array>
#include <memory>
#include <span>

#include "tests/crash/explorer.h"
#include "tests/crash/log/contents.h"
#include "tests/crash/log/life.h"
#include "tests/crash/log/model.h"
#include "tests/crash/log/workload.h"

namespace timber::logengine {

struct LogWorld {
    using Scenario = logengine::Scenario;
    using Model = logengine::Model;
    using Proof = Lsn;  // how far a damaged log must reach
    using Life = logengine::Life;

    enum Kind : unsigned {
        kSegmentSwitch = crash::kOwnKinds,  // the first group of a segment was in flight
        kRecycling,                         // a used segment was getting its fresh identity
    };
    static constexpr unsigned kRarestKind = kRecycling;
    static constexpr std::array<crash::KindFloor, 2> kFloors = {
        {{"inside segment switch", 5}, {"inside recycling", 5}}};
    static std::span<const unsigned> wanted_kinds() {
        static constexpr std::array<unsigned, 3> kKinds = {kSegmentSwitch, kRecycling,
                                                           crash::kRecovery};
        return kKinds;
    }
    static constexpr crash::Tuning kTuning = {.clones_per_life = {24, 4, 2},
                                              .steps_per_life = {400, 130, 100},
                                              .deeds_per_life = {60, 14, 14, 2},
                                              .states_per_scenario = 200};

    Scenario begin(uint64_t seed, const crash::Limits& limits);
    std::unique_ptr<Life> make_life(const Scenario& scenario, crash::LifeStart<LogWorld> start,
                                    crash::LifeWatcher<LogWorld>& watcher);
    static bool worth_damaging(const Life& life) { return !life.model().owed().empty(); }
    static DiskImage damage(const DiskImage& clean, const Life& life, uint64_t seed);
    Lsn proof(const Life& life, const DiskImage& damaged) const;

  private:
    Contents contents_;
    LogId log_id_;
};

}  // namespace timber::logengine
