#include "benches/storage/put_subject.h"

#include <algorithm>
#include <filesystem>

#include "benches/frame/chain.h"

namespace timber::bench {

namespace {

constexpr uint32_t kWarmCallers = 64;
// About what a put takes in a memory table besides its value.
constexpr uint64_t kOverheadBytes = 64;

}  // namespace

PutSubject::PutSubject(Options& options, const MakeReplica& make)
    : directory_(options.directory + "/put"),
      settings_(ReplicaSettings::of(options)),
      tiny_(options.tiny),
      replica_(make()) {}

Status PutSubject::prepare(const Case& wanted) {
    const std::string directory = directory_ + "." + name();
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    TIMBER_CHECK(replica_->open(directory, settings_));
    load_.emplace(settings_.state.seed, wanted.value_bytes);
    return warm_up(wanted.value_bytes);
}

// Until files of the logs are used again, and flushes and compactions are what they will always be.
Status PutSubject::warm_up(uint64_t value_bytes) {
    const uint64_t tables = tiny_ ? 1 : 8;
    const uint64_t bytes = tables * settings_.state.memory_table_bytes;
    TIMBER_CHECK(load_->run(*replica_, kWarmCallers, bytes / (value_bytes + kOverheadBytes)));
    TIMBER_CHECK(replica_->settle());
    warm_count_ = replica_->device_count();
    warm_puts_ = load_->written();
    return {};
}

Status PutSubject::run_slice(const Case& wanted, SliceRecorder& recorder) {
    const uint64_t written_before = load_->written();
    const LogCount before = replica_->log_count();
    replica_->take_durable_writes();
    TIMBER_CHECK(load_->run(*replica_, wanted.parallel, recorder));
    const auto puts = static_cast<double>(load_->written() - written_before);
    note_log(recorder, before, puts, puts * static_cast<double>(wanted.value_bytes));
    note_device(recorder, wanted.value_bytes);
    return note_waits(recorder);
}

void PutSubject::note_log(SliceRecorder& recorder, const LogCount& before, double puts,
                          double bytes) {
    const LogCount after = replica_->log_count();
    recorder.note("log bytes/byte", static_cast<double>(after.bytes - before.bytes) / bytes);
    recorder.note("log writes/op",
                  static_cast<double>(after.durable_writes - before.durable_writes) / puts);
}

// Since the warm-up, since flushes and compactions come seldom.
void PutSubject::note_device(SliceRecorder& recorder, uint64_t value_bytes) {
    const auto count = replica_->device_count();
    if (!count) return;
    const auto puts = static_cast<double>(load_->written() - warm_puts_);
    const DeviceCount since = *count - *warm_count_;
    recorder.note("seam bytes/byte", static_cast<double>(since.bytes_written) / puts /
                                         static_cast<double>(value_bytes));
    recorder.note("seam writes/op", static_cast<double>(since.writes) / puts);
}

// An answer without a durable write of the log in its command's life would have been given too
// early.
Status PutSubject::note_waits(SliceRecorder& recorder) {
    auto writes = replica_->take_durable_writes();
    if (!writes) return {};
    const Chain chain(std::move(*writes));
    uint64_t waits = 0;
    uint32_t most = 0;
    for (const Interval& life : load_->sampled()) {
        const uint32_t length = chain.length_within(life);
        if (length == 0)
            return make_error(ErrorCode::kCorrupted, "a put was answered before it was durable");
        waits += length;
        most = std::max(most, length);
    }
    if (load_->sampled().empty()) return {};
    recorder.note("durable waits",
                  static_cast<double>(waits) / static_cast<double>(load_->sampled().size()));
    recorder.note("durable waits, most", most);
    return {};
}

Status PutSubject::finish(const Case&) {
    const Status checked = load_->check_some(*replica_, 1000);
    replica_->close();
    std::filesystem::remove_all(directory_ + "." + name());
    return checked;
}

}  // namespace timber::bench
