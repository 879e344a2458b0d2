#include "tests/process/torture_workload.h"

#include <algorithm>
#include <cstdio>

#include "tests/support/server_process.h"

namespace timber::process {

namespace {

using client::Answer;
using client::Client;
using client::Outcome;
using sim::Operation;

constexpr uint64_t kGroups = 5;
constexpr uint64_t kKeysPerGroup = 4;
constexpr uint64_t kOperationsPerEra = 4000;
// After the last fault of a round: elections, connections and queues need far less.
constexpr Duration kProgressLimit = std::chrono::seconds(30);

std::string group_name(uint64_t era, uint64_t group) {
    char text[32];
    std::snprintf(text, sizeof text, "e%04u/g%u/", static_cast<unsigned>(era),
                  static_cast<unsigned>(group));
    return text;
}
std::string end_of(const std::string& group) { return group + "~"; }

std::string draw_key(Random& random, const std::string& group) {
    return group + "k" + std::to_string(random.below(kKeysPerGroup));
}

Operation scan_of(const std::string& group) {
    Operation operation;
    operation.kind = Operation::Kind::kScan;
    operation.key = group;
    operation.end_key = end_of(group);
    operation.limit = kKeysPerGroup;
    return operation;
}

// What of the answer lies in the range: the raw API's scans have no end.
void take_pairs(Operation& scan, const Answer& answer) {
    for (const client::KeyValue& pair : answer.pairs)
        if (pair.key < scan.end_key) scan.pairs.emplace_back(pair.key, pair.value);
}

}  // namespace

Workload::Workload(WorkloadOptions options) : options_(std::move(options)) {
    for (size_t i = 0; i < options_.writing_clients + options_.reading_clients; ++i) {
        Caller caller{.writes = i < options_.writing_clients, .retries_unknown = i == 0};
        client::Options client_options;
        client_options.endpoints = options_.endpoints;
        // Not all begin at the same server.
        std::ranges::rotate(client_options.endpoints,
                            client_options.endpoints.begin() +
                                static_cast<ptrdiff_t>(i % client_options.endpoints.size()));
        // Those in a hurry find the next leader while the others still wait for the last.
        client_options.time_limit = i % 2 == 0 ? options_.time_limit : options_.time_limit / 4;
        client_options.retry_unknown = caller.retries_unknown;
        auto made = Client::connect(client_options);
        if (!made) fail("no client: " + made.error().to_string());
        caller.client = std::move(*made);
        callers_.push_back(std::move(caller));
    }
}

Workload::~Workload() { stop(); }

void Workload::start() {
    Random seeds(options_.seed);
    for (size_t i = 0; i < callers_.size() * options_.workers_per_client; ++i) {
        Caller& caller = callers_[i / options_.workers_per_client];
        workers_.emplace_back([this, &caller, i, seed = seeds.next()] { work(caller, i, seed); });
    }
}

void Workload::stop() {
    stopping_ = true;
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
}

void Workload::next_era() {
    operations_of_era_ = 0;
    ++era_;
}

std::string Workload::draw_group(Random& random) {
    if (operations_of_era_.fetch_add(1) == kOperationsPerEra) next_era();
    return group_name(era_, random.below(kGroups));
}

void Workload::work(Caller& caller, size_t worker, uint64_t seed) {
    Random random(seed);
    for (uint64_t turn = 0; !stopping_; ++turn) {
        const std::string group = draw_group(random);
        if (caller.writes && random.percent(60)) {
            write(caller, random, group, "w" + std::to_string(worker) + "." + std::to_string(turn));
        } else if (random.percent(75)) {
            read(caller, random, group);
        } else {
            scan(caller, group);
        }
        std::this_thread::sleep_for(
            Duration(random.below(static_cast<uint64_t>(options_.pause_max.count()))));
    }
}

void Workload::write(Caller& caller, Random& random, const std::string& group,
                     const std::string& value) {
    Operation operation;
    const std::string key = draw_key(random, group);
    const bool remove = random.percent(15);
    operation.effects.push_back({key, remove ? std::nullopt : std::optional(value)});
    const Instant begin = clock_.now();
    operation.begin = moment();
    const Answer answer = Client::wait([&](Client::Done done) {
        if (remove)
            caller.client->remove(key, std::move(done));
        else
            caller.client->put(key, value, std::move(done));
    });
    record_write(caller, std::move(operation), answer, begin);
}

void Workload::read(Caller& caller, Random& random, const std::string& group) {
    Operation operation;
    operation.kind = Operation::Kind::kGet;
    operation.key = draw_key(random, group);
    operation.begin = moment();
    const Answer answer = Client::wait(
        [&](Client::Done done) { caller.client->get(operation.key, std::move(done)); });
    operation.value = answer.value;
    record_read(std::move(operation), answer);
}

void Workload::scan(Caller& caller, const std::string& group) {
    Operation operation = scan_of(group);
    operation.begin = moment();
    const Answer answer = Client::wait([&](Client::Done done) {
        caller.client->scan(group, static_cast<uint32_t>(operation.limit), std::move(done));
    });
    take_pairs(operation, answer);
    record_read(std::move(operation), answer);
}

void Workload::count(Outcome outcome) {
    switch (outcome) {
        case Outcome::kDone: ++counts_.done; return;
        case Outcome::kNotDone: ++counts_.refused; return;
        case Outcome::kUnknown: ++counts_.unknown; return;
    }
}

void Workload::record_read(Operation operation, const Answer& answer) {
    operation.end = moment();
    MutexLock lock(mutex_);
    count(answer.outcome);
    if (answer.outcome == Outcome::kDone) history_.push_back(std::move(operation));
}

void Workload::record_write(const Caller& caller, Operation operation, const Answer& answer,
                            Instant begin) {
    const bool done = answer.outcome == Outcome::kDone;
    Operation in_doubt = operation;
    if (done) operation.end = moment();
    const Instant end = clock_.now();
    MutexLock lock(mutex_);
    count(answer.outcome);
    if (answer.outcome == Outcome::kNotDone) return;
    history_.push_back(std::move(operation));
    // Of a client that sends again what may have been done, each try but the last may be done yet.
    for (uint32_t i = 1; caller.retries_unknown && i < answer.tries; ++i)
        history_.push_back(in_doubt);
    if (done) acknowledged_.push_back({begin, end});
}

Instant Workload::wait_for_write() {
    const Instant from = clock_.now();
    std::optional<Instant> found;
    wait_until(
        "a write is acknowledged although faults have stopped",
        [&] {
            MutexLock lock(mutex_);
            for (size_t i = acknowledged_.size(); i-- > 0 && acknowledged_[i].end > from;)
                if (acknowledged_[i].begin > from) found = acknowledged_[i].end;
            return found.has_value();
        },
        kProgressLimit);
    return *found;
}

Duration Workload::longest_gap(Instant from, Instant to) const {
    MutexLock lock(mutex_);
    Duration longest{0};
    Instant last = from;
    for (const Acknowledged& each : acknowledged_) {
        if (each.end <= from || each.end > to) continue;
        longest = std::max(longest, each.end - last);
        last = std::max(last, each.end);
    }
    return std::max(longest, to - last);
}

void Workload::read_all(Client& client) {
    for (uint64_t era = 0; era <= era_; ++era) {
        for (uint64_t group = 0; group < kGroups; ++group) {
            Operation operation = scan_of(group_name(era, group));
            operation.begin = moment();
            const Answer answer = Client::wait([&](Client::Done done) {
                client.scan(operation.key, static_cast<uint32_t>(operation.limit), std::move(done));
            });
            if (answer.outcome != Outcome::kDone)
                fail("reading all back, at " + operation.key + ": " + answer.error);
            take_pairs(operation, answer);
            operation.end = moment();
            history_.push_back(std::move(operation));
        }
    }
}

WorkloadCounts Workload::counts() const {
    MutexLock lock(mutex_);
    return counts_;
}

}  // namespace timber::process
