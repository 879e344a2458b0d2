// How many puts and gets does a cluster of three servers on this machine take, next to etcd?
//
// One load generator for both: a closed loop of so many requests in flight, over the same gRPC
// client code, against the leader. Puts are acknowledged by a majority's disks; gets are
// linearizable. The floor is a bare answer over gRPC (echo_server.h).
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "benches/frame/bench.h"
#include "benches/kv/echo_server.h"
#include "benches/kv/etcd_cluster.h"
#include "benches/kv/timber_cluster.h"
#include "src/base/io/log.h"
#include "src/base/random.h"
#include "src/rpc/channel.h"

using namespace timber;
using namespace timber::bench;

namespace {

constexpr size_t kKeys = 20'000;
constexpr size_t kChannels = 4;
constexpr Duration kCallLimit = std::chrono::seconds(20);

std::string key_of(uint64_t number) {
    std::string digits = std::to_string(number);
    return "key" + std::string(13 - digits.size(), '0') + digits;
}

// What processes have used so far.
struct Usage {
    double cpu_us = 0;
    uint64_t rss_bytes = 0;
};
Usage usage_of(const std::vector<pid_t>& pids) {
    Usage usage;
    for (const pid_t pid : pids) {
        std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
        std::string line;
        std::getline(stat, line);
        // Fields count from behind the name, which may hold blanks: state is the third.
        std::istringstream fields(line.substr(line.rfind(')') + 2));
        std::string field;
        for (int number = 3; fields >> field; ++number) {
            if (number == 14 || number == 15)
                usage.cpu_us += std::stod(field) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
            if (number == 24)
                usage.rss_bytes +=
                    std::stoull(field) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
        }
    }
    return usage;
}

class LoadSubject final : public Subject {
  public:
    LoadSubject(const Options& options, std::unique_ptr<KvCluster> cluster)
        : directory_(options.directory + "/" + cluster->name()),
          keys_(options.tiny ? 100 : kKeys),
          cluster_(std::move(cluster)),
          random_(options.seed) {}
    ~LoadSubject() override { close(); }

    std::string name() const override { return cluster_->name(); }
    uint32_t lanes(const Case&) const override { return 1; }  // the poller's thread

    // The cluster is started once, and filled with what the gets will read.
    Status prepare(const Case& wanted) override {
        if (poller_ != nullptr) return {};
        TIMBER_CHECK(cluster_->start(directory_));
        poller_ = rpc::Poller::start("load");
        for (size_t i = 0; i < kChannels; ++i)
            channels_.push_back(rpc::Channel::open(*poller_, cluster_->address(), {}));
        value_ = std::string(wanted.value_bytes, 'v');
        uint64_t next = 0;
        start_loop(
            64, [this, &next](const Sent& sent) { sent(put_, next++ % keys_); },
            [this, &next] { return next >= keys_; }, nullptr);
        return wait_for_end();
    }

    Status run_slice(const Case& wanted, SliceRecorder& recorder) override {
        const bool puts = wanted.name.starts_with("put");
        const Usage before = usage_of(cluster_->processes());
        const uint64_t done_before = done_;
        start_loop(
            wanted.parallel,
            [this, puts](const Sent& sent) { sent(puts ? put_ : get_, random_.below(keys_)); },
            [&recorder] { return recorder.over(); }, &recorder.lane(0));
        TIMBER_CHECK(wait_for_end());
        const Usage after = usage_of(cluster_->processes());
        const auto operations = static_cast<double>(std::max<uint64_t>(done_ - done_before, 1));
        recorder.note("server_cpu_us_per_op", (after.cpu_us - before.cpu_us) / operations);
        recorder.note("server_rss_mib", static_cast<double>(after.rss_bytes) / 1048576);
        return {};
    }

    Status finish(const Case&) override { return {}; }

  private:
    using Sent = std::function<void(int kind, uint64_t key)>;
    static constexpr int put_ = 0;
    static constexpr int get_ = 1;

    // Keeps `parallel` requests in flight until `over`. Everything after the first requests
    // happens on the poller's thread, which alone touches the lane and the generator.
    void start_loop(uint32_t parallel, std::function<void(const Sent&)> next,
                    std::function<bool()> over, Lane* lane) {
        next_ = std::move(next);
        over_ = std::move(over);
        lane_ = lane;
        open_ = parallel;
        poller_->after(Duration(0), [this, parallel] {
            for (uint32_t i = 0; i < parallel; ++i) send_next(*channels_[i % channels_.size()]);
        });
    }
    Status wait_for_end() {
        while (open_.load() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (failures_ == 0) return {};
        return make_error(ErrorCode::kIoError, name() + ": " + first_failure_);
    }

    void send_next(rpc::Channel& channel) {
        if (over_()) {
            open_.fetch_sub(1);
            return;
        }
        next_([&](int kind, uint64_t number) {
            const bool put = kind == put_;
            const std::string key = key_of(number);
            std::string request =
                put ? cluster_->put_request(key, value_) : cluster_->get_request(key);
            const int64_t start = now_ns();
            channel.call(put ? cluster_->put_path() : cluster_->get_path(), std::move(request),
                         kCallLimit, [this, &channel, put, start](rpc::Reply reply) {
                             answered(channel, put, start, reply);
                         });
        });
    }
    void answered(rpc::Channel& channel, bool put, int64_t start, const rpc::Reply& reply) {
        const bool right =
            reply.ending.ok() &&
            (put ? cluster_->put_done(reply.body) : cluster_->got_value(reply.body, value_.size()));
        if (!right && failures_++ == 0) first_failure_ = "a wrong answer: " + reply.ending.message;
        if (lane_ != nullptr) lane_->done(start, now_ns());
        ++done_;
        send_next(channel);
    }

    void close() {
        for (auto& channel : channels_) channel->close();
        channels_.clear();
        if (poller_ != nullptr) poller_->stop();
        cluster_->stop();
    }

    const std::string directory_;
    const uint64_t keys_;
    std::unique_ptr<KvCluster> cluster_;
    std::unique_ptr<rpc::Poller> poller_;
    std::vector<std::unique_ptr<rpc::Channel>> channels_;
    std::string value_;

    // The poller's, while a loop runs.
    Random random_;
    std::function<void(const Sent&)> next_;
    std::function<bool()> over_;
    Lane* lane_ = nullptr;
    uint64_t done_ = 0;
    uint64_t failures_ = 0;
    std::string first_failure_;
    std::atomic<uint32_t> open_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == EchoServer::kArgument) return EchoServer::serve();
    set_log_level(LogLevel::kWarning);
    Options options = parse_options("How many puts and gets, next to etcd?", argc, argv);
    Bench bench("kv_load", options);
    bench.add(std::make_unique<LoadSubject>(options, std::make_unique<EchoServer>()));
    bench.add(std::make_unique<LoadSubject>(options, std::make_unique<TimberCluster>()));
    const bool etcd = EtcdCluster::installed() && !options.tiny;
    if (etcd)
        bench.add(std::make_unique<LoadSubject>(options, std::make_unique<EtcdCluster>()));
    else
        std::printf("etcd is left out: not installed (apt-get install etcd-server), or --tiny\n");
    for (const uint32_t parallel : {1u, 16u, 64u, 256u}) {
        const bool quick = parallel == 1 || parallel == 64;
        bench.add_case({.name = "put", .parallel = parallel, .value_bytes = 256, .quick = quick});
        bench.add_case({.name = "get", .parallel = parallel, .value_bytes = 256, .quick = quick});
    }
    if (etcd) bench.compare_to("etcd");
    return bench.run();
}
