#include "tests/crash/log/log_world.h"

#include "tests/crash/log/damage.h"

namespace timber::logengine {

Scenario LogWorld::begin(uint64_t seed, const crash::Limits& limits) {
    const Scenario scenario = draw_scenario(seed, limits);
    log_id_ = scenario.log.log_id;
    contents_.clear();
    return scenario;
}

std::unique_ptr<Life> LogWorld::make_life(const Scenario& scenario,
                                          crash::LifeStart<LogWorld> start,
                                          crash::LifeWatcher<LogWorld>& watcher) {
    return std::make_unique<Life>(scenario, contents_, std::move(start), watcher);
}

DiskImage LogWorld::damage(const DiskImage& clean, const Life& life, uint64_t seed) {
    return damaged(clean, life.earlier_image(), seed);
}

Lsn LogWorld::proof(const Life& life, const DiskImage& damaged) const {
    const std::vector<OwedBatch>& owed = life.model().owed();
    if (life.witnessed()) return owed.empty() ? Lsn() : owed.back().lsn;
    return proven_without(life.disk().image(), damaged, log_id_);
}

}  // namespace timber::logengine
