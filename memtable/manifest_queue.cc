#include "memtable/manifest_queue.h"

#include <algorithm>
#include <utility>

namespace timber::memtable {

ManifestQueue::ManifestQueue(ManifestWriter& writer, JobRunner& runner, FileNumbers& numbers,
                             VersionRef version, std::move_only_function<void(Error)> poisoned)
    : writer_(writer),
      runner_(runner),
      numbers_(numbers),
      version_(std::move(version)),
      poisoned_(std::move(poisoned)) {}

ManifestQueue::~ManifestQueue() { TIMBER_ASSERT(idle()); }

void ManifestQueue::push(VersionChange change) {
    waiting_.push_back(std::move(change));
    next_turn();
}

void ManifestQueue::stop() {
    if (!stopped_) stopped_ = make_error(ErrorCode::kClosed, "the store is closed");
    next_turn();
}

void ManifestQueue::next_turn() {
    // Whoever closes the store waits for this too, and looks when the runner has nothing left.
    if (idle() && runner_.stopping()) return runner_.post([] {});
    if (running_ || waiting_.empty()) return;
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    if (stopped_) return end_with(*stopped_);
    auto prepared = running_->prepare(*version_);
    if (!prepared) return end_with(std::move(prepared).error());
    edit_ = std::move(*prepared);
    if (running_->open_files) {
        open_files();
    } else {
        append();
    }
}

void ManifestQueue::open_files() {
    // Filled by the job, looked at on the loop after it; its owners are those two.
    auto opened = std::make_shared<Result<std::vector<TableFileRef>>>(running_->files);
    runner_.run_plain(
        "open ingested files", [this, opened] { *opened = running_->open_files(edit_); },
        [this, opened] {
            if (!*opened) return end_with(std::move(*opened).error());
            running_->files = std::move(**opened);
            append();
        });
}

void ManifestQueue::append() {
    edit_.file_next = numbers_.next();
    edit_.sequence_last =
        std::max(edit_.sequence_last.value_or(Sequence()), version_->sequence_last());
    auto next = version_->apply(edit_, [&](const FileMeta& meta) -> Result<TableFileRef> {
        const auto& files = running_->files;
        const auto found = std::ranges::find_if(
            files, [&](const TableFileRef& file) { return file->meta().number == meta.number; });
        TIMBER_ASSERT(found != files.end());
        return *found;
    });
    // An edit of our own: that it does not fit would be a bug.
    next_ = std::move(next).value();
    writer_.append(edit_, [this](Status status) { appended(std::move(status)); });
}

void ManifestQueue::appended(Status status) {
    if (!status) {
        if (writer_.poisoned() || status.error().code == ErrorCode::kCrashed) {
            stopped_ = make_error(ErrorCode::kPoisoned, "the manifest could not be written");
            poisoned_(status.error());
        }
        return end_with(std::move(status).error());
    }
    drop_removed();
    version_ = std::move(next_);
    VersionChange change = std::move(*running_);
    running_.reset();
    change.files.clear();
    change.publish(version_);
    next_turn();
}

// Before the old version can be let go of: whoever lets go of a file last looks whether it was
// dropped.
void ManifestQueue::drop_removed() {
    for (const VersionEdit::Removed& removed : edit_.removed) {
        const bool moved = std::ranges::any_of(edit_.added, [&](const VersionEdit::Added& added) {
            return added.file.number == removed.number;
        });
        if (moved) continue;
        for (const TableFileRef& file : version_->files(removed.family, removed.level)) {
            if (file->meta().number == removed.number) file->drop();
        }
    }
}

void ManifestQueue::end_with(Error error) {
    // Taken out first: what failed() does may push the next change.
    VersionChange change = std::move(*running_);
    running_.reset();
    next_.reset();
    change.failed(std::move(error));
    next_turn();
}

}  // namespace timber::memtable
