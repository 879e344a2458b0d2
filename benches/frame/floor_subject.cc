#include "benches/frame/floor_subject.h"

#include <thread>

#include "src/base/bytes.h"

namespace timber::bench {

namespace {

// Overwrites until the slice is over.
Status run_writer(BlockFile& file, SliceRecorder& recorder, Lane& lane) {
    while (!recorder.over()) {
        const int64_t start = now_ns();
        TIMBER_CHECK(file.overwrite_next());
        lane.done(start, now_ns(), BlockFile::kBlockBytes);
    }
    return {};
}

}  // namespace

FloorSubject::FloorSubject(const Options& options, uint32_t writers)
    : directory_(options.directory),
      writers_(writers),
      file_bytes_(options.tiny ? 256_KiB : 16_MiB) {
    TIMBER_ASSERT(writers > 0);
}

std::string FloorSubject::name() const {
    return writers_ == 1 ? "floor" : "floor_" + std::to_string(writers_);
}

Status FloorSubject::prepare(const Case&) {
    for (uint32_t i = 0; i < writers_; ++i) {
        const std::string path = directory_ + "/" + name() + "." + std::to_string(i);
        TIMBER_TRY(auto file, BlockFile::create(path, file_bytes_));
        files_.push_back(std::move(file));
    }
    return {};
}

Status FloorSubject::run_slice(const Case&, SliceRecorder& recorder) {
    if (writers_ == 1) return run_writer(*files_[0], recorder, recorder.lane(0));
    std::vector<Status> results(writers_);
    {
        std::vector<std::jthread> threads;
        for (uint32_t i = 0; i < writers_; ++i) {
            threads.emplace_back(
                [&, i] { results[i] = run_writer(*files_[i], recorder, recorder.lane(i)); });
        }
    }
    for (const Status& result : results) TIMBER_CHECK(result);
    return {};
}

Status FloorSubject::finish(const Case&) {
    for (const auto& file : files_) TIMBER_CHECK(file->check());
    files_.clear();
    return {};
}

}  // namespace timber::bench
