#include "benches/log/log_owner.h"

#include <algorithm>
#include <filesystem>
#include <future>

#include "benches/frame/subject.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::bench {

using logengine::Batch;
using logengine::BatchCursor;
using logengine::LogEngine;
using logengine::RecordType;

namespace {

constexpr RecordType kType{1};

// So that a sum of numbers shows which they were.
uint64_t scrambled(uint64_t number) {
    number *= 0x9e3779b97f4a7c15;
    return number ^ (number >> 29);
}

}  // namespace

LogOwner::LogOwner(Setup setup)
    : setup_(std::move(setup)), payload_(setup_.payload_bytes, std::byte{0x5a}) {
    TIMBER_ASSERT(setup_.payload_bytes >= sizeof(uint64_t));
}

LogOwner::~LogOwner() {
    close();
    if (thread_ != nullptr) thread_->stop();
    std::error_code ignored;
    std::filesystem::remove_all(setup_.directory, ignored);
}

Result<std::unique_ptr<LogOwner>> LogOwner::create(Setup setup) {
    std::error_code ignored;
    std::filesystem::remove_all(setup.directory, ignored);
    std::unique_ptr<LogOwner> owner(new LogOwner(std::move(setup)));
    TIMBER_TRY(owner->platform_, Platform::create({.data_directory = "."}));
    owner->disk_ = std::make_unique<CountingDisk>(owner->platform_->disk());
    TIMBER_TRY(owner->thread_, owner->platform_->start_loop("log"));
    TIMBER_CHECK(owner->open([](const BatchCursor&) -> Status {
        return make_error(ErrorCode::kCorrupted, "a new log holds a batch");
    }));
    return owner;
}

Status LogOwner::open(logengine::BatchVisitor visitor) {
    const logengine::Options options{.directory = setup_.directory,
                                     .segment_bytes = setup_.segment_bytes};
    TIMBER_TRY(engine_, LogEngine::open({*disk_, platform_->executor(), loop()}, options,
                                        std::move(visitor)));
    return {};
}

void LogOwner::close() {
    if (engine_ == nullptr) return;
    std::promise<void> closed;
    loop().post([&] { engine_->close([&] { closed.set_value(); }); });
    closed.get_future().wait();
    on_loop([&] { engine_.reset(); });
}

Status LogOwner::append(Call& call) {
    const uint64_t number = next_number_.fetch_add(1, std::memory_order_relaxed);
    call.number = number;
    std::array<std::byte, sizeof(number)> begin;
    store(begin.data(), number);
    const std::array<ByteView, 2> payload = {begin, ByteView(payload_).subspan(begin.size())};
    Batch batch;
    TIMBER_CHECK(batch.add_pieces(kType, {.low = number}, payload));
    return engine_->append(std::move(batch),
                           [this, &call](const Result<logengine::Appended>& appended) {
                               if (!appended) return call.done(appended.error());
                               acknowledged(*appended, call.number);
                               call.done({});
                           });
}

void LogOwner::acknowledged(const logengine::Appended& appended, uint64_t number) {
    if (appended.segment() != newest_segment_) release_older_segments(appended.segment());
    total_.lsn = appended.lsn();
    total_.sum += scrambled(number);
    ++total_.batches;
}

// Releases by segments and not by bytes of payload, which say little about the room that they take:
// a lone batch of 256 bytes occupies a block.
void LogOwner::release_older_segments(logengine::SegmentId newest) {
    newest_segment_ = newest;
    if (setup_.kept_segments == 0) return;
    kept_.push_back(total_);
    if (kept_.size() <= setup_.kept_segments) return;
    kept_.pop_front();
    released_ = kept_.front();
    engine_->release(released_.lsn);
}

Status LogOwner::append_many(uint64_t batches, uint64_t together) {
    for (uint64_t sent = 0; sent < batches;) {
        const uint64_t round = std::min(together, batches - sent);
        std::atomic<uint64_t> left = round;
        std::atomic<bool> failed = false;
        std::promise<void> all_done;
        std::vector<Call> calls(round);
        for (Call& call : calls) {
            call.done = [&](const Status& status) {
                if (!status) failed = true;
                if (--left == 0) all_done.set_value();
            };
            TIMBER_CHECK(append(call));
        }
        all_done.get_future().wait();
        if (failed) return make_error(ErrorCode::kIoError, "the log refused a batch");
        sent += round;
    }
    return {};
}

Status LogOwner::warm_up(uint64_t segments) {
    constexpr uint64_t kTogether = 256;
    while (stats().segments_recycled < segments)
        TIMBER_CHECK(append_many(4 * kTogether, kTogether));
    return {};
}

logengine::Stats LogOwner::stats() {
    logengine::Stats stats;
    on_loop([&] { stats = engine_->stats(); });
    return stats;
}

Status LogOwner::check_batch(const BatchCursor& batch, Acknowledged& found) const {
    logengine::RecordCursor records(batch);
    if (batch.checkpoint() || batch.lsn() <= released_.lsn) return {};
    const bool any = records.next();
    if (!any || records.record().payload.size() != setup_.payload_bytes)
        return make_error(ErrorCode::kCorrupted, "a batch is not as it was appended");
    const auto number = load<uint64_t>(records.record().payload.data());
    if (number != records.record().tag.low)
        return make_error(ErrorCode::kCorrupted, "a record is not what its tag says");
    ++found.batches;
    found.sum += scrambled(number);
    return {};
}

Status LogOwner::reopen() {
    Acknowledged found;
    TIMBER_CHECK(open([&](const BatchCursor& batch) { return check_batch(batch, found); }));
    if (found.batches != total_.batches - released_.batches ||
        found.sum != total_.sum - released_.sum)
        return make_error(ErrorCode::kCorrupted,
                          "acknowledged " + std::to_string(total_.batches - released_.batches) +
                              " batches, found " + std::to_string(found.batches));
    return {};
}

}  // namespace timber::bench
