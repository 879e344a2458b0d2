#include "tests/process/log_torture_child.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "logengine/log_engine.h"
#include "src/base/io/log.h"
#include "src/base/random.h"
#include "tests/support/power_cut_disk.h"

namespace timber {

namespace {

using logengine::Appended;
using logengine::Batch;
using logengine::BatchCursor;
using logengine::LogEngine;
using logengine::Lsn;
using logengine::RecordCursor;
using logengine::RecordType;

constexpr uint64_t kSegmentBytes = 256_KiB;
constexpr size_t kPayloadBytesMax = 6000;
constexpr size_t kLargePayloadBytesMax = 120'000;
// How many batches behind the newest acknowledged one the log is released.
constexpr uint64_t kKeptBatches = 100;
constexpr size_t kOutstanding = 16;

class Child {
  public:
    Child(const TortureChildOptions& options, PowerCut& power_cut, TortureLedger& ledger)
        : options_(options),
          ledger_(ledger),
          life_(static_cast<uint32_t>(ledger.life.load())),
          random_(options.seed),
          platform_(
              Platform::create({.backend = options.backend, .data_directory = options.directory})
                  .value()),
          disk_(platform_->disk(), power_cut),
          loop_(platform_->start_loop("log").value()) {}

    [[noreturn]] void run() {
        auto opened = LogEngine::open({disk_, platform_->executor(), loop_->loop()},
                                      {.directory = options_.directory + "/log",
                                       .segment_bytes = kSegmentBytes,
                                       .group_bytes_target = 64_KiB},
                                      [this](const BatchCursor& batch) { return see(batch); });
        if (!opened) fail("opening failed: " + opened.error().to_string());
        log_ = std::move(*opened);
        if (log_->open_report().tail.cut) ++ledger_.tails_cut;
        if (newest_seen_ < ledger_.acknowledged)
            fail("acknowledged up to " + std::to_string(ledger_.acknowledged) + ", found up to " +
                 std::to_string(newest_seen_));
        next_number_ = newest_seen_ + 1;
        ++ledger_.recoveries;
        loop_->call([this] {
            for (size_t i = 0; i < kOutstanding; ++i) append();
        });
        while (true) ::pause();
    }

  private:
    [[noreturn]] void fail(const std::string& why) {
        std::snprintf(ledger_.failure, sizeof ledger_.failure, "life %u: %s", life_, why.c_str());
        std::_Exit(1);
    }

    static std::string payload_of(uint64_t number, uint32_t life) {
        Random random(number * 1000003 + life);
        const size_t bytes = random.one_in(50) ? random.below(kLargePayloadBytesMax)
                                               : random.below(kPayloadBytesMax);
        std::string payload(sizeof number + sizeof life + bytes, '\0');
        std::memcpy(payload.data(), &number, sizeof number);
        std::memcpy(payload.data() + sizeof number, &life, sizeof life);
        for (size_t i = sizeof number + sizeof life; i < payload.size(); ++i)
            payload[i] = static_cast<char>(number + i * (life | 1));
        return payload;
    }

    Status see(const BatchCursor& batch) {
        if (batch.checkpoint()) return {};
        RecordCursor records(batch);
        if (!records.next()) fail("a batch without records");
        const std::string_view payload = as_text(records.record().payload);
        uint64_t number = 0;
        if (payload.size() < sizeof number) fail("a record that was never appended");
        std::memcpy(&number, payload.data(), sizeof number);
        if (number == 0 || number >= TortureLedger::kNumbersMax)
            fail("a record that was never appended");
        if (newest_seen_ == 0 && number > ledger_.released + 1)
            fail("batches after " + std::to_string(ledger_.released) + " up to " +
                 std::to_string(number) + " are gone");
        if (newest_seen_ != 0 && number != newest_seen_ + 1)
            fail("batch " + std::to_string(number) + " follows " + std::to_string(newest_seen_));
        if (payload != payload_of(number, ledger_.life_of[number]))
            fail("batch " + std::to_string(number) + " is not what was appended last under it");
        newest_seen_ = number;
        ++ledger_.batches_checked;
        return {};
    }

    void append() {
        const uint64_t number = next_number_++;
        if (number >= TortureLedger::kNumbersMax) return;
        ledger_.life_of[number] = life_;
        Batch batch;
        const std::string payload = payload_of(number, life_);
        Status status = batch.add(RecordType(1), {0, number}, as_bytes(payload));
        if (status) {
            status = log_->append(std::move(batch), [this, number](const Result<Appended>& done) {
                if (!done) fail("an append failed: " + done.error().to_string());
                acknowledge(number, done->lsn());
            });
        }
        if (!status) fail("an append was refused: " + status.error().to_string());
    }

    void acknowledge(uint64_t number, Lsn lsn) {
        if (number != ledger_.acknowledged + 1 && ledger_.acknowledged != 0 && in_order_)
            fail("batch " + std::to_string(number) + " was acknowledged out of order");
        in_order_ = true;
        ledger_.acknowledged = number;
        if (number % kKeptBatches == 0) {
            // What may go is written down before it goes.
            ledger_.released = number - 1;
            log_->release(lsn - 1);
            ledger_.segments_recycled += log_->stats().segments_recycled - recycled_;
            recycled_ = log_->stats().segments_recycled;
        }
        // Pauses let the witness be written.
        if (random_.one_in(400)) {
            pauses_.push_back(std::make_unique<Timer>([this] { append(); }));
            const auto pause = std::chrono::milliseconds(random_.below(20));
            loop_->loop().start_timer(*pauses_.back(), pause);
        } else {
            append();
        }
    }

    const TortureChildOptions& options_;
    TortureLedger& ledger_;
    const uint32_t life_;
    Random random_;
    std::unique_ptr<Platform> platform_;
    PowerCutDisk disk_;
    std::unique_ptr<LoopThread> loop_;
    std::unique_ptr<LogEngine> log_;
    uint64_t newest_seen_ = 0;
    uint64_t next_number_ = 1;
    bool in_order_ = false;  // the first acknowledgement of a life follows what was found
    uint64_t recycled_ = 0;
    std::vector<std::unique_ptr<Timer>> pauses_;
};

}  // namespace

void run_torture_child(const TortureChildOptions& options, PowerCut& power_cut,
                       TortureLedger& ledger) {
    set_log_level(LogLevel::kError);
    (new Child(options, power_cut, ledger))->run();
}

}  // namespace timber
