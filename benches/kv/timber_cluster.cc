#include "benches/kv/timber_cluster.h"

#include "src/client/messages.h"

namespace timber::bench {

using client::Method;

Status TimberCluster::start(const std::string& directory) {
    cluster_ = std::make_unique<process::TestCluster>(directory, 3);
    cluster_->format();
    cluster_->start();
    address_ = cluster_->server(cluster_->leader()).place().client_address();
    return {};
}

std::vector<pid_t> TimberCluster::processes() const {
    std::vector<pid_t> pids;
    for (size_t i = 0; i < cluster_->size(); ++i) pids.push_back(cluster_->server(i).pid());
    return pids;
}

const char* TimberCluster::put_path() const { return client::path_of(Method::kPut); }
const char* TimberCluster::get_path() const { return client::path_of(Method::kGet); }

std::string TimberCluster::put_request(std::string_view key, std::string_view value) const {
    return client::encode_put(key, value, {});
}

std::string TimberCluster::get_request(std::string_view key) const {
    return client::encode_get(key, {});
}

bool TimberCluster::put_done(const rpc::Bytes& body) const {
    return client::judge(Method::kPut, body).answer.outcome == client::Outcome::kDone;
}

bool TimberCluster::got_value(const rpc::Bytes& body, size_t value_bytes) const {
    const auto judged = client::judge(Method::kGet, body);
    return judged.answer.value && judged.answer.value->size() == value_bytes;
}

}  // namespace timber::bench
