#include "benches/log/group_floor_subject.h"

#include <algorithm>

#include "src/base/bytes.h"

namespace timber::bench {

namespace {

// A record's headers in the log, and the most that the log puts into one write.
constexpr uint64_t kHeaderBytes = 40;
constexpr uint64_t kGroupBytesMax = 1_MiB;
constexpr uint64_t kWrites = 64;

uint64_t group_bytes(const Case& wanted) {
    const uint64_t bytes = wanted.parallel * (wanted.value_bytes + kHeaderBytes);
    return std::min(round_up(bytes, BlockFile::kBlockBytes), kGroupBytesMax);
}

}  // namespace

Status GroupFloorSubject::prepare(const Case& wanted) {
    const uint64_t bytes = group_bytes(wanted);
    TIMBER_TRY(file_, BlockFile::create(path_, kWrites * bytes, bytes));
    return {};
}

// One operation is one write of them all, whatever it would carry.
Status GroupFloorSubject::run_slice(const Case& wanted, SliceRecorder& recorder) {
    while (!recorder.over()) {
        const int64_t start = now_ns();
        TIMBER_CHECK(file_->overwrite_next());
        recorder.lane(0).done(start, now_ns(), group_bytes(wanted));
    }
    return {};
}

Status GroupFloorSubject::finish(const Case&) {
    TIMBER_CHECK(file_->check());
    file_.reset();
    return {};
}

}  // namespace timber::bench
