#pragma once
// Clients that keep a cluster busy and write down what they saw: get, put, delete and scan, with
// values that nobody writes twice, on a few keys at a time.
//
// Keys lie in groups, and a scan reads one group. A set of groups is used for an era, which ends
// when somebody says so or when its groups have seen enough: a search that explains a history grows
// with the length of its parts.
//
// Thread:   one owner; the clients have threads of their own.
// Lifetime: the destructor stops the clients.
// Failure:  an outcome is what the client library says: done; surely not done, which leaves no
//           trace in the history, so that its value turning up is found; or unknown, once for each
//           time that it was sent.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/random.h"
#include "src/client/client.h"
#include "src/platform/system_clock.h"
#include "tests/sim/check/history.h"

namespace timber::process {

struct WorkloadOptions {
    std::vector<std::string> endpoints{};
    uint64_t seed = 1;
    // Each has a client of its own for a few workers, so that what one has learnt about the leader
    // does not help the others. Readers never write, and stay with a leader for as long as it
    // answers: those are who a leader that was deposed could mislead.
    size_t writing_clients = 4;
    size_t reading_clients = 2;
    size_t workers_per_client = 3;
    Duration pause_max = std::chrono::milliseconds(16);  // between a worker's operations
    Duration time_limit = std::chrono::seconds(4);
};

struct WorkloadCounts {
    uint64_t done = 0;
    uint64_t refused = 0;  // surely not done
    uint64_t unknown = 0;
};

class Workload {
  public:
    explicit Workload(WorkloadOptions options);
    ~Workload();
    Workload(const Workload&) = delete;
    Workload& operator=(const Workload&) = delete;

    void start();
    // Ends when the operations under way have.
    void stop();
    void next_era();

    // Waits until a write is acknowledged that begins from now on; fails the test if none is.
    Instant wait_for_write();
    // The longest time without an acknowledged write in between.
    Duration longest_gap(Instant from, Instant to) const;

    // Reads all that was ever written, through `client`, into the history; after stop().
    void read_all(client::Client& client);

    WorkloadCounts counts() const;
    // After stop().
    const sim::History& history() const { return history_; }

  private:
    struct Acknowledged {
        Instant begin{};
        Instant end{};
    };

    struct Caller {
        std::unique_ptr<client::Client> client{};
        bool writes = true;
        bool retries_unknown = false;
    };

    void work(Caller& caller, size_t worker, uint64_t seed);
    std::string draw_group(Random& random);
    void write(Caller& caller, Random& random, const std::string& group, const std::string& value);
    void read(Caller& caller, Random& random, const std::string& group);
    void scan(Caller& caller, const std::string& group);
    uint64_t moment() { return moment_.fetch_add(1); }
    void record_read(sim::Operation operation, const client::Answer& answer)
        TIMBER_EXCLUDES(mutex_);
    void record_write(const Caller& caller, sim::Operation operation, const client::Answer& answer,
                      Instant begin) TIMBER_EXCLUDES(mutex_);
    void count(client::Outcome outcome) TIMBER_REQUIRES(mutex_);

    const WorkloadOptions options_;
    SystemClock clock_;
    std::vector<Caller> callers_;
    std::vector<std::thread> workers_;
    std::atomic<bool> stopping_ = false;
    std::atomic<uint64_t> moment_ = 1;
    std::atomic<uint64_t> era_ = 0;
    std::atomic<uint64_t> operations_of_era_ = 0;

    mutable Mutex mutex_;
    sim::History history_;  // guarded while workers run
    std::vector<Acknowledged> acknowledged_ TIMBER_GUARDED_BY(mutex_);
    WorkloadCounts counts_ TIMBER_GUARDED_BY(mutex_);
};

}  // namespace timber::process
