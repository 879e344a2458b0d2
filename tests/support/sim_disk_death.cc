// The two deaths of a simulated disk.
#include <algorithm>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "tests/support/sim_disk.h"

namespace timber {

namespace {

// What a process death keeps and loses of the writes in flight, for the report.
class InFlightLosses {
  public:
    void count(NodeId node, const IoOp& op, bool overtaken, ChangeId change,
               const Survival& survival, DeathReport& report) {
        const uint64_t first = op.offset() / kSectorBytes;
        const uint64_t sectors = (op.offset() + op.bytes() - 1) / kSectorBytes - first + 1;
        Bounds& bounds = bounds_[node];
        for (uint64_t sector = 0; sector < sectors; ++sector) {
            if (survival.sector_survives(change, sector, sectors)) {
                ++report.sectors_kept;
                bounds.last_kept = std::max(bounds.last_kept, first + sector);
            } else {
                ++report.sectors_lost;
                bounds.first_lost = std::min(bounds.first_lost, first + sector);
                report.hole_with_survivors |= overtaken;
            }
        }
        report.hole_with_survivors |= bounds.first_lost < bounds.last_kept;
    }

  private:
    struct Bounds {
        uint64_t first_lost = std::numeric_limits<uint64_t>::max();
        uint64_t last_kept = 0;
    };
    std::map<NodeId, Bounds> bounds_;
};

}  // namespace

// Lets what is in flight reach `image`, in an order and, for a process death, to an extent that
// `seed` decides. For a power cut all of it reaches the volatile cache first, where the cut finds
// it together with everything else that is not durable.
void SimDisk::apply_in_flight(DiskImage& image, Death death, uint64_t seed,
                              DeathReport& report) const {
    std::vector<const Pending*> in_flight;
    for (const auto& [number, pending] : pending_) {
        const IoKind kind = pending.op->kind();
        const bool lost = pending.fault && pending.fault->kind == FaultKind::kLose;
        const bool changes = kind == IoKind::kWrite || kind == IoKind::kAllocate;
        if (changes && !lost && pending.op->bytes() > 0) in_flight.push_back(&pending);
    }
    Random random(seed);
    for (size_t left = in_flight.size(); left > 1; --left)
        std::swap(in_flight[left - 1], in_flight[random.below(left)]);
    std::vector<ChangeId> changes;
    for (size_t index = 0; index < in_flight.size(); ++index)
        changes.push_back(image.next_change());
    const Survival survival(random.next(), changes);
    InFlightLosses losses;
    for (size_t index = 0; index < in_flight.size(); ++index) {
        const Pending& pending = *in_flight[index];
        const IoOp& op = *pending.op;
        DiskFile& file = image.mutable_file(pending.node);
        const bool partly = death == Death::kProcessDeath;
        if (op.kind() == IoKind::kWrite) {
            const ByteView bytes(op.data(), op.bytes());
            file.write(changes[index], op.offset(), bytes, partly ? &survival : nullptr);
            if (pending.overtaken) file.mark_overtaken(changes[index]);
            if (partly) {
                losses.count(pending.node, op, pending.overtaken, changes[index], survival, report);
            }
        } else if (!partly || survival.metadata_survives(changes[index], 0)) {
            file.allocate(changes[index], op.offset(), op.bytes());
        }
    }
    // A power cut counts them with all that is open.
    if (death == Death::kProcessDeath) report.changes_open += in_flight.size();
}

DiskImage SimDisk::image_after(Death death, uint64_t seed, DeathReport* report) const {
    DeathReport ignored;
    DeathReport& counts = report != nullptr ? *report : ignored;
    DiskImage image = image_;
    // Nothing is in flight after a crash but answers that say so.
    if (!crashed_) apply_in_flight(image, death, seed, counts);
    return image.after(death, seed, &counts);
}

void SimDisk::crash(Death death, uint64_t seed) {
    TIMBER_ASSERT(!crashed_);
    image_ = image_after(death, seed);
    crashed_ = true;
    for (auto& [number, pending] : pending_) {
        world_.cancel(pending.due, pending.event);
        schedule_completion(number, Duration(static_cast<int64_t>(world_.random().below(1000))));
    }
}

}  // namespace timber
