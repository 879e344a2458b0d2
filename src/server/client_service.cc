#include "src/server/client_service.h"

namespace timber::server {

namespace {

std::string busy(RawMethod method, std::string reason) {
    raftstore::Response response;
    response.outcome = raftstore::Outcome::kNotDone;
    response.error = raftstore::RegionError{.kind = raftstore::RegionError::Kind::kServerBusy,
                                            .message = std::move(reason)};
    return encode_raw(method, response);
}

}  // namespace

void ClientService::add_to(rpc::ServerOptions& options) {
    for (const RawMethod method : kRawMethods)
        options.unary[path_of(method)] = [this, method](rpc::Call& call) { handle(method, call); };
}

void ClientService::handle(RawMethod method, rpc::Call& call) {
    calls_.fetch_add(1, std::memory_order_relaxed);
    if (const auto left = call.time_left(); left && *left <= Duration(0))
        return call.fail(rpc::Code::kDeadlineExceeded,
                         "not done: the deadline had passed when the request arrived");
    auto request = decode_raw(method, call.request(), limits_);
    if (!request) {
        if (request.error().code == ErrorCode::kCorrupted)
            return call.fail(rpc::Code::kInvalidArgument, request.error().detail);
        return call.reply(encode_raw_refusal(method, request.error().detail));
    }
    if (under_way_.fetch_add(1, std::memory_order_relaxed) >= calls_max_) {
        under_way_.fetch_sub(1, std::memory_order_relaxed);
        refused_busy_.fetch_add(1, std::memory_order_relaxed);
        return call.reply(busy(method, "too many requests are under way"));
    }
    store_.submit(std::move(*request), [this, method, &call](raftstore::Response response) {
        under_way_.fetch_sub(1, std::memory_order_relaxed);
        answer(method, call, response);
    });
}

void ClientService::answer(RawMethod method, rpc::Call& call, const raftstore::Response& response) {
    if (response.outcome == raftstore::Outcome::kUnknown)
        return call.fail(rpc::Code::kUnknown,
                         "it is not known whether this was done, or will be: " +
                             (response.error ? response.error->message : std::string("no reason")));
    call.reply(encode_raw(method, response));
}

}  // namespace timber::server
