#include "benches/storage/put_load.h"

#include "src/base/random.h"

namespace timber::bench {

namespace {

// What the keys are spread over.
constexpr uint64_t kKeys = uint64_t{1} << 32;

}  // namespace

struct PutLoad::Caller final : PutDone {
    explicit Caller(PutLoad& its_load) : load(its_load) {}
    void answered(const Status& status) override { load.answered(*this, status); }

    PutLoad& load;
    std::string key = std::string(kKeyBytes, '\0');
    std::string value;
    int64_t start_ns = 0;
};

PutLoad::PutLoad(uint64_t seed, uint64_t value_bytes)
    : value_bytes_(value_bytes), seed_(seed), shuffle_(kKeys, seed), values_(value_bytes, seed) {}

Status PutLoad::run(Replica& replica, uint32_t callers, uint64_t puts) {
    lane_ = nullptr;
    puts_end_ = written_ + puts;
    end_ns_ = INT64_MAX;
    return run(replica, callers);
}

Status PutLoad::run(Replica& replica, uint32_t callers, SliceRecorder& recorder) {
    lane_ = &recorder.lane(0);
    puts_end_ = UINT64_MAX;
    end_ns_ = recorder.slice().end_ns;
    sampled_.clear();
    return run(replica, callers);
}

Status PutLoad::run(Replica& replica, uint32_t callers) {
    replica_ = &replica;
    active_ = callers;
    result_ = {};
    over_ = {};
    std::vector<std::unique_ptr<Caller>> all;
    for (uint32_t i = 0; i < callers; ++i) all.push_back(std::make_unique<Caller>(*this));
    // Each puts once, however short the slice is.
    replica.on_thread([&] {
        for (const auto& caller : all) put(*caller, now_ns());
    });
    over_.get_future().wait();
    // The last answer may still be on its way out of its caller.
    replica.on_thread([] {});
    return std::move(result_);
}

bool PutLoad::over(int64_t now) const {
    return !result_.ok() || now >= end_ns_ || written_ >= puts_end_;
}

void PutLoad::put(Caller& caller, int64_t start_ns) {
    const uint64_t place = shuffle_(written_);
    write_key(place, caller.key.data());
    caller.value = values_.make(place, written_);
    caller.start_ns = start_ns;
    ++written_;
    replica_->put(caller.key, caller.value, caller);
}

void PutLoad::answered(Caller& caller, const Status& status) {
    const int64_t now = now_ns();
    if (!status && result_.ok()) result_ = status;
    if (lane_ != nullptr) {
        lane_->done(caller.start_ns, now);
        if (answered_++ % kSampled == 0) sampled_.push_back({caller.start_ns, now});
    }
    if (!over(now)) return put(caller, now);
    if (--active_ == 0) over_.set_value();
}

Status PutLoad::check(Replica& replica, uint64_t number) const {
    char key[kKeyBytes];
    const uint64_t place = shuffle_(number);
    write_key(place, key);
    TIMBER_TRY(const auto value, replica.get({key, kKeyBytes}));
    if (value && ValueMaker::belongs(*value, place, value_bytes_)) return {};
    return make_error(ErrorCode::kCorrupted,
                      replica.name() + (value ? ": another key's value at put " : ": lost put ") +
                          std::to_string(number));
}

Status PutLoad::check_some(Replica& replica, size_t count) const {
    Random random(seed_);
    for (size_t i = 0; i < count && written_ > 0; ++i)
        TIMBER_CHECK(check(replica, random.below(written_)));
    return {};
}

}  // namespace timber::bench
