#include "memtable/file_remover.h"

#include <algorithm>
#include <utility>

#include "src/base/io/log.h"

namespace timber::memtable {

// One job's work, and what came of it.
struct FileRemover::Step {
    std::vector<std::shared_ptr<TableReader>> readers;  // to close
    std::optional<FileNumber> number;                   // then to free some of
    bool gone = false;
    uint64_t bytes_freed = 0;
    std::optional<Error> error;
};

FileRemover::FileRemover(Disk& disk, Executor& executor, EventLoop& loop, Config config,
                         Needed needed)
    : disk_(disk),
      executor_(executor),
      loop_(loop),
      config_(std::move(config)),
      needed_(std::move(needed)),
      inbox_(std::make_shared<Inbox>()),
      timer_([this] { work(); }) {
    inbox_->remover = this;
}

FileRemover::~FileRemover() {
    TIMBER_ASSERT(!job_running_);
    TIMBER_ASSERT(closing_readers_.empty());
    inbox_->remover = nullptr;
}

void FileRemover::let_go(std::shared_ptr<TableReader> reader, FileNumber number, uint64_t,
                         bool dropped) {
    {
        const MutexLock lock(inbox_->mutex);
        if (reader != nullptr) inbox_->readers.push_back(std::move(reader));
        if (dropped) inbox_->dropped.push_back(number);
        if (std::exchange(inbox_->posted, true)) return;
    }
    loop_.post([inbox = inbox_] {
        if (inbox->remover != nullptr) inbox->remover->work();
    });
}

void FileRemover::close_let_go() {
    std::vector<std::shared_ptr<TableReader>> readers;
    const MutexLock lock(inbox_->mutex);
    readers.swap(inbox_->readers);
    inbox_->dropped.clear();
}

void FileRemover::take_in() {
    const MutexLock lock(inbox_->mutex);
    inbox_->posted = false;
    closing_readers_.insert(closing_readers_.end(), std::move_iterator(inbox_->readers.begin()),
                            std::move_iterator(inbox_->readers.end()));
    inbox_->readers.clear();
    for (const FileNumber number : inbox_->dropped) enqueue(number);
    inbox_->dropped.clear();
}

void FileRemover::enqueue(FileNumber number) {
    if (number < found_end_) {
        held_.push_back(number);  // FR3
    } else {
        removals_.push_back({number});
    }
}

void FileRemover::release_found() {
    found_end_ = FileNumber();
    for (const FileNumber number : std::exchange(held_, {})) remove(number);
}

void FileRemover::remove(FileNumber number) {
    enqueue(number);
    if (!job_running_ && !timer_.armed()) loop_.start_timer(timer_, Duration::zero());
}

bool FileRemover::idle() const {
    const MutexLock lock(inbox_->mutex);
    return !job_running_ && closing_readers_.empty() && removals_.empty() && !inbox_->posted;
}

void FileRemover::work() {
    if (job_running_) return;
    take_in();
    auto step = std::make_unique<Step>();
    step->readers = std::exchange(closing_readers_, {});
    if (!closing_ && !timer_.armed() && !removals_.empty()) {
        step->number = removals_.front().number;
        // FR2: it is said once that a file is obsolete, and numbers are not used again.
        TIMBER_ASSERT(!needed_(*step->number));
    }
    if (!step->readers.empty() || step->number) {
        run_step(std::move(step));
    } else if (closing_ && closed_) {
        // It may destroy this.
        std::exchange(closed_, nullptr)();
    }
}

void FileRemover::run_step(std::unique_ptr<Step> step) {
    job_running_ = true;
    executor_.run("remove table files", [this, step = std::move(step)]() mutable {
        carry_out(*step);
        loop_.post([this, step = std::move(step)] {
            job_running_ = false;
            finish(*step);
            work();
        });
    });
}

void FileRemover::carry_out(Step& step) const {
    step.readers.clear();
    if (!step.number) return;
    const std::string path = join_path(config_.directory, table_file_name(*step.number));
    auto freed = free_some(path, step.gone);
    if (freed) {
        step.bytes_freed = *freed;
    } else if (freed.error().code == ErrorCode::kNotFound) {
        step.gone = true;
    } else {
        step.error = std::move(freed).error();
    }
}

// Cuts a piece off, or removes the last one with the name; how many bytes that freed.
Result<uint64_t> FileRemover::free_some(const std::string& path, bool& gone) const {
    TIMBER_TRY(const FileHandle file, disk_.open(path, {}));
    const auto size = disk_.size(file);
    Status cut;
    if (size && *size > kStepBytes) cut = disk_.truncate(file, *size - kStepBytes);
    disk_.close(file);
    if (!size) return size.error();
    TIMBER_CHECK(cut);
    if (*size > kStepBytes) return kStepBytes;
    TIMBER_CHECK(disk_.remove(path));
    gone = true;
    return *size;
}

void FileRemover::finish(const Step& step) {
    if (!step.number) return;
    // Others may have come behind it meanwhile.
    TIMBER_ASSERT(removals_.front().number == *step.number);
    Removal& removal = removals_.front();
    if (step.error) {
        const bool give_up = ++removal.tries == kTriesMax;
        if (give_up && step.error->code != ErrorCode::kCrashed)
            log_warning("an obsolete file cannot be removed and is left to the next opening: {}",
                        step.error->to_string());
        Removal again = removal;
        removals_.pop_front();
        if (!give_up) removals_.push_back(again);
        wait_for(config_.retry_delay);
        return;
    }
    if (step.gone) {
        removals_.pop_front();
        ++removed_;
    }
    if (config_.bytes_per_second > 0)
        wait_for(
            std::chrono::nanoseconds(step.bytes_freed * 1'000'000'000 / config_.bytes_per_second));
}

void FileRemover::wait_for(Duration delay) {
    if (closing_ || delay <= Duration::zero()) return;
    if (timer_.armed()) loop_.cancel_timer(timer_);
    loop_.start_timer(timer_, delay);
}

void FileRemover::close(std::move_only_function<void()> closed) {
    TIMBER_ASSERT(!closing_);
    closing_ = true;
    closed_ = std::move(closed);
    if (timer_.armed()) loop_.cancel_timer(timer_);
    loop_.post([inbox = inbox_] {
        if (inbox->remover != nullptr) inbox->remover->work();
    });
}

}  // namespace timber::memtable
