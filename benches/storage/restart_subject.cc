#include "benches/storage/restart_subject.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "benches/frame/machine.h"
#include "src/base/bytes.h"

namespace timber::bench {

namespace {

constexpr uint32_t kFillCallers = 64;
constexpr size_t kChecked = 20;

namespace fs = std::filesystem;

uint64_t bytes_of(Options& options) {
    const double otherwise = options.tiny ? 1 : options.quick ? 64 : 1024;
    return static_cast<uint64_t>(options.parameter("restart_mib", otherwise) * 1_MiB);
}

Status copy_and_sync(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, to);
    const int file = ::open(to.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) ::close(file);
    return synced ? Status() : Status(os_error(error, to.native(), "sync a copy"));
}

Status copy_image(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
        const fs::path target = to / entry.path().filename();
        if (entry.is_directory())
            TIMBER_CHECK(copy_image(entry.path(), target));
        else if (entry.path().extension() == ".sst")
            fs::create_hard_link(entry.path(), target);
        else
            TIMBER_CHECK(copy_and_sync(entry.path(), target));
    }
    return {};
}

}  // namespace

RestartSubject::RestartSubject(Options& options, const MakeReplica& make)
    : image_(options.directory + "/image." + make()->name()),
      directory_(options.directory + "/restart." + make()->name()),
      settings_(ReplicaSettings::of(options)),
      bytes_(bytes_of(options)),
      replica_(make()) {}

Status RestartSubject::prepare(const Case& wanted) {
    fs::remove_all(image_);
    fs::create_directories(image_);
    const uint64_t puts = bytes_ / wanted.value_bytes;
    load_.emplace(settings_.state.seed, wanted.value_bytes);
    load_->set_written(puts);
    return fill_in_child(puts, wanted.value_bytes);
}

Status RestartSubject::fill_in_child(uint64_t puts, uint64_t value_bytes) const {
    std::vector<std::string> words = {"storage_engine",     "fill",
                                      replica_->name(),     image_,
                                      std::to_string(puts), std::to_string(value_bytes)};
    for (std::string& word : settings_.to_words()) words.push_back(std::move(word));
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed =
        ::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ);
    if (failed != 0) return os_error(failed, "/proc/self/exe", "start a child to fill");
    int status = 0;
    if (::waitpid(child, &status, 0) != child) return os_error(errno, image_, "wait for a child");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        ::sync();
        return {};
    }
    return file_error(ErrorCode::kIoError, image_, "the child that fills it did not get through");
}

Status RestartSubject::fill(Replica& replica, char** words) {
    const ReplicaSettings settings = ReplicaSettings::from_words(words + 3);
    PutLoad load(settings.state.seed, std::strtoull(words[2], nullptr, 10));
    TIMBER_CHECK(replica.open(words[0], settings));
    TIMBER_CHECK(load.run(replica, kFillCallers, std::strtoull(words[1], nullptr, 10)));
    ::kill(::getpid(), SIGKILL);
    return make_error(ErrorCode::kIoError, "survived its own death");
}

Status RestartSubject::make_ready() const {
    fs::remove_all(directory_);
    TIMBER_CHECK(copy_image(image_, directory_));
    drop_clean_pages();
    return {};
}

Status RestartSubject::restart(SliceRecorder& recorder) {
    const int64_t start = now_ns();
    TIMBER_CHECK(replica_->open(directory_, settings_));
    const int64_t opened = now_ns();
    TIMBER_CHECK(load_->check(*replica_, 0));
    TIMBER_CHECK(load_->check(*replica_, load_->written() - 1));
    const int64_t end = now_ns();
    recorder.lane(0).done(start, end, bytes_);
    recorder.note("open ms", static_cast<double>(opened - start) / kNsPerMs);
    for (const auto& [name, value] : replica_->opening_notes()) recorder.note(name, value);
    return {};
}

Status RestartSubject::run_slice(const Case&, SliceRecorder& recorder) {
    do {
        TIMBER_CHECK(make_ready());
        Status restarted = restart(recorder);
        if (restarted.ok()) restarted = load_->check_some(*replica_, kChecked);
        replica_->close();
        TIMBER_CHECK(restarted);
    } while (!recorder.over());
    return {};
}

Status RestartSubject::finish(const Case&) {
    fs::remove_all(image_);
    fs::remove_all(directory_);
    return {};
}

}  // namespace timber::bench
