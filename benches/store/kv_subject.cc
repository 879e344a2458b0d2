#include "benches/store/kv_subject.h"

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "benches/frame/machine.h"

namespace timber::bench {

namespace {

constexpr uint64_t kScanLength = 100;
// Of data with holes: every other run of so many keys was removed.
constexpr uint64_t kHoleKeys = 1000;
// The rate of the writer that disturbs readers, the same for every store.
constexpr double kMixedWritesPerSecond = 20'000;
// What a fill spreads its keys over, and what an overwrite writes again.
constexpr uint64_t kFillKeys = uint64_t{1} << 32;
// In so many slices a fill of equal amounts writes as much as the large data.
constexpr uint64_t kEqualSlices = 20;

Error wrong_answer(const std::string& store, const std::string& what) {
    return make_error(ErrorCode::kCorrupted, store + ": " + what);
}

// Writes until a slice is over, or so many keys; each operation counts from the end of the one
// before, so that the waits that a store asks for show.
class SliceSource : public WriteSource {
  public:
    // `place(n)` is where the n-th write goes.
    using Place = std::move_only_function<uint64_t(uint64_t)>;

    SliceSource(ValueMaker& values, SliceRecorder& recorder, uint64_t& written,
                std::optional<uint64_t> keys, Place place)
        : values_(values),
          recorder_(recorder),
          written_(written),
          end_(keys ? std::optional(written + *keys) : std::nullopt),
          place_(std::move(place)) {}

    Turn next(Write& write) override {
        if (end_ ? written_ == *end_ : recorder_.over()) return Turn::kOver;
        const uint64_t place = place_(written_);
        write_key(place, key_);
        write.key = {key_, kKeyBytes};
        write.value = values_.make(place, written_);
        start_ns_ = last_ns_ == 0 ? now_ns() : last_ns_;
        return Turn::kWrite;
    }
    void written() override {
        last_ns_ = now_ns();
        ++written_;
        recorder_.lane(0).done(start_ns_, last_ns_);
    }

  private:
    ValueMaker& values_;
    SliceRecorder& recorder_;
    uint64_t& written_;
    const std::optional<uint64_t> end_;
    Place place_;
    char key_[kKeyBytes];
    int64_t start_ns_ = 0;
    int64_t last_ns_ = 0;
};

// Writes a number of keys as fast as it goes.
class LoadSource : public WriteSource {
  public:
    LoadSource(ValueMaker& values, uint64_t keys, uint64_t seed)
        : values_(values), keys_(keys), shuffle_(keys, seed) {}

    Turn next(Write& write) override {
        if (done_ == keys_) return Turn::kOver;
        const uint64_t place = 2 * shuffle_(done_);
        write_key(place, key_);
        write.key = {key_, kKeyBytes};
        write.value = values_.make(place, 0);
        return Turn::kWrite;
    }
    void written() override { ++done_; }

  private:
    ValueMaker& values_;
    const uint64_t keys_;
    const Shuffle shuffle_;
    char key_[kKeyBytes];
    uint64_t done_ = 0;
};

// Overwrites keys that are there at a steady rate until it is stopped.
class SteadySource : public WriteSource {
  public:
    SteadySource(ValueMaker& values, uint64_t keys, uint64_t version, const SliceRecorder& recorder)
        : values_(values), recorder_(recorder), keys_(keys), version_(version), random_(version) {}

    Turn next(Write& write) override {
        if (recorder_.over()) return Turn::kOver;
        write.wait_until_ns =
            recorder_.slice().start_ns +
            static_cast<int64_t>(static_cast<double>(done_) / kMixedWritesPerSecond * kNsPerSecond);
        // Sleeps are coarse, so what fell due meanwhile is written at once.
        if (write.wait_until_ns > now_ns()) {
            write.wait_until_ns += kNsPerMs;
            return Turn::kWait;
        }
        const uint64_t place = 2 * random_.below(keys_);
        write_key(place, key_);
        write.key = {key_, kKeyBytes};
        write.value = values_.make(place, version_);
        return Turn::kWrite;
    }
    void written() override { ++done_; }

  private:
    ValueMaker& values_;
    const SliceRecorder& recorder_;
    const uint64_t keys_;
    const uint64_t version_;
    Random random_;
    char key_[kKeyBytes];
    uint64_t done_ = 0;
};

bool is_fill(const Case& wanted) {
    return wanted.name.starts_with("fill") || wanted.name == "overwrite";
}

}  // namespace

KvSubject::KvSubject(Options& options, std::unique_ptr<KvStore> store)
    : directory_(options.directory + "/" + store->name()),
      settings_(Settings::of(options, options.tiny    ? 0.25
                                      : options.quick ? 4
                                                      : 16)),
      store_(std::move(store)),
      random_(options.seed) {}

KvSubject::~KvSubject() { close(); }

bool KvSubject::takes(const Case& wanted) const {
    if (!store_->writes_without_log() && (is_fill(wanted) || wanted.name == "mixed")) return false;
    if (!store_->removes_ranges() && data_of(wanted) == Data::kLargeWithHoles) return false;
    return store_->reads_directly() || data_of(wanted) == Data::kSmall;
}

KvSubject::Data KvSubject::data_of(const Case& wanted) {
    if (is_fill(wanted)) return Data::kNone;
    if (wanted.name.ends_with("_cached")) return Data::kSmall;
    return wanted.name == "scan_removed" ? Data::kLargeWithHoles : Data::kLarge;
}

void KvSubject::close() {
    reader_.reset();
    if (open_) store_->close();
    open_ = false;
    data_ = Data::kNone;
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

Status KvSubject::open_empty() {
    close();
    std::filesystem::create_directories(directory_);
    TIMBER_CHECK(store_->open(directory_, settings_));
    open_ = true;
    return {};
}

Status KvSubject::load(Data data, uint64_t value_bytes) {
    TIMBER_CHECK(open_empty());
    const uint64_t bytes = data == Data::kSmall ? settings_.small_bytes : settings_.large_bytes;
    keys_ = bytes / (kKeyBytes + value_bytes);
    LoadSource source(*values_, keys_, settings_.seed);
    TIMBER_CHECK(store_->write(source));
    TIMBER_CHECK(store_->settle());
    if (data == Data::kLargeWithHoles) TIMBER_CHECK(make_holes());
    data_ = data;
    value_bytes_ = value_bytes;
    reader_ = store_->reader();
    // What the cache can hold it shall hold.
    if (data == Data::kSmall)
        for (uint64_t i = 0; i < keys_; ++i) TIMBER_CHECK(get_one(*reader_, i, true));
    return check_some();
}

Status KvSubject::make_holes() {
    char begin[kKeyBytes];
    char end[kKeyBytes];
    for (uint64_t i = 0; i + kHoleKeys < keys_; i += 2 * kHoleKeys) {
        write_key(2 * i, begin);
        write_key(2 * (i + kHoleKeys), end);
        TIMBER_CHECK(store_->remove_range({begin, kKeyBytes}, {end, kKeyBytes}));
    }
    return store_->wait_for_compactions();
}

Status KvSubject::check_some() {
    for (int i = 0; i < 100; ++i) {
        const uint64_t index = random_.below(keys_);
        const bool hole = data_ == Data::kLargeWithHoles && index / kHoleKeys % 2 == 0 &&
                          index / kHoleKeys * kHoleKeys + kHoleKeys < keys_;
        TIMBER_CHECK(get_one(*reader_, index, !hole));
    }
    return {};
}

Status KvSubject::prepare(const Case& wanted) {
    if (!values_ || value_bytes_ != wanted.value_bytes) {
        values_.emplace(wanted.value_bytes, settings_.seed);
        close();
    }
    value_bytes_ = wanted.value_bytes;
    const Data data = data_of(wanted);
    if (data == Data::kNone) {
        written_ = 0;
        return open_empty();
    }
    if (data_ != data) TIMBER_CHECK(load(data, wanted.value_bytes));
    if (data != Data::kSmall) drop_caches();
    return {};
}

Status KvSubject::run_slice(const Case& wanted, SliceRecorder& recorder) {
    if (is_fill(wanted)) return fill(wanted, recorder);
    if (wanted.name == "get_cached" || wanted.name == "get_cold") return get(recorder, true);
    if (wanted.name == "get_absent" || wanted.name == "get_absent_cached")
        return get(recorder, false);
    if (wanted.name == "mixed") return mixed(recorder);
    const bool forward = !wanted.name.starts_with("scan_back");
    return scan(recorder, forward, data_ == Data::kLargeWithHoles);
}

Status KvSubject::fill(const Case& wanted, SliceRecorder& recorder) {
    const Shuffle shuffle(kFillKeys, settings_.seed);
    const uint64_t again = settings_.large_bytes / 4 / (kKeyBytes + value_bytes_);
    // As much data for a store that is fast as for one that is slow: what a byte costs in writes to
    // the device grows with the levels.
    std::optional<uint64_t> keys;
    if (wanted.name == "fill_equally")
        keys = settings_.large_bytes / kEqualSlices / (kKeyBytes + value_bytes_);
    SliceSource source(*values_, recorder, written_, keys, [&](uint64_t n) -> uint64_t {
        if (wanted.name == "fill_in_order") return n;
        if (wanted.name == "overwrite") return shuffle(n % again);
        return shuffle(n);
    });
    return store_->write(source);
}

Status KvSubject::get_one(Reader& reader, uint64_t index, bool present) {
    char key[kKeyBytes];
    const uint64_t place = 2 * index + (present ? 0 : 1);
    write_key(place, key);
    TIMBER_TRY(const bool found, reader.get({key, kKeyBytes}));
    if (!present && data_ == Data::kLargeWithHoles) return {};
    if (found != present) return wrong_answer(name(), found ? "found what is not" : "lost a key");
    if (found && !ValueMaker::belongs(reader.value(), place, value_bytes_))
        return wrong_answer(name(), "another key's value");
    return {};
}

Status KvSubject::get(SliceRecorder& recorder, bool present) {
    while (!recorder.over()) {
        const uint64_t index = random_.below(keys_);
        const int64_t start = now_ns();
        TIMBER_CHECK(get_one(*reader_, index, present));
        recorder.lane(0).done(start, now_ns());
    }
    return {};
}

Status KvSubject::scan(SliceRecorder& recorder, bool forward, bool into_holes) {
    char key[kKeyBytes];
    while (!recorder.over()) {
        uint64_t index = kScanLength + random_.below(keys_ - 2 * kScanLength);
        if (into_holes) index = index / (2 * kHoleKeys) * 2 * kHoleKeys;
        write_key(2 * index, key);
        const int64_t start = now_ns();
        reader_->restart();
        if (forward) {
            reader_->seek({key, kKeyBytes});
        } else {
            reader_->seek_for_prev({key, kKeyBytes});
        }
        uint64_t seen = 0;
        uint64_t bytes = 0;
        while (seen < kScanLength && reader_->valid()) {
            bytes += reader_->cursor_key().size() + reader_->cursor_value().size();
            ++seen;
            if (forward) {
                reader_->next();
            } else {
                reader_->prev();
            }
        }
        TIMBER_CHECK(reader_->cursor_status());
        recorder.lane(0).done(start, now_ns(), bytes);
        if (!into_holes && bytes != kScanLength * (kKeyBytes + value_bytes_))
            return wrong_answer(name(), "a scan missed keys");
    }
    return {};
}

Status KvSubject::mixed(SliceRecorder& recorder) {
    SteadySource source(*values_, keys_, ++version_, recorder);
    Status written;
    // The source has a value maker of its own use; readers only check.
    std::thread writer([&] { written = store_->write(source); });
    const Status read = get(recorder, true);
    writer.join();
    TIMBER_CHECK(written);
    return read;
}

Status KvSubject::settle(const Case& wanted) {
    if (is_fill(wanted) || wanted.name == "mixed") return store_->wait_for_compactions();
    return {};
}

Status KvSubject::finish(const Case& wanted) {
    if (!is_fill(wanted)) {
        if (wanted.name == "mixed" || data_ == Data::kLargeWithHoles) close();
        return {};
    }
    // Everything that was written is there: a sample of it.
    TIMBER_CHECK(store_->settle());
    std::unique_ptr<Reader> reader = store_->reader();
    const Shuffle shuffle(kFillKeys, settings_.seed);
    const uint64_t again = settings_.large_bytes / 4 / (kKeyBytes + value_bytes_);
    char key[kKeyBytes];
    for (int i = 0; i < 1000 && written_ > 0; ++i) {
        const uint64_t n = random_.below(written_);
        const uint64_t place = wanted.name == "fill_in_order" ? n
                               : wanted.name == "overwrite"   ? shuffle(n % again)
                                                              : shuffle(n);
        write_key(place, key);
        TIMBER_TRY(const bool found, reader->get({key, kKeyBytes}));
        if (!found || !ValueMaker::belongs(reader->value(), place, value_bytes_))
            return wrong_answer(name(), "lost what was written");
    }
    reader.reset();
    close();
    return {};
}

}  // namespace timber::bench
