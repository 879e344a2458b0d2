#include "benches/storage/timber_replica.h"

#include <filesystem>
#include <future>

#include "benches/store/timber_store.h"
#include "src/base/io/log.h"

namespace timber::bench {

using raftstore::Outcome;
using raftstore::RegionError;
using raftstore::Response;

namespace {

constexpr auto kRetryDelay = std::chrono::milliseconds(1);

raftstore::Formation formation_of_one() {
    raftstore::Formation formation{
        .identity = {storage::ClusterId(1), storage::StoreId(1), storage::Incarnation(1)}};
    formation.regions.push_back(
        {.id = storage::RegionId(1),
         .epoch = {.conf_ver = 1, .version = 1},
         .peers = {{.id = raftstore::PeerId(1), .store = storage::StoreId(1)}}});
    return formation;
}

bool is_busy(const Response& response) {
    return response.outcome == Outcome::kNotDone && response.error &&
           response.error->kind == RegionError::Kind::kServerBusy;
}

Status status_of(const Response& response) {
    if (response.outcome == Outcome::kDone) return {};
    return make_error(ErrorCode::kIoError,
                      "not done: " + (response.error ? response.error->message : "no reason"));
}

}  // namespace

raftstore::StoreOptions TimberReplica::options_of(const std::string& directory,
                                                  const ReplicaSettings& settings) {
    raftstore::StoreOptions options;
    options.engine.directory = directory + "/store";
    options.engine.log.segment_bytes = settings.segment_bytes;
    options.engine.state = state_options(settings.state);
    options.engine.state.store_id = settings.state.seed;
    options.seed = settings.state.seed;
    options.log_gc_interval = std::chrono::milliseconds(100);
    options.log_gc_entries = settings.log_gc_entries;
    options.log_gc_bytes = settings.log_gc_bytes;
    if (!std::filesystem::exists(options.engine.directory)) options.formation = formation_of_one();
    return options;
}

Status TimberReplica::open(const std::string& directory, const ReplicaSettings& settings) {
    TIMBER_TRY(platform_,
               Platform::create({.data_directory = directory, .job_threads = kCompactionsMax + 1}));
    counter_ = std::make_unique<CountingDisk>(platform_->disk());
    disk_ = std::make_unique<LogWatch>(*counter_, directory + "/store/log");
    TIMBER_TRY(thread_, platform_->start_loop("store"));
    std::promise<Status> opened;
    leads_.emplace();
    const std::future<void> leads = leads_->get_future();
    thread_->loop().post([&] {
        retry_ = std::make_unique<Timer>([this] { try_again(); });
        raftstore::Store::open({*disk_, platform_->executor(), thread_->loop()},
                               options_of(directory, settings), *this, *this,
                               [&](Result<std::unique_ptr<raftstore::Store>> store) {
                                   if (store) store_ = std::move(*store);
                                   opened.set_value(store ? Status() : Status(store.error()));
                               });
    });
    TIMBER_CHECK(opened.get_future().get());
    leads.wait();
    return {};
}

void TimberReplica::close() {
    if (store_ != nullptr) {
        std::promise<void> closed;
        thread_->loop().post([&] { store_->close([&] { closed.set_value(); }); });
        closed.get_future().wait();
        thread_->call([&] { store_.reset(); });
    }
    if (thread_ != nullptr) {
        thread_->call([&] { retry_.reset(); });
        thread_->stop();
    }
    thread_.reset();
    disk_.reset();
    counter_.reset();
    platform_.reset();
}

void TimberReplica::on_thread(std::move_only_function<void()> function) {
    thread_->call(std::move(function));
}

void TimberReplica::put(std::string_view key, std::string_view value, PutDone& done) {
    const Refused put{key, value, &done};
    store_->submit(raftstore::WriteRequest{.operations = {{.key = key, .value = value}}},
                   [this, put](const Response& response) { answered(put, response); });
}

void TimberReplica::answered(const Refused& put, const Response& response) {
    if (!is_busy(response)) return put.done->answered(status_of(response));
    refused_.push_back(put);
    if (!retry_->armed()) thread_->loop().start_timer(*retry_, kRetryDelay);
}

void TimberReplica::try_again() {
    for (const Refused& one : std::exchange(refused_, {})) put(one.key, one.value, *one.done);
}

Result<std::optional<std::string>> TimberReplica::get(std::string_view key) {
    std::promise<Response> answer;
    store_->submit(raftstore::GetRequest{.key = std::string(key)},
                   [&](Response response) { answer.set_value(std::move(response)); });
    Response response = answer.get_future().get();
    TIMBER_CHECK(status_of(response));
    return std::move(response.value);
}

Status TimberReplica::settle() {
    std::promise<Status> settled;
    thread_->loop().post([&] {
        store_->engine().state().settle(
            [&](Status status) { settled.set_value(std::move(status)); });
    });
    return settled.get_future().get();
}

LogCount TimberReplica::log_count() {
    return {.bytes = disk_->bytes_written(), .durable_writes = disk_->durable_writes()};
}

std::optional<std::vector<Interval>> TimberReplica::take_durable_writes() {
    std::vector<Interval> writes;
    thread_->call([&] { writes = disk_->take(); });
    return writes;
}

std::map<std::string, double> TimberReplica::opening_notes() {
    std::map<std::string, double> notes;
    thread_->call([&] {
        const storage::EngineReport& report = store_->engine().report();
        notes["log MiB read"] = static_cast<double>(report.log.bytes) / double{1_MiB};
        notes["entries replayed"] = static_cast<double>(report.entries_replayed);
    });
    return notes;
}

void TimberReplica::leader_changed(const raftstore::Region&,
                                   const std::optional<raftstore::PeerMeta>& leader) {
    if (leader && leads_) leads_->set_value();
    if (leader) leads_.reset();
}

void TimberReplica::failed(const Error& error) {
    log_error("the Store has failed: {}", error.to_string());
}

}  // namespace timber::bench
