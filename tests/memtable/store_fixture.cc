#include "tests/memtable/store_fixture.h"

#include <fmt/core.h>

#include <algorithm>

#include "src/base/io/log.h"

namespace timber::memtable {

testing::AssertionResult fails(const Status& status, ErrorCode code, std::string_view file,
                               std::string_view says) {
    if (status.ok()) return testing::AssertionFailure() << "no error";
    const Error& error = status.error();
    if (error.code == code && error.file.ends_with(file) && error.detail.contains(says))
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << error.to_string();
}

testing::AssertionResult fails(const AnswerRef& answer, ErrorCode code, std::string_view file,
                               std::string_view says) {
    if (!answer->done) return testing::AssertionFailure() << "not answered";
    return fails(answer->error ? Status(*answer->error) : Status(), code, file, says);
}

StoreFixture::StoreFixture(uint64_t seed, SimDisk::Options disk_options, DiskImage image)
    : seed_(seed), disk_options_(disk_options) {
    // Tests break stores by the thousand; what is said about it is not news.
    set_log_level(LogLevel::kOff);
    options.directory = "store";
    options.memory_table_bytes = 32_KiB;
    options.memory_tables_sealed_max = 3;
    options.block_cache_bytes = 1_MiB;
    options.level1_bytes = 128_KiB;
    options.job_step_bytes = 16_KiB;
    options.manifest_bytes_max = 32_KiB;
    for (FamilyOptions& family : options.families) {
        family.block_bytes = 512;
        family.table_bytes_target = 32_KiB;
    }
    restart_on(std::move(image));
}

StoreFixture::~StoreFixture() { end_life(); }

void StoreFixture::end_life() {
    if (world_ == nullptr) return;
    close();
    world_->run_until_idle();
    disk_.reset();
    loop_.reset();
    world_.reset();
}

void StoreFixture::restart_on(DiskImage image) {
    end_life();
    world_ = std::make_unique<SimWorld>(seed_++, world_options_);
    loop_ = std::make_unique<SimLoop>(*world_, "owner");
    disk_ = std::make_unique<SimDisk>(*world_, disk_options_, std::move(image));
}

void StoreFixture::use_fast_processor() {
    world_options_.slow_processor_percent = 0;
    restart_on(disk_->image());
}

Status StoreFixture::open(bool finish_recovery) {
    Status status;
    options.seed = seed_ * 1000;
    world_->run_job([&] {
        auto opened = Store::open({*disk_, world_->executor(), *loop_}, options, *this);
        if (opened) {
            store_ = std::move(*opened);
        } else {
            status = std::move(opened).error();
        }
    });
    if (status && finish_recovery) store_->finish_recovery();
    return status;
}

void StoreFixture::reopen() {
    close();
    const Status opened = open();
    ASSERT_TRUE(opened) << opened.error().to_string();
}

std::shared_ptr<bool> StoreFixture::begin_close() {
    closed_ = std::make_shared<bool>(false);
    store_->close([closed = closed_] { *closed = true; });
    return closed_;
}

void StoreFixture::close() {
    if (store_ == nullptr) return;
    if (closed_ == nullptr) begin_close();
    TIMBER_ASSERT(world_->run_until([&] { return *closed_; }));
    store_.reset();
    closed_.reset();
}

void StoreFixture::crash(Death death, uint64_t seed) {
    disk_->crash(death, seed);
    DiskImage left = disk_->image();
    restart_on(std::move(left));
}

void StoreFixture::crash_and_open(Death death, uint64_t seed) {
    crash(death, seed);
    const Status opened = open();
    ASSERT_TRUE(opened) << opened.error().to_string();
}

DiskImage StoreFixture::settled_image() const {
    DiskImage image = disk_->image();
    image.settle();
    return image;
}

Result<Sequence> StoreFixture::write(const WriteBatch& batch) { return store_->write(batch); }

Sequence StoreFixture::put(std::string_view key, std::string_view value, Family family) {
    WriteBatch batch;
    batch.put(family, key, value);
    return write(batch).value();
}

Sequence StoreFixture::remove(std::string_view key, Family family) {
    WriteBatch batch;
    batch.remove(family, key);
    return write(batch).value();
}

Sequence StoreFixture::remove_range(std::string_view begin, std::string_view end, Family family) {
    WriteBatch batch;
    batch.remove_range(family, begin, end);
    return write(batch).value();
}

std::string StoreFixture::many_key(std::string_view prefix, size_t number) {
    return fmt::format("{}{:04}", prefix, number);
}

std::string StoreFixture::many_value(size_t number, size_t value_bytes, int version) {
    std::string value = fmt::format("v{}-{}-", version, number);
    uint64_t state = number * 1000003 + static_cast<uint64_t>(version);
    while (value.size() < value_bytes) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        value += static_cast<char>('a' + (state >> 60));
    }
    value.resize(value_bytes);
    return value;
}

void StoreFixture::put_many(std::string_view prefix, size_t count, size_t value_bytes, int version,
                            Family family) {
    for (size_t number = 0; number < count; ++number) {
        WriteBatch batch;
        batch.put(family, many_key(prefix, number), many_value(number, value_bytes, version));
        Result<Sequence> written = write(batch);
        while (!written && written.error().code == ErrorCode::kBusy && world_->step())
            written = write(batch);
        ASSERT_TRUE(written) << written.error().to_string();
    }
}

Store::Done StoreFixture::done_of(const AnswerRef& answer) {
    return [answer](Status status) {
        TIMBER_ASSERT(!answer->done);
        answer->done = true;
        if (!status) answer->error = std::move(status).error();
    };
}

AnswerRef StoreFixture::begin_flush() {
    auto answer = std::make_shared<Answer>();
    store_->flush(done_of(answer));
    return answer;
}

AnswerRef StoreFixture::begin_compact(Family family, KeyRange range) {
    auto answer = std::make_shared<Answer>();
    store_->compact_range(family, std::move(range), done_of(answer));
    return answer;
}

AnswerRef StoreFixture::begin_settle() {
    auto answer = std::make_shared<Answer>();
    store_->settle(done_of(answer));
    return answer;
}

AnswerRef StoreFixture::begin_ingest(IngestRequest request) {
    auto answer = std::make_shared<Answer>();
    store_->ingest(std::move(request), done_of(answer));
    return answer;
}

AnswerRef StoreFixture::wait(AnswerRef answer) {
    world_->run_until([&] { return answer->done; });
    return answer;
}

void StoreFixture::flush() {
    const AnswerRef answer = wait(begin_flush());
    ASSERT_TRUE(answer->ok()) << (answer->error ? answer->error->to_string() : "not answered");
    store_->check_invariants();
}

void StoreFixture::compact(Family family, KeyRange range) {
    const AnswerRef answer = wait(begin_compact(family, std::move(range)));
    ASSERT_TRUE(answer->ok()) << (answer->error ? answer->error->to_string() : "not answered");
    store_->check_invariants();
}

void StoreFixture::settle() {
    const AnswerRef answer = wait(begin_settle());
    ASSERT_TRUE(answer->ok()) << (answer->error ? answer->error->to_string() : "not answered");
    store_->check_invariants();
}

Result<std::optional<std::string>> StoreFixture::get(std::string_view key, const Snapshot* snapshot,
                                                     Family family) {
    Result<std::optional<std::string>> got = std::optional<std::string>();
    world_->run_job([&] {
        PinnedValue value;
        const Result<bool> found = store_->get({.snapshot = snapshot}, family, key, value);
        if (!found) {
            got = found.error();
        } else if (*found) {
            got = std::optional(value.to_string());
        }
    });
    return got;
}

Contents StoreFixture::contents(Family family, const Snapshot* snapshot) {
    Contents forward;
    Contents backward;
    world_->run_job([&] {
        const auto iterator = store_->new_iterator({.snapshot = snapshot}, family);
        for (iterator->seek_to_first(); iterator->valid(); iterator->next())
            EXPECT_TRUE(forward.emplace(iterator->key(), iterator->value()).second);
        EXPECT_TRUE(iterator->status());
        for (iterator->seek_to_last(); iterator->valid(); iterator->prev())
            EXPECT_TRUE(backward.emplace(iterator->key(), iterator->value()).second);
        EXPECT_TRUE(iterator->status());
    });
    EXPECT_EQ(forward, backward);
    return forward;
}

Result<std::vector<ExportedFile>> StoreFixture::export_range(KeyRange range, SnapshotRef snapshot,
                                                             std::string_view prefix) {
    std::optional<Result<std::vector<ExportedFile>>> exported;
    store_->export_range(
        {.range = std::move(range),
         .snapshot = std::move(snapshot),
         .directory = options.directory,
         .prefix = std::string(prefix),
         .file_bytes_max = 16_KiB},
        [&](Result<std::vector<ExportedFile>> files) { exported.emplace(std::move(files)); });
    world_->run_until([&] { return exported.has_value(); });
    return std::move(*exported);
}

std::vector<IngestFile> StoreFixture::bring(StoreFixture& from,
                                            const std::vector<ExportedFile>& files) {
    std::vector<IngestFile> brought;
    for (const ExportedFile& file : files) {
        const Store::ReservedFile place = store_->reserve_file();
        const std::vector<std::byte> bytes = from.disk_->image().bytes(file.path);
        world_->run_job([&] {
            const FileHandle handle =
                disk_->open(place.path, {.create = true, .exclusive = true}).value();
            TIMBER_ASSERT(await_write(*disk_, handle, place.path, 0, bytes).ok());
            disk_->close(handle);
        });
        brought.push_back({.number = place.number,
                           .family = file.family,
                           .id = file.id,
                           .file_bytes = file.file_bytes,
                           .file_checksum = file.file_checksum});
    }
    return brought;
}

void StoreFixture::set_capacity(std::optional<uint64_t> bytes) {
    disk_options_.capacity_bytes = bytes;
    disk_->options().capacity_bytes = bytes;
}

void StoreFixture::fill_disk(uint64_t bytes_left) {
    set_capacity(disk_->image().pages_used({}) * kPageBytes + bytes_left);
}

std::vector<std::string> StoreFixture::table_files() const {
    std::vector<std::string> names;
    for (const std::string& path : disk_->image().paths()) {
        if (path.starts_with(options.directory + "/") && path.ends_with(".sst") &&
            !path.contains("export"))
            names.push_back(path.substr(options.directory.size() + 1));
    }
    return names;
}

}  // namespace timber::memtable
