#pragma once
// One log on a simulated disk, with verbs that read like a story: append, run, crash, reopen,
// expect.
//
// Thread:   the test's.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logengine/log_engine.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::logengine {

// What a visitor saw of one batch.
struct SeenBatch {
    Lsn lsn;
    bool checkpoint = false;
    std::vector<std::string> payloads;
    std::vector<RecordLocation> locations;

    friend bool operator==(const SeenBatch&, const SeenBatch&) = default;
};

// What became of an append.
struct Answer {
    bool done = false;
    std::optional<Error> error;
    Lsn lsn;
    std::vector<RecordLocation> locations;
};

class LogFixture {
  public:
    explicit LogFixture(uint64_t seed = 1, SimDisk::Options disk_options = {});
    ~LogFixture();

    // Small segments, so that edges are frequent.
    Options options;

    SimWorld& world() { return *world_; }
    SimDisk& disk() { return *disk_; }
    LogEngine& log() { return *log_; }
    EventLoop& loop() { return *loop_; }

    // Opens the log; `seen` then holds what it held, oldest first.
    Status open();
    std::vector<SeenBatch> seen;

    // Appends a batch with these records, of type 1 and tags 0, 1, ...; the answer comes when the
    // world runs.
    std::shared_ptr<Answer> append(std::vector<std::string> payloads,
                                   Urgency urgency = Urgency::kNormal);
    std::shared_ptr<Answer> append(Batch batch, Urgency urgency = Urgency::kNormal);
    // The same, and runs until it is answered.
    Answer append_and_wait(std::vector<std::string> payloads);

    // Until nothing is left to do, the witness included.
    void run() { world_->run_until_idle(); }
    void close();
    // The machine dies; afterwards open() finds what the death left.
    void crash(Death death, uint64_t seed);
    // close() or crash() first: goes on with this image.
    void restart_on(DiskImage image);

    Result<std::string> read(const RecordLocation& location);

    // Payloads of all batches that are no checkpoints.
    std::vector<std::string> seen_payloads() const;

  private:
    void end_life();

    uint64_t seed_;
    SimDisk::Options disk_options_;
    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<LogEngine> log_;
};

}  // namespace timber::logengine
