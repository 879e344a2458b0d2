#include "benches/storage/rocksdb_replica.h"

#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include <bit>
#include <future>

#include "benches/store/rocksdb_options.h"
#include "src/base/bytes.h"
#include "src/base/coding.h"

namespace timber::bench {

namespace {

constexpr uint64_t kRegion = 1;
// Beside the data, whose keys are hexadecimal digits.
constexpr std::string_view kHardStateKey = "hard state";
constexpr std::string_view kFirstIndexKey = "first index";
constexpr std::string_view kAppliedKey = "zz applied";

std::string number_text(uint64_t number) {
    std::string text(sizeof number, '\0');
    store(reinterpret_cast<std::byte*>(text.data()), number);
    return text;
}

uint64_t text_number(std::string_view text) {
    return load<uint64_t>(reinterpret_cast<const std::byte*>(text.data()));
}

// Region and index, so that they sort.
std::string entry_key(uint64_t index) {
    return "r" + number_text(std::byteswap(kRegion)) + number_text(std::byteswap(index));
}

rocksdb::WriteOptions write_options(bool synced) {
    rocksdb::WriteOptions options;
    options.sync = synced;
    return options;
}

}  // namespace

// The state gets what every store gets. The Raft log shares its cache, and has memory tables of the
// same size.
Status RocksdbReplica::open_both(const std::string& directory) {
    rocksdb::Options options = rocksdb_options(settings_.state);
    // As TiKV has it: what is written and not synced goes to the disk bit by bit, or the next sync
    // of the other log waits for all of it.
    options.bytes_per_sync = 1_MiB;
    options.wal_bytes_per_sync = 512_KiB;
    rocksdb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(options, directory + "/state", &opened)));
    state_.reset(opened);
    // Full log files are written over: a synced append to one then changes no metadata.
    options.recycle_log_file_num = 4;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(options, directory + "/log", &opened)));
    log_.reset(opened);
    return {};
}

Status RocksdbReplica::open(const std::string& directory, const ReplicaSettings& settings) {
    settings_ = settings;
    TIMBER_CHECK(open_both(directory));
    TIMBER_CHECK(recover());
    start_threads();
    return {};
}

// What is in the Raft log and not in the state is applied again.
Status RocksdbReplica::recover() {
    const auto read = [](rocksdb::DB& db, std::string_view key) -> Result<uint64_t> {
        std::string text;
        const rocksdb::Status found = db.Get({}, slice_of(key), &text);
        if (found.IsNotFound()) return uint64_t{0};
        TIMBER_CHECK(status_of(found));
        return text_number(text);
    };
    TIMBER_TRY(last_index_, read(*log_, kHardStateKey));
    TIMBER_TRY(first_index_, read(*log_, kFirstIndexKey));
    TIMBER_TRY(const uint64_t applied, read(*state_, kAppliedKey));
    entries_replayed_ = static_cast<double>(last_index_ - applied);
    for (uint64_t index = applied + 1; index <= last_index_; ++index) {
        std::string entry;
        TIMBER_CHECK(status_of(log_->Get({}, entry_key(index), &entry)));
        rocksdb::WriteBatch batch;
        const std::string_view command = std::string_view(entry).substr(sizeof(uint64_t));
        batch.Put(slice_of(command.substr(0, kKeyBytes)), slice_of(command.substr(kKeyBytes)));
        batch.Put(slice_of(kAppliedKey), number_text(index));
        TIMBER_CHECK(status_of(state_->Write(write_options(false), &batch)));
    }
    const MutexLock lock(mutex_);
    applied_ = last_index_;
    return {};
}

void RocksdbReplica::start_threads() {
    threads_.emplace_back([this] { append_groups(); });
    threads_.emplace_back([this] { apply_groups(); });
    threads_.emplace_back([this] { collect_garbage(); });
}

void RocksdbReplica::close() {
    {
        const MutexLock lock(mutex_);
        ending_ = true;
    }
    to_append_changed_.notify_all();
    to_apply_changed_.notify_all();
    applied_changed_.notify_all();
    threads_.clear();
    log_.reset();
    state_.reset();
    const MutexLock lock(mutex_);
    ending_ = false;
}

void RocksdbReplica::on_thread(std::move_only_function<void()> function) {
    std::promise<void> ran;
    {
        const MutexLock lock(mutex_);
        to_run_.push_back([&] {
            function();
            ran.set_value();
        });
    }
    to_apply_changed_.notify_one();
    ran.get_future().wait();
}

void RocksdbReplica::put(std::string_view key, std::string_view value, PutDone& done) {
    given_.push_back({key, value, &done});
}

void RocksdbReplica::append_groups() {
    while (true) {
        Group group;
        {
            const MutexLock lock(mutex_);
            while (to_append_.empty() && !ending_) to_append_changed_.wait(mutex_);
            if (to_append_.empty()) return;
            group.puts = std::exchange(to_append_, {});
        }
        group.appended = append(group);
        {
            const MutexLock lock(mutex_);
            to_apply_.push_back(std::move(group));
        }
        to_apply_changed_.notify_one();
    }
}

// An entry is its term, key and value.
Status RocksdbReplica::append(Group& group) {
    static const std::string kTerm = number_text(6);
    rocksdb::WriteBatch batch;
    for (const Put& put : group.puts) {
        const std::string key = entry_key(++last_index_);
        const rocksdb::Slice key_part = key;
        const std::array<rocksdb::Slice, 3> value = {kTerm, slice_of(put.key), slice_of(put.value)};
        batch.Put(rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value.data(), 3));
    }
    group.last_index = last_index_;
    batch.Put(slice_of(kHardStateKey), number_text(last_index_));
    log_bytes_.fetch_add(batch.GetDataSize(), std::memory_order_relaxed);
    log_syncs_.fetch_add(1, std::memory_order_relaxed);
    return status_of(log_->Write(write_options(true), &batch));
}

void RocksdbReplica::apply_groups() {
    while (true) {
        std::vector<Group> groups;
        std::vector<std::move_only_function<void()>> functions;
        {
            const MutexLock lock(mutex_);
            while (to_apply_.empty() && to_run_.empty() && !ending_) to_apply_changed_.wait(mutex_);
            if (to_apply_.empty() && to_run_.empty()) return;
            groups = std::exchange(to_apply_, {});
            functions = std::exchange(to_run_, {});
        }
        for (auto& function : functions) function();
        if (!groups.empty()) apply_and_answer(std::move(groups));
        if (given_.empty()) continue;
        {
            const MutexLock lock(mutex_);
            to_append_.insert(to_append_.end(), given_.begin(), given_.end());
        }
        given_.clear();
        to_append_changed_.notify_one();
    }
}

void RocksdbReplica::apply_and_answer(std::vector<Group> groups) {
    const Status applied = apply(groups);
    uint64_t bytes = 0;
    for (const Group& group : groups)
        for (const Put& put : group.puts) {
            bytes += put.key.size() + put.value.size();
            put.done->answered(applied);
        }
    {
        const MutexLock lock(mutex_);
        applied_ = groups.back().last_index;
        applied_bytes_ += bytes;
    }
    applied_changed_.notify_one();
}

Status RocksdbReplica::apply(const std::vector<Group>& groups) {
    rocksdb::WriteBatch batch;
    for (const Group& group : groups) {
        TIMBER_CHECK(group.appended);
        for (const Put& put : group.puts) batch.Put(slice_of(put.key), slice_of(put.value));
    }
    batch.Put(slice_of(kAppliedKey), number_text(groups.back().last_index));
    log_bytes_.fetch_add(batch.GetDataSize(), std::memory_order_relaxed);
    return status_of(state_->Write(write_options(false), &batch));
}

void RocksdbReplica::collect_garbage() {
    uint64_t bytes_before = 0;
    while (true) {
        uint64_t end = 0;
        {
            const MutexLock lock(mutex_);
            const auto due = [&]() TIMBER_REQUIRES(mutex_) {
                return applied_ + 1 - first_index_ >= settings_.log_gc_entries ||
                       applied_bytes_ - bytes_before >= settings_.log_gc_bytes;
            };
            while (!due() && !ending_) applied_changed_.wait(mutex_);
            if (ending_) {
                applied_bytes_ = 0;
                return;
            }
            end = applied_ + 1;
            bytes_before = applied_bytes_;
        }
        const Status removed = remove_entries(end);
        TIMBER_ASSERT(removed.ok());
    }
}

Status RocksdbReplica::remove_entries(uint64_t end) {
    TIMBER_CHECK(status_of(state_->SyncWAL()));
    const std::string from = entry_key(first_index_);
    const std::string to = entry_key(end);
    const rocksdb::Slice from_slice = from;
    const rocksdb::Slice to_slice = to;
    TIMBER_CHECK(status_of(rocksdb::DeleteFilesInRange(log_.get(), log_->DefaultColumnFamily(),
                                                       &from_slice, &to_slice, false)));
    rocksdb::WriteBatch batch;
    batch.DeleteRange(from_slice, to_slice);
    batch.Put(slice_of(kFirstIndexKey), number_text(end));
    TIMBER_CHECK(status_of(log_->Write(write_options(false), &batch)));
    first_index_ = end;
    return {};
}

Result<std::optional<std::string>> RocksdbReplica::get(std::string_view key) {
    std::string value;
    const rocksdb::Status found = state_->Get({}, slice_of(key), &value);
    if (found.IsNotFound()) return std::optional<std::string>();
    TIMBER_CHECK(status_of(found));
    return std::optional<std::string>(std::move(value));
}

Status RocksdbReplica::settle() {
    wait_for_compactions(*log_);
    wait_for_compactions(*state_);
    return {};
}

LogCount RocksdbReplica::log_count() {
    return {.bytes = log_bytes_.load(std::memory_order_relaxed),
            .durable_writes = log_syncs_.load(std::memory_order_relaxed)};
}

std::map<std::string, double> RocksdbReplica::opening_notes() {
    return {{"entries replayed", entries_replayed_}};
}

}  // namespace timber::bench
