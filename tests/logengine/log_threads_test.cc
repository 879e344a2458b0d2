// The log with real threads, loops and files: appends and reads from several threads at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <semaphore>
#include <thread>

#include "logengine/log_engine.h"
#include "src/platform/platform.h"

namespace timber::logengine {
namespace {

class LogThreads : public testing::TestWithParam<IoBackend> {
  protected:
    LogThreads() {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        platform_ = Platform::create({.backend = GetParam(), .data_directory = directory_}).value();
        loop_ = platform_->start_loop("log").value();
        options_.directory = directory_ + "/log";
        options_.segment_bytes = 256_KiB;
    }
    ~LogThreads() override {
        loop_->stop();
        platform_.reset();
        std::filesystem::remove_all(directory_);
    }

    // Runs `job` on the platform's executor and waits for it.
    template <typename Job>
    void run_job(Job job) {
        std::binary_semaphore ended(0);
        platform_->executor().run("test", [&] {
            job();
            ended.release();
        });
        ended.acquire();
    }
    void open() {
        run_job([&] {
            payloads_.clear();
            auto opened = LogEngine::open(
                {platform_->disk(), platform_->executor(), loop_->loop()}, options_,
                [&](const BatchCursor& batch) -> Status {
                    RecordCursor records(batch);
                    while (records.next())
                        if (!batch.checkpoint())
                            payloads_.emplace_back(as_text(records.record().payload));
                    return {};
                });
            ASSERT_TRUE(opened.ok()) << opened.error().to_string();
            log_ = std::move(*opened);
        });
    }
    void close() {
        std::binary_semaphore closed(0);
        loop_->call([&] { log_->close([&] { closed.release(); }); });
        closed.acquire();
        loop_->call([&] { log_.reset(); });
    }

    const std::string directory_ = std::string(TIMBER_TEST_DIRECTORY) + "/log-threads";
    std::unique_ptr<Platform> platform_;
    std::unique_ptr<LoopThread> loop_;
    Options options_;
    std::unique_ptr<LogEngine> log_;
    std::vector<std::string> payloads_;
};

TEST_P(LogThreads, AppendAndReadFromSeveralAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kAppends = 150;
    open();
    std::vector<uint64_t> completed;  // the loop's
    std::vector<RecordLocation> locations;
    std::counting_semaphore<> done(0);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < kAppends; ++i) {
                Batch batch;
                const std::string payload = std::to_string(thread) + ":" + std::to_string(i) +
                                            std::string(static_cast<size_t>(i) * 20, '.');
                TIMBER_ASSERT(batch.add(RecordType(1), {}, as_bytes(payload)).ok());
                const Status accepted =
                    log_->append(std::move(batch), [&](const Result<Appended>& appended) {
                        TIMBER_ASSERT(appended.ok());
                        completed.push_back(appended->lsn().value());
                        locations.push_back(appended->locations()[0]);
                        done.release();
                    });
                TIMBER_ASSERT(accepted.ok());
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (int i = 0; i < kThreads * kAppends; ++i) done.acquire();
    EXPECT_TRUE(std::ranges::is_sorted(completed));
    std::atomic<int> read = 0;
    run_job([&] {
        for (const RecordLocation& location : locations) read += log_->read(location).ok() ? 1 : 0;
    });
    EXPECT_EQ(read, kThreads * kAppends);
    close();
    open();
    EXPECT_EQ(payloads_.size(), static_cast<size_t>(kThreads * kAppends));
    close();
}

TEST_P(LogThreads, ReadersRaceWithRecycling) {
    open();
    std::counting_semaphore<> done(0);
    RecordLocation first;
    for (int i = 0; i < 400; ++i) {
        Batch batch;
        const std::string payload(8000, 'p');
        ASSERT_TRUE(batch.add(RecordType(1), {}, as_bytes(payload)).ok());
        RecordLocation location;
        ASSERT_TRUE(log_->append(std::move(batch),
                                 [&](const Result<Appended>& appended) {
                                     TIMBER_ASSERT(appended.ok());
                                     location = appended->locations()[0];
                                     if (appended->lsn() > Lsn(3))
                                         log_->release(appended->lsn() - 3);
                                     done.release();
                                 })
                        .ok());
        done.acquire();
        if (i % 40 == 0) first = location;
        // An old location: there, or gone, and never another record.
        platform_->executor().run("reader", [&, old = first] {
            const auto stored = log_->read(old);
            if (stored) {
                TIMBER_ASSERT_OP(stored->record.payload.size(), ==, 8000u);
            } else {
                TIMBER_ASSERT(stored.error().code == ErrorCode::kNotFound);
            }
            done.release();
        });
        done.acquire();
    }
    loop_->call([&] { EXPECT_GT(log_->stats().segments_recycled, 3u); });
    close();
}

std::string name_of(const testing::TestParamInfo<IoBackend>& backend) {
    return backend.param == IoBackend::kThreads ? "Threads" : "Automatic";
}

INSTANTIATE_TEST_SUITE_P(Backends, LogThreads,
                         testing::Values(IoBackend::kThreads, IoBackend::kAutomatic), name_of);

}  // namespace
}  // namespace timber::logengine
