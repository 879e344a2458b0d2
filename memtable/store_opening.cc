#include "memtable/store_opening.h"

#include <algorithm>

#include "memtable/manifest_format.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"

namespace timber::memtable {

namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

Error no_store(const Options& options) {
    return file_error(ErrorCode::kMissing, options.directory, "there is no store here");
}

// A manifest of a store that was ever opened has a greater number than the one it is made with.
Result<bool> manifest_was_used(Disk& disk, const std::string& path) {
    TIMBER_TRY(const FileHandle file, disk.open(path, {.read_only = true, .direct = true}));
    AlignedBuffer block(kManifestBlockBytes);
    const auto read = await_read(disk, file, path, 0, block.first(kManifestBlockBytes));
    disk.close(file);
    if (!read) return read.error();
    const auto header = decode_manifest_header(block.first(*read), path);
    return header && header->id.number > 1;
}

// Whether there is a store, as opposed to nothing, or to what a creation that was cut short left.
// Anything else is an error.
Result<bool> holds_store(Disk& disk, const Options& options,
                         const std::vector<std::string>& names) {
    if (has(names, kCurrentFileName)) return true;
    bool lost = std::ranges::any_of(
        names, [](const std::string& name) { return parse_table_file_name(name).has_value(); });
    for (const char* name : kManifestFileNames) {
        if (lost || !has(names, name)) continue;
        TIMBER_TRY(lost, manifest_was_used(disk, join_path(options.directory, name)));
    }
    if (lost)
        return file_error(ErrorCode::kMissing, join_path(options.directory, kCurrentFileName),
                          "CURRENT is gone, but there is a store's data; put it back, or restore "
                          "this replica from its peers");
    if (!options.create) return no_store(options);
    for (const std::string& name : names) {
        const bool scaffolding =
            name == kStoreLockFileName || name == kCurrentTemporaryName ||
            std::ranges::find(kManifestFileNames, name) != kManifestFileNames.end();
        if (!scaffolding)
            return file_error(ErrorCode::kWrongFormat, options.directory,
                              "the directory is no store's, it holds '" + name +
                                  "'; name another or an empty one");
    }
    return false;
}

class StoreOpening {
  public:
    StoreOpening(Disk& disk, const Options& options, const Version::OpenFile& open)
        : disk_(disk), options_(options), open_(open) {}
    ~StoreOpening() { close_store(disk_, opened_); }

    Result<OpenedStore> run() {
        TIMBER_CHECK(prepare_directory());
        TIMBER_CHECK(take_lock());
        opened_.names = std::make_unique<DirectorySync>(disk_, options_.directory);
        // Again: another process may have made it meanwhile.
        TIMBER_TRY(names_, disk_.list(options_.directory));
        TIMBER_TRY(const bool exists, holds_store(disk_, options_, names_));
        if (!exists) TIMBER_CHECK(create());
        TIMBER_TRY(opened_.manifest,
                   ManifestFiles::open(disk_, *opened_.names, manifest_config(options_)));
        opened_.store_id = opened_.manifest->store_id();
        opened_.manifest_report = opened_.manifest->report();
        find_files();
        TIMBER_CHECK(open_files());
        TIMBER_CHECK(opened_.manifest->renew({.file_next = opened_.file_next}));
        // Left by a creation that a power cut met; CURRENT stands, so nothing needs it.
        if (has(names_, kCurrentTemporaryName))
            TIMBER_CHECK(disk_.remove(join_path(options_.directory, kCurrentTemporaryName)));
        return std::exchange(opened_, {});
    }

  private:
    Status prepare_directory() {
        const auto names = disk_.list(options_.directory);
        if (names) {
            TIMBER_CHECK(holds_store(disk_, options_, *names));
            return {};
        }
        if (names.error().code != ErrorCode::kNotFound) return names.error();
        if (!options_.create) return no_store(options_);
        return disk_.make_directory(options_.directory);
    }

    Status take_lock() {
        const std::string path = join_path(options_.directory, kStoreLockFileName);
        TIMBER_TRY(opened_.lock, disk_.open(path, {.create = true}));
        Status locked = disk_.lock(*opened_.lock);
        if (locked) return {};
        Error error = std::move(locked).error();
        error.file = path;
        if (error.code == ErrorCode::kLocked)
            error.detail = "another process has this store open; stop it first";
        return error;
    }

    Status create() {
        opened_.created = true;
        // The directory's own name, which a power cut could otherwise take with all that is in it.
        TIMBER_CHECK(disk_.sync_directory(parent_path(options_.directory)));
        TIMBER_CHECK(ManifestFiles::create(disk_, *opened_.names, manifest_config(options_),
                                           options_.store_id));
        TIMBER_TRY(names_, disk_.list(options_.directory));
        return {};
    }

    // Which table files there are: those that the manifest does not hold are orphans.
    void find_files() {
        std::vector<FileNumber> live;
        const VersionRef& state = opened_.manifest->state();
        for (const Family family : kAllFamilies) {
            for (size_t level = 0; level < kLevels; ++level) {
                for (const TableFileRef& file : state->files(family, level))
                    live.push_back(file->meta().number);
            }
        }
        std::ranges::sort(live);
        opened_.file_next = state->file_next();
        for (const std::string& name : names_) {
            const auto number = parse_table_file_name(name);
            if (!number) continue;
            opened_.file_next = std::max(opened_.file_next, *number + 1);
            if (!std::ranges::binary_search(live, *number)) opened_.orphans.push_back(*number);
        }
        std::ranges::sort(opened_.orphans);
    }

    Status open_files() {
        const auto open_live = [this](const FileMeta& meta) -> Result<TableFileRef> {
            const std::string name = table_file_name(meta.number);
            if (has_name(name)) return open_(meta);
            return file_error(ErrorCode::kMissing, join_path(options_.directory, name),
                              "a live table file is gone; put it back, or restore this replica "
                              "from its peers");
        };
        TIMBER_TRY(opened_.version,
                   Version().apply(opened_.manifest->state()->snapshot_edit(), open_live));
        return {};
    }
    // Names are sorted.
    bool has_name(const std::string& name) const {
        return std::ranges::binary_search(names_, name);
    }

    Disk& disk_;
    const Options& options_;
    const Version::OpenFile& open_;
    std::vector<std::string> names_;
    OpenedStore opened_;
};

}  // namespace

ManifestFiles::Config manifest_config(const Options& options) {
    return {.directory = options.directory,
            .bytes_max = options.manifest_bytes_max,
            .seed = options.seed};
}

Result<OpenedStore> open_store(Disk& disk, const Options& options, const Version::OpenFile& open) {
    return StoreOpening(disk, options, open).run();
}

void close_store(Disk& disk, OpenedStore& opened) {
    opened.version = nullptr;
    if (opened.manifest != nullptr) opened.manifest->close();
    opened.manifest = nullptr;
    if (opened.lock) disk.close(*opened.lock);
    opened.lock.reset();
}

}  // namespace timber::memtable
