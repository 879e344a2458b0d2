#include "tests/logengine/log_fixture.h"

namespace timber::logengine {

LogFixture::LogFixture(uint64_t seed, SimDisk::Options disk_options)
    : seed_(seed), disk_options_(disk_options) {
    options.directory = "log";
    options.segment_bytes = 64_KiB;
    options.group_bytes_target = 16_KiB;
    restart_on({});
}

LogFixture::~LogFixture() { end_life(); }

void LogFixture::end_life() {
    if (world_ == nullptr) return;
    close();
    world_->run_until_idle();
    disk_.reset();
    loop_.reset();
    world_.reset();
}

void LogFixture::restart_on(DiskImage image) {
    end_life();
    world_ = std::make_unique<SimWorld>(seed_++);
    loop_ = std::make_unique<SimLoop>(*world_, "owner");
    disk_ = std::make_unique<SimDisk>(*world_, disk_options_, std::move(image));
}

Status LogFixture::open() {
    seen.clear();
    Status status;
    world_->run_job([&] {
        auto opened = LogEngine::open(
            {*disk_, world_->executor(), *loop_}, options, [&](const BatchCursor& batch) -> Status {
                SeenBatch one{.lsn = batch.lsn(), .checkpoint = batch.checkpoint()};
                RecordCursor records(batch);
                while (records.next()) {
                    one.payloads.emplace_back(as_text(records.record().payload));
                    one.locations.push_back(records.record().location);
                }
                seen.push_back(std::move(one));
                return {};
            });
        if (opened) {
            log_ = std::move(*opened);
        } else {
            status = std::move(opened).error();
        }
    });
    return status;
}

std::shared_ptr<Answer> LogFixture::append(std::vector<std::string> payloads, Urgency urgency) {
    Batch batch;
    uint64_t number = 0;
    for (const std::string& payload : payloads) {
        const Status added = batch.add(RecordType(1), {0, number++}, as_bytes(payload));
        if (!added) {
            auto answer = std::make_shared<Answer>();
            answer->done = true;
            answer->error = added.error();
            return answer;
        }
    }
    return append(std::move(batch), urgency);
}

std::shared_ptr<Answer> LogFixture::append(Batch batch, Urgency urgency) {
    auto answer = std::make_shared<Answer>();
    const Status accepted = log_->append(
        std::move(batch),
        [answer](const Result<Appended>& appended) {
            TIMBER_ASSERT(!answer->done);
            answer->done = true;
            if (appended) {
                answer->lsn = appended->lsn();
                answer->locations = appended->locations();
            } else {
                answer->error = appended.error();
            }
        },
        urgency);
    if (!accepted) {
        answer->done = true;
        answer->error = accepted.error();
    }
    return answer;
}

Answer LogFixture::append_and_wait(std::vector<std::string> payloads) {
    const auto answer = append(std::move(payloads));
    world_->run_until([&] { return answer->done; });
    log_->check_invariants();
    return *answer;
}

void LogFixture::close() {
    if (log_ == nullptr) return;
    bool closed = false;
    log_->close([&] { closed = true; });
    world_->run_until([&] { return closed; });
    log_.reset();
}

void LogFixture::crash(Death death, uint64_t seed) {
    disk_->crash(death, seed);
    DiskImage left = disk_->image();
    restart_on(std::move(left));
}

Result<std::string> LogFixture::read(const RecordLocation& location) {
    Result<std::string> text = std::string();
    world_->run_job([&] {
        auto stored = log_->read(location);
        if (stored) {
            text = std::string(as_text(stored->record.payload));
        } else {
            text = stored.error();
        }
    });
    return text;
}

std::vector<std::string> LogFixture::seen_payloads() const {
    std::vector<std::string> all;
    for (const SeenBatch& batch : seen) {
        if (!batch.checkpoint) all.insert(all.end(), batch.payloads.begin(), batch.payloads.end());
    }
    return all;
}

}  // namespace timber::logengine
