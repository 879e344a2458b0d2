#include "memtable/manifest_writer.h"

#include <utility>

#include "src/base/io/log.h"

namespace timber::memtable {

// Edits on their way to the disk together, and what came of them.
struct ManifestWriter::Group {
    std::vector<VersionEdit> edits;
    std::vector<Done> done;
    std::vector<std::optional<Error>> misfits;
    Status written;
};

ManifestWriter::ManifestWriter(Executor& executor, EventLoop& loop,
                               std::unique_ptr<ManifestFiles> files, Duration retry_delay)
    : executor_(executor),
      loop_(loop),
      files_(std::move(files)),
      retry_delay_(retry_delay),
      retry_timer_([this] { work(); }) {
    take_stock();
}

ManifestWriter::~ManifestWriter() {
    TIMBER_ASSERT(files_ == nullptr);
    TIMBER_ASSERT(!job_running_ && waiting_.empty());
}

void ManifestWriter::append(VersionEdit edit, Done done) {
    TIMBER_ASSERT_OP(waiting_.size(), <, kAppendsMax);
    waiting_.push_back({std::move(edit), std::move(done)});
    // Never within the call, and what else this turn of the loop appends goes along.
    if (work_posted_ || job_running_) return;
    work_posted_ = true;
    loop_.post([this] {
        work_posted_ = false;
        work();
    });
}

// Between jobs only: a job has the files for itself.
void ManifestWriter::take_stock() {
    due_ = files_->due();
    poisoned_ = files_->poisoned();
    counters_ = files_->counters();
    state_ = files_->state();
}

bool ManifestWriter::may_tend() const {
    return due_ && !poisoned_ && !closing_ && !retry_timer_.armed();
}

void ManifestWriter::work() {
    if (job_running_) return;
    if (closing_) {
        // Those that came after close().
        while (!waiting_.empty()) {
            Append append = std::move(waiting_.front());
            waiting_.pop_front();
            append.done(make_error(ErrorCode::kClosed, "the store is closed"));
        }
        if (files_ != nullptr) run_closing();
    } else if (!waiting_.empty()) {
        run_group();
    } else if (may_tend()) {
        run_tending();
    }
}

void ManifestWriter::run_group() {
    job_running_ = true;
    auto group = std::make_unique<Group>();
    for (Append& append : waiting_) {
        group->edits.push_back(std::move(append.edit));
        group->done.push_back(std::move(append.done));
    }
    waiting_.clear();
    executor_.run("append to manifest", [this, group = std::move(group)]() mutable {
        group->written = files_->append(group->edits, group->misfits);
        loop_.post([this, group = std::move(group)]() mutable { finish_group(std::move(group)); });
    });
}

void ManifestWriter::finish_group(std::unique_ptr<Group> group) {
    take_stock();
    group->misfits.resize(group->edits.size());
    for (size_t index = 0; index < group->done.size(); ++index) {
        Done& done = group->done[index];
        if (group->misfits[index]) {
            done(std::move(*group->misfits[index]));
        } else {
            done(group->written);
        }
    }
    job_ended();
}

void ManifestWriter::run_tending() {
    job_running_ = true;
    executor_.run("tend manifest", [this] {
        Status tended = files_->tend();
        loop_.post(
            [this, tended = std::move(tended)]() mutable { finish_tending(std::move(tended)); });
    });
}

void ManifestWriter::finish_tending(Status tended) {
    take_stock();
    if (tended) {
        trouble_told_ = false;
    } else {
        // The live manifest goes on as it is.
        if (!std::exchange(trouble_told_, true) && tended.error().code != ErrorCode::kCrashed)
            log_warning("the manifest could not be tended; tried again every so often: {}",
                        tended.error().to_string());
        // A dead machine will not get better.
        if (tended.error().code == ErrorCode::kCrashed) {
            due_ = false;
        } else if (!closing_) {
            loop_.start_timer(retry_timer_, retry_delay_);
        }
    }
    job_ended();
}

void ManifestWriter::job_ended() {
    job_running_ = false;
    work();
}

void ManifestWriter::close(std::move_only_function<void()> closed) {
    TIMBER_ASSERT(!closing_);
    closing_ = true;
    closed_ = std::move(closed);
    if (retry_timer_.armed()) loop_.cancel_timer(retry_timer_);
    if (work_posted_ || job_running_) return;
    work_posted_ = true;
    loop_.post([this] {
        work_posted_ = false;
        work();
    });
}

void ManifestWriter::run_closing() {
    job_running_ = true;
    executor_.run("close manifest", [this] {
        files_->close();
        loop_.post([this] {
            files_.reset();
            job_running_ = false;
            // Those that came meanwhile.
            work();
            // It may destroy this.
            std::exchange(closed_, nullptr)();
        });
    });
}

void ManifestWriter::check_invariants() const {
    if (!job_running_ && files_ != nullptr) files_->check_invariants();
    if (poisoned_) TIMBER_ASSERT(!may_tend());
}

}  // namespace timber::memtable
