#include "benches/log/store_subject.h"

#include <filesystem>

#include "src/base/coding.h"

namespace timber::bench {

StoreSubject::StoreSubject(const Options& options, const std::string& name)
    : directory_(options.directory + "/" + name), tiny_(options.tiny) {}

Status StoreSubject::write(Caller& caller, bool synced) {
    ++caller.written;
    store(reinterpret_cast<std::byte*>(caller.value.data()), caller.written);
    return put(caller.key, caller.value, synced);
}

Status StoreSubject::prepare(const Case& wanted) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    TIMBER_CHECK(open(directory_));
    callers_ = std::vector<Caller>(wanted.parallel);
    for (size_t i = 0; i < callers_.size(); ++i) {
        std::string number = std::to_string(i);
        callers_[i].key = "caller" + std::string(10 - number.size(), '0') + number;
        callers_[i].value.assign(wanted.value_bytes, 'v');
    }
    // Past the first changes of the log file, so that a store that reuses its files does.
    const uint64_t warm_bytes = tiny_ ? 0 : 3 * kMemtableBytes;
    for (uint64_t bytes = 0, i = 0; bytes < warm_bytes; bytes += wanted.value_bytes, ++i)
        TIMBER_CHECK(write(callers_[i % callers_.size()], false));
    threads_ = std::make_unique<CallerThreads>(wanted.parallel);
    return {};
}

Status StoreSubject::run_slice(const Case& wanted, SliceRecorder& recorder) {
    return threads_->run_slice(wanted, recorder,
                               [this](uint32_t caller) { return write(callers_[caller], true); });
}

Status StoreSubject::finish(const Case&) {
    threads_.reset();
    close();
    TIMBER_CHECK(open(directory_));
    for (const Caller& caller : callers_) {
        if (caller.written == 0) continue;
        TIMBER_TRY(const std::string value, get(caller.key));
        if (value != caller.value)
            return file_error(ErrorCode::kCorrupted, directory_, "not what was written last");
    }
    close();
    std::filesystem::remove_all(directory_);
    return {};
}

}  // namespace timber::bench
