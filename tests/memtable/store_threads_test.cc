// The store with real threads, loops and files: readers on threads of their own while the owner
// writes, flushes, compacts, ingests and exports.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <thread>

#include "memtable/store.h"
#include "src/platform/platform.h"

namespace timber::memtable {
namespace {

constexpr size_t kKeys = 400;

std::string key_of(size_t number) {
    std::string text = std::to_string(number);
    return "k" + std::string(4 - text.size(), '0') + text;
}

class StoreThreads : public testing::TestWithParam<IoBackend>, public StoreListener {
  protected:
    StoreThreads() {
        std::filesystem::remove_all(directory_);
        std::filesystem::create_directories(directory_);
        platform_ = Platform::create({.backend = GetParam(), .data_directory = directory_}).value();
        loop_ = platform_->start_loop("store").value();
        options_.directory = directory_ + "/store";
        options_.memory_table_bytes = 64_KiB;
        options_.block_cache_bytes = 256_KiB;
        options_.level1_bytes = 256_KiB;
        options_.job_step_bytes = 32_KiB;
        for (FamilyOptions& family : options_.families) family.table_bytes_target = 64_KiB;
        open();
    }
    ~StoreThreads() override {
        close();
        loop_->stop();
        platform_.reset();
        std::filesystem::remove_all(directory_);
    }

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
            auto opened = Store::open({platform_->disk(), platform_->executor(), loop_->loop()},
                                      options_, *this);
            ASSERT_TRUE(opened.ok()) << opened.error().to_string();
            store_ = std::move(*opened);
        });
        loop_->call([&] { store_->finish_recovery(); });
    }
    void close() {
        std::binary_semaphore closed(0);
        loop_->call([&] { store_->close([&] { closed.release(); }); });
        closed.acquire();
        loop_->call([&] { store_.reset(); });
    }
    // Calls `start(done)` on the loop and waits for the status.
    template <typename Start>
    Status wait_for(Start start) {
        std::binary_semaphore done(0);
        Status result;
        loop_->call([&] {
            start([&](Status status) {
                result = std::move(status);
                done.release();
            });
        });
        done.acquire();
        return result;
    }
    // Until the store takes it.
    void write(const WriteBatch& batch) {
        bool written = false;
        while (!written) {
            loop_->call([&] {
                const Result<Sequence> result = store_->write(batch);
                TIMBER_ASSERT(result.ok() || result.error().code == ErrorCode::kBusy);
                written = result.ok();
            });
            if (!written) std::this_thread::yield();
        }
    }
    // Every key of a round has the round's number, in two families alike.
    void write_round(uint64_t round) {
        WriteBatch batch;
        for (size_t number = 0; number < kKeys; ++number) {
            std::string value = std::to_string(round) + ":" + std::string(round % 97, 'v');
            batch.put(Family::kDefault, key_of(number), value);
            if (number % 8 == 0) batch.put(Family::kWrite, key_of(number), value);
        }
        write(batch);
    }
    // A consistent moment: all keys of both families are of one round.
    void check_moment() {
        const SnapshotRef snapshot = store_->snapshot();
        const ReadOptions options{.snapshot = snapshot.get()};
        std::string round;
        size_t keys = 0;
        const auto iterator = store_->new_iterator(options, Family::kDefault);
        for (iterator->seek_to_first(); iterator->valid(); iterator->next(), ++keys) {
            if (keys == 0) round = iterator->value();
            TIMBER_ASSERT(iterator->value() == round);
        }
        TIMBER_ASSERT(iterator->status().ok());
        TIMBER_ASSERT(keys == kKeys || keys == 0);
        PinnedValue value;
        for (size_t number = 0; number < kKeys && keys > 0; number += 40) {
            TIMBER_ASSERT(store_->get(options, Family::kWrite, key_of(number), value).value());
            TIMBER_ASSERT(value.view() == round);
            TIMBER_ASSERT(store_->get({}, Family::kDefault, key_of(number), value).value());
        }
    }

    LogMark log_floor() override { return LogMark(1); }
    void flushed(Sequence, LogMark) override {}
    void condition_changed(Condition condition) override {
        TIMBER_ASSERT(condition == Condition::kRunning);
    }

    const std::string directory_ = std::string(TIMBER_TEST_DIRECTORY) + "/store-threads";
    std::unique_ptr<Platform> platform_;
    std::unique_ptr<LoopThread> loop_;
    Options options_;
    std::unique_ptr<Store> store_;
};

TEST_P(StoreThreads, ReadersSeeConsistentMomentsWhateverTheStoreDoes) {
    write_round(1);
    std::atomic<bool> stop = false;
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            while (!stop) check_moment();
        });
    for (uint64_t round = 2; round <= 60; ++round) {
        write_round(round);
        if (round % 10 == 0) {
            EXPECT_TRUE(wait_for([&](Store::Done done) { store_->flush(std::move(done)); }));
        }
        if (round % 25 == 0) {
            EXPECT_TRUE(wait_for([&](Store::Done done) {
                store_->compact_range(Family::kDefault, {}, std::move(done));
            }));
        }
    }
    EXPECT_TRUE(wait_for([&](Store::Done done) { store_->settle(std::move(done)); }));
    stop = true;
    for (std::thread& reader : readers) reader.join();
    run_job([&] { check_moment(); });
    loop_->call([&] {
        store_->check_invariants();
        EXPECT_GT(store_->stats().compactions, 0u);
    });
}

TEST_P(StoreThreads, ReadersSeeAnIngestWholeOrNotAtAll) {
    write_round(1);
    std::atomic<bool> stop = false;
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!stop) check_moment();
        });
    for (uint64_t round = 2; round <= 12; ++round) {
        // The range as it is, taken out, and put back in place of what was written meanwhile.
        std::vector<ExportedFile> files;
        EXPECT_TRUE(wait_for([&](Store::Done done) {
            store_->export_range({.directory = directory_, .prefix = "round"},
                                 [&files, done = std::move(done)](auto exported) mutable {
                                     if (exported) files = *exported;
                                     done(exported ? Status() : Status(exported.error()));
                                 });
        }));
        write_round(round);
        IngestRequest request;
        loop_->call([&] {
            for (const ExportedFile& file : files) {
                const Store::ReservedFile place = store_->reserve_file();
                std::filesystem::rename(file.path, place.path);
                request.files.push_back({.number = place.number,
                                         .family = file.family,
                                         .id = file.id,
                                         .file_bytes = file.file_bytes,
                                         .file_checksum = file.file_checksum});
            }
        });
        request.rows.put(Family::kMeta, "round", std::to_string(round));
        EXPECT_TRUE(wait_for(
            [&](Store::Done done) { store_->ingest(std::move(request), std::move(done)); }));
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    close();
    open();
    run_job([&] { check_moment(); });
}

std::string name_of(const testing::TestParamInfo<IoBackend>& backend) {
    return backend.param == IoBackend::kThreads ? "Threads" : "Automatic";
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreThreads,
                         testing::Values(IoBackend::kThreads, IoBackend::kAutomatic), name_of);

}  // namespace
}  // namespace timber::memtable
