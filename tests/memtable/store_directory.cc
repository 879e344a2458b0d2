#include "tests/memtable/store_directory.h"

#include "src/base/aligned_buffer.h"
#include "src/base/coding.h"

namespace timber::memtable {

testing::AssertionResult fails(const Status& status, ErrorCode code, std::string_view file,
                               std::string_view says) {
    if (status.ok()) return testing::AssertionFailure() << "it succeeded";
    const Error& error = status.error();
    if (error.code != code || !error.file.ends_with(file) ||
        error.to_string().find(says) == std::string::npos)
        return testing::AssertionFailure() << error.to_string();
    return testing::AssertionSuccess();
}

FileMeta file_meta(uint64_t number, std::string smallest, std::string largest, uint64_t sequence) {
    return {.number = FileNumber(number),
            .id = {.store = 7, .draw = number * 1000 + 1},
            .family = Family::kDefault,
            .file_bytes = 512 + number % 100,
            .entries = 3,
            .removes = 1,
            .key_bytes = 30,
            .value_bytes = 300,
            .smallest = std::move(smallest),
            .largest = std::move(largest),
            .sequence_min = Sequence(sequence),
            .sequence_max = Sequence(sequence)};
}

VersionEdit adding(FileMeta file, uint8_t level) {
    VersionEdit edit;
    edit.sequence_last = Sequence(1'000'000);
    edit.file_next = FileNumber(1'000'000);
    edit.added.push_back({level, std::move(file)});
    return edit;
}

VersionEdit removing(const FileMeta& file, uint8_t level) {
    VersionEdit edit;
    edit.removed.push_back({file.family, level, file.number});
    return edit;
}

StoreDirectory::StoreDirectory(uint64_t seed, SimDisk::Options disk_options, DiskImage image)
    : seed_(seed),
      disk_options_(disk_options),
      world_(std::make_unique<SimWorld>(seed)),
      loop_(std::make_unique<SimLoop>(*world_, "store")),
      disk_(std::make_unique<SimDisk>(*world_, disk_options, std::move(image))) {
    options.directory = "store";
    options.store_id = 7;
    options.seed = seed;
    options.manifest_bytes_max = 32_KiB;
}

StoreDirectory::~StoreDirectory() { end_life(); }

void StoreDirectory::end_life() {
    if (manifest_ != nullptr) close();
}

Status StoreDirectory::open() {
    TIMBER_ASSERT(manifest_ == nullptr);
    Status status;
    world_->run_job([&] {
        auto result =
            open_store(*disk_, options, [this](const FileMeta& meta) { return open_file(meta); });
        if (result) {
            opened = std::move(*result);
        } else {
            status = std::move(result).error();
        }
    });
    if (!status) return status;
    manifest_ = std::make_unique<ManifestWriter>(world_->executor(), *loop_,
                                                 std::move(opened.manifest), options.retry_delay);
    loop_->run([this] { manifest_->start(); });
    return {};
}

void StoreDirectory::close() {
    bool closed = false;
    loop_->run([&] { manifest_->close([&closed] { closed = true; }); });
    TIMBER_ASSERT(world_->run_until([&] { return closed; }));
    manifest_.reset();
    world_->run_job([this] { close_store(*disk_, opened); });
    opened = {};
}

void StoreDirectory::crash(Death death, uint64_t seed) {
    disk_->crash(death, seed);
    if (manifest_ != nullptr) close();
    restart_on(disk_->image());
}

void StoreDirectory::restart_on(DiskImage image) {
    end_life();
    world_->run_until_idle();
    disk_.reset();
    loop_.reset();
    world_ = std::make_unique<SimWorld>(++seed_);
    loop_ = std::make_unique<SimLoop>(*world_, "store");
    disk_ = std::make_unique<SimDisk>(*world_, disk_options_, std::move(image));
    options.seed = seed_;
}

DiskImage StoreDirectory::settled_image() const {
    DiskImage image = disk_->image();
    image.settle();
    return image;
}

void StoreDirectory::set_capacity(std::optional<uint64_t> bytes) {
    disk_options_.capacity_bytes = bytes;
    disk_->options().capacity_bytes = bytes;
}

void StoreDirectory::fill_disk() {
    uint64_t free = 0;
    set_capacity(1_GiB);
    world_->run_job([&] { free = disk_->free_space("/").value(); });
    set_capacity(1_GiB - free);
}

// The whole content of a table file, as far as these tests are concerned.
static std::vector<std::byte> content_of(const FileMeta& meta) {
    std::vector<std::byte> content(meta.file_bytes);
    store(content.data(), meta.id.store);
    store(content.data() + 8, meta.id.draw);
    return content;
}

void StoreDirectory::make_file(const FileMeta& meta) {
    world_->run_job([&] {
        const std::string path = join_path(options.directory, table_file_name(meta.number));
        const auto file = disk_->open(path, {.create = true});
        if (!file) return;
        // Errors show when the file is opened.
        const auto content = content_of(meta);
        Status made = await_write(*disk_, *file, path, 0, content);
        if (made) made = await_sync(*disk_, *file, path);
        disk_->close(*file);
        if (made) made = disk_->sync_directory(options.directory);
    });
}

Result<TableFileRef> StoreDirectory::open_file(const FileMeta& meta) {
    const std::string path = join_path(options.directory, table_file_name(meta.number));
    TIMBER_TRY(const FileHandle file, disk_->open(path, {.read_only = true}));
    std::vector<std::byte> content(meta.file_bytes + 1);
    const auto read = await_read(*disk_, file, path, 0, content);
    disk_->close(file);
    if (!read) return read.error();
    content.resize(*read);
    if (content.size() != meta.file_bytes)
        return file_error(ErrorCode::kCorrupted, path, content.size(), "not its size");
    if (content != content_of(meta))
        return file_error(ErrorCode::kForeign, path, 0, "another file in its place");
    return std::make_shared<const TableFile>(meta, nullptr, nullptr);
}

std::shared_ptr<EditAnswer> StoreDirectory::append(VersionEdit edit) {
    for (const VersionEdit::Added& added : edit.added) make_file(added.file);
    auto answer = std::make_shared<EditAnswer>();
    loop_->run([&] {
        manifest_->append(std::move(edit), [answer](Status status) {
            answer->done = true;
            if (!status) answer->error = std::move(status).error();
        });
    });
    return answer;
}

void StoreDirectory::wait_for(const std::vector<std::shared_ptr<EditAnswer>>& answers) {
    for (const auto& answer : answers)
        TIMBER_ASSERT(world_->run_until([&] { return answer->done; }));
}

EditAnswer StoreDirectory::append_and_wait(VersionEdit edit) {
    const auto answer = append(std::move(edit));
    wait_for({answer});
    return *answer;
}

}  // namespace timber::memtable
