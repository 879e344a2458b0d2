// How long are there no writes when the leader goes?
//
// A slice is one death: a client that writes all the time, and a leader that is killed (case kill)
// or told to end (case term). Measured is the longest time without an acknowledgement from that
// signal on, through our own client library, which has to find the next leader. Then the server is
// started again, and all three come to the same state.
//
//   failover --slices 50
#include <csignal>

#include <optional>

#include "benches/frame/bench.h"
#include "src/base/io/log.h"
#include "src/client/client.h"
#include "tests/support/server_process.h"

using namespace timber;
using namespace timber::bench;
using client::Client;

namespace {

class FailoverSubject final : public Subject {
  public:
    explicit FailoverSubject(const Options& options) : directory_(options.directory) {}

    std::string name() const override { return "timberkv"; }
    uint32_t lanes(const Case&) const override { return 1; }

    Status prepare(const Case&) override {
        if (cluster_) return {};
        cluster_.emplace(directory_ + "/failover", 3);
        cluster_->format();
        cluster_->start();
        TIMBER_TRY(client_, Client::connect({.endpoints = cluster_->endpoints()}));
        return write();
    }

    Status run_slice(const Case& wanted, SliceRecorder& recorder) override {
        const bool kill = wanted.name == "kill";
        process::ServerProcess& leader = cluster_->server(cluster_->leader());
        for (int i = 0; i < 20; ++i) TIMBER_CHECK(write());
        const int64_t start = now_ns();
        leader.signal(kill ? SIGKILL : SIGTERM);
        // A leader that was told to end takes writes for a moment. The longest time between two
        // acknowledgements counts, until the server is gone and others have served a while.
        int64_t last = start;
        int64_t worst_start = start;
        int64_t worst_end = start;
        for (int after = 0; after < kWritesAfter; ++after) {
            TIMBER_CHECK(write());
            const int64_t now = now_ns();
            if (now - last > worst_end - worst_start) {
                worst_start = last;
                worst_end = now;
            }
            last = now;
        }
        recorder.lane(0).done(worst_start, worst_end);
        const int code = leader.wait();
        if (!kill && code != 0)
            return make_error(ErrorCode::kIoError, "SIGTERM ended with " + std::to_string(code));
        return {};
    }

    Status settle(const Case&) override {
        for (size_t i = 0; i < cluster_->size(); ++i)
            if (!cluster_->server(i).running()) cluster_->server(i).start();
        cluster_->wait_until_equal();
        return {};
    }

    Status finish(const Case&) override { return {}; }

  private:
    static constexpr int kWritesAfter = 500;

    // One write, sent again until it is known to be done.
    Status write() {
        const std::string value = std::to_string(++writes_);
        for (;;) {
            const client::Answer answer = Client::wait(
                [&](Client::Done done) { client_->put("key", value, std::move(done)); });
            if (answer.outcome == client::Outcome::kDone) return {};
            if (answer.outcome == client::Outcome::kNotDone)
                return make_error(ErrorCode::kIoError, "a write: " + answer.error);
        }
    }

    const std::string directory_;
    std::optional<process::TestCluster> cluster_;
    std::unique_ptr<Client> client_;
    uint64_t writes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    set_log_level(LogLevel::kError);
    Options options =
        parse_options("How long are there no writes when the leader goes?", argc, argv);
    Bench bench("failover", options);
    bench.add(std::make_unique<FailoverSubject>(options));
    bench.add_case({.name = "kill", .value_bytes = 8});
    bench.add_case({.name = "term", .value_bytes = 8});
    return bench.run();
}
