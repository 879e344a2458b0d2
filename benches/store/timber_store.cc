#include "benches/store/timber_store.h"

#include <future>

#include "benches/frame/interval.h"
#include "src/base/io/log.h"

namespace timber::bench {

using memtable::Family;
using memtable::Store;
using memtable::StoreIterator;

namespace {

class TimberReader : public Reader {
  public:
    explicit TimberReader(const Store& store) : store_(store) {}

    Result<bool> get(std::string_view key) override {
        value_.clear();
        return store_.get({}, Family::kDefault, key, value_);
    }
    std::string_view value() const override { return value_.view(); }

    void restart() override { cursor_ = store_.new_iterator({}, Family::kDefault); }
    void seek(std::string_view key) override { cursor_->seek(key); }
    void seek_for_prev(std::string_view key) override { cursor_->seek_for_prev(key); }
    void next() override { cursor_->next(); }
    void prev() override { cursor_->prev(); }
    bool valid() const override { return cursor_->valid(); }
    std::string_view cursor_key() const override { return cursor_->key(); }
    std::string_view cursor_value() const override { return cursor_->value(); }
    Status cursor_status() const override { return cursor_->status(); }

  private:
    const Store& store_;
    memtable::PinnedValue value_;
    std::unique_ptr<StoreIterator> cursor_;
};

}  // namespace

// Writes on the loop, some operations a task, so that the completions of background work get their
// turn in between.
class TimberStore::Writer : private Task {
  public:
    Writer(Store& store, EventLoop& loop, WriteSource& source)
        : Task(&run_writer), store_(store), loop_(loop), source_(source), timer_([this] {
              loop_.post(static_cast<Task&>(*this));
          }) {}

    // From the loop.
    void start() { loop_.post(static_cast<Task&>(*this)); }
    void resume() {
        if (!blocked_) return;
        blocked_ = false;
        start();
    }
    std::future<Status> over() { return over_.get_future(); }

  private:
    static constexpr size_t kWritesInATask = 64;

    static void run_writer(Task& task) { static_cast<Writer&>(task).run_some(); }

    void run_some() {
        for (size_t i = 0; i < kWritesInATask; ++i) {
            if (!pending_) {
                const WriteSource::Turn turn = source_.next(write_);
                if (turn == WriteSource::Turn::kOver) return over_.set_value({});
                if (turn == WriteSource::Turn::kWait) return wait_until(write_.wait_until_ns);
                pending_ = true;
            }
            const memtable::Pace pace = store_.pace(write_.key.size() + write_.value.size());
            if (pace.stopped) return block();
            if (pace.delay > Duration::zero() && !delayed_) {
                delayed_ = true;
                return loop_.start_timer(timer_, pace.delay);
            }
            delayed_ = false;
            batch_.clear();
            batch_.put(Family::kDefault, write_.key, write_.value);
            const auto written = store_.write(batch_);
            if (!written && written.error().code == ErrorCode::kBusy) return block();
            if (!written) return over_.set_value(written.error());
            pending_ = false;
            source_.written();
        }
        loop_.post(static_cast<Task&>(*this));
    }

    // Until the store says that it is worth trying again.
    void block() { blocked_ = true; }

    void wait_until(int64_t due_ns) {
        loop_.start_timer(timer_, Duration(std::max<int64_t>(due_ns - now_ns(), 0)));
    }

    Store& store_;
    EventLoop& loop_;
    WriteSource& source_;
    Timer timer_;
    std::promise<Status> over_;
    memtable::WriteBatch batch_;
    WriteSource::Write write_;
    bool pending_ = false;
    bool delayed_ = false;
    bool blocked_ = false;
};

memtable::Options state_options(const Settings& settings) {
    memtable::Options options;
    options.memory_table_bytes = settings.memory_table_bytes;
    options.memory_tables_sealed_max = kMemoryTablesSealedMax;
    options.block_cache_bytes = settings.cache_bytes;
    options.level0_files_compact = kLevel0Compact;
    options.level0_files_slow = kLevel0Slow;
    options.level0_files_stop = kLevel0Stop;
    options.level1_bytes = settings.level1_bytes();
    options.compactions_max = kCompactionsMax;
    options.direct_io = settings.direct_io;
    for (memtable::FamilyOptions& family : options.families) {
        family.block_bytes = kBlockBytes;
        family.filter_bits_per_key = kFilterBitsPerKey;
        family.table_bytes_target = settings.table_bytes();
    }
    return options;
}

template <typename Start>
Status TimberStore::wait_for(Start start) {
    std::promise<Status> over;
    thread_->loop().post([&] { start([&](Status status) { over.set_value(std::move(status)); }); });
    return over.get_future().get();
}

Status TimberStore::open(const std::string& directory, const Settings& settings) {
    TIMBER_TRY(platform_,
               Platform::create({.data_directory = directory, .job_threads = kCompactionsMax + 1}));
    TIMBER_TRY(thread_, platform_->start_loop("store"));
    memtable::Options options = state_options(settings);
    options.directory = directory + "/store";
    options.seed = settings.seed;
    options.store_id = settings.seed;
    TIMBER_TRY(store_, Store::open({platform_->disk(), platform_->executor(), thread_->loop()},
                                   options, *this));
    return wait_for([this](Store::Done done) {
        store_->finish_recovery();
        done({});
    });
}

void TimberStore::close() {
    if (store_ != nullptr) {
        std::promise<void> closed;
        thread_->loop().post([&] { store_->close([&] { closed.set_value(); }); });
        closed.get_future().wait();
        thread_->call([&] { store_.reset(); });
    }
    if (thread_ != nullptr) thread_->stop();
    thread_.reset();
    platform_.reset();
}

void TimberStore::condition_changed(memtable::Condition condition) {
    if (condition == memtable::Condition::kRunning) return;
    const auto error = store_->condition_error();
    log_warning("the store is in trouble: {}", error ? error->to_string() : "no reason given");
}

void TimberStore::writable() {
    if (writer_ != nullptr) writer_->resume();
}

Status TimberStore::write(WriteSource& source) {
    Writer writer(*store_, thread_->loop(), source);
    std::future<Status> over = writer.over();
    thread_->call([&] {
        writer_ = &writer;
        writer.start();
    });
    Status status = over.get();
    // Behind the task that said so, which still looks at the writer.
    thread_->call([&] { writer_ = nullptr; });
    return status;
}

Status TimberStore::remove_range(std::string_view begin, std::string_view end) {
    return wait_for([&](Store::Done done) {
        memtable::WriteBatch batch;
        batch.remove_range(Family::kDefault, begin, end);
        const auto written = store_->write(batch);
        done(written ? Status() : Status(written.error()));
    });
}

Status TimberStore::settle() {
    TIMBER_CHECK(wait_for([&](Store::Done done) { store_->flush(std::move(done)); }));
    return wait_for_compactions();
}

Status TimberStore::wait_for_compactions() {
    return wait_for([&](Store::Done done) { store_->settle(std::move(done)); });
}

std::unique_ptr<Reader> TimberStore::reader() { return std::make_unique<TimberReader>(*store_); }

}  // namespace timber::bench
