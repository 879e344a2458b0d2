#include "src/client/messages.h"

#include <kvrpcpb.pb.h>
#include <timberkv/admin.pb.h>

namespace timber::client {

namespace {

template <typename Message>
bool parse(Message& message, const rpc::Bytes& body) {
    return body.size() <= INT32_MAX &&
           message.ParseFromArray(body.bytes().data(), static_cast<int>(body.size()));
}

Judgement not_done(Verdict verdict, std::string why, uint64_t leader_store = 0) {
    return {verdict, {.outcome = Outcome::kNotDone, .error = std::move(why)}, leader_store};
}

Judgement judge_error(const errorpb::Error& error) {
    if (error.has_not_leader()) {
        const auto& leader = error.not_leader().leader();
        return not_done(Verdict::kElsewhere,
                        leader.store_id() != 0
                            ? "store " + std::to_string(leader.store_id()) + " leads"
                            : "no leader is known",
                        leader.store_id());
    }
    if (error.has_server_is_busy()) return not_done(Verdict::kLater, error.message());
    if (error.has_stale_command())
        return not_done(Verdict::kLater, "another command took its place in the log");
    if (error.has_epoch_not_match())
        return not_done(Verdict::kLater, "the Region changed meanwhile");
    if (error.has_region_not_found())
        return not_done(Verdict::kElsewhere, "this server has no replica of the Region");
    if (error.has_key_not_in_region())
        return not_done(Verdict::kElsewhere, "the key is in no Region of this server");
    if (error.has_store_not_match())
        return not_done(Verdict::kElsewhere, "this is another Store than was meant");
    return not_done(Verdict::kFinal, error.message());
}

// The fields that all answers have; nothing if the request was done.
template <typename Message>
std::optional<Judgement> judge_refusal(const Message& message) {
    if (message.has_region_error()) return judge_error(message.region_error());
    if (!message.error().empty()) return not_done(Verdict::kFinal, message.error());
    return std::nullopt;
}

Judgement unreadable() {
    return {Verdict::kFinal,
            {.outcome = Outcome::kUnknown, .error = "the answer cannot be understood"}};
}

Judgement judge_get(const rpc::Bytes& body) {
    kvrpcpb::RawGetResponse message;
    if (!parse(message, body)) return unreadable();
    if (auto refusal = judge_refusal(message)) return *refusal;
    Judgement done;
    if (!message.not_found()) done.answer.value = std::move(*message.mutable_value());
    return done;
}

Judgement judge_scan(const rpc::Bytes& body) {
    kvrpcpb::RawScanResponse message;
    if (!parse(message, body)) return unreadable();
    const bool cut =
        !message.has_region_error() && message.kvs_size() > 0 && !message.error().empty();
    if (auto refusal = judge_refusal(message); refusal && !cut) return *refusal;
    Judgement done;
    done.answer.more = cut;
    done.answer.pairs.reserve(static_cast<size_t>(message.kvs_size()));
    for (kvrpcpb::KvPair& pair : *message.mutable_kvs())
        done.answer.pairs.push_back(
            {std::move(*pair.mutable_key()), std::move(*pair.mutable_value())});
    return done;
}

template <typename Message>
Judgement judge_plain(const rpc::Bytes& body) {
    Message message;
    if (!parse(message, body)) return unreadable();
    if (auto refusal = judge_refusal(message)) return *refusal;
    return {};
}

}  // namespace

bool is_write(Method method) { return method != Method::kGet && method != Method::kScan; }

const char* path_of(Method method) {
    switch (method) {
        case Method::kGet: return "/tinykvpb.TinyKv/RawGet";
        case Method::kPut: return "/tinykvpb.TinyKv/RawPut";
        case Method::kDelete: return "/tinykvpb.TinyKv/RawDelete";
        case Method::kScan: return "/tinykvpb.TinyKv/RawScan";
        case Method::kAdmin: break;
    }
    TIMBER_UNREACHABLE();
}

std::string encode_get(std::string_view key, const std::string& cf) {
    kvrpcpb::RawGetRequest message;
    message.set_key(key.data(), key.size());
    message.set_cf(cf);
    return message.SerializeAsString();
}

std::string encode_put(std::string_view key, std::string_view value, const std::string& cf) {
    kvrpcpb::RawPutRequest message;
    message.set_key(key.data(), key.size());
    message.set_value(value.data(), value.size());
    message.set_cf(cf);
    return message.SerializeAsString();
}

std::string encode_delete(std::string_view key, const std::string& cf) {
    kvrpcpb::RawDeleteRequest message;
    message.set_key(key.data(), key.size());
    message.set_cf(cf);
    return message.SerializeAsString();
}

std::string encode_scan(std::string_view start_key, uint32_t limit, const std::string& cf) {
    kvrpcpb::RawScanRequest message;
    message.set_start_key(start_key.data(), start_key.size());
    message.set_limit(limit);
    message.set_cf(cf);
    return message.SerializeAsString();
}

Judgement judge(Method method, const rpc::Bytes& body) {
    switch (method) {
        case Method::kGet: return judge_get(body);
        case Method::kPut: return judge_plain<kvrpcpb::RawPutResponse>(body);
        case Method::kDelete: return judge_plain<kvrpcpb::RawDeleteResponse>(body);
        case Method::kScan: return judge_scan(body);
        case Method::kAdmin: {
            Judgement judged = judge_plain<timberkv::AdminResponse>(body);
            if (judged.answer.outcome == Outcome::kDone) judged.answer.value = body.text();
            return judged;
        }
    }
    TIMBER_UNREACHABLE();
}

bool refused_untouched(const rpc::Ending& ending) {
    switch (ending.code) {
        case rpc::Code::kUnimplemented:
        case rpc::Code::kInvalidArgument: return true;
        // gRPC refuses what is too large before anybody sees it. With the same code it resets calls
        // when its memory runs short, also those that a server is at work on; so any other text
        // says nothing.
        case rpc::Code::kResourceExhausted:
            return ending.message.find("message larger than max") != std::string::npos;
        default: return false;
    }
}

std::optional<ServerView> decode_view(const rpc::Bytes& body) {
    timberkv::StatusResponse message;
    if (!parse(message, body)) return std::nullopt;
    ServerView view{message.store_id(), {}};
    for (const timberkv::KnownStore& other : message.stores())
        if (!other.client_address().empty())
            view.others.emplace_back(other.store_id(), other.client_address());
    return view;
}

}  // namespace timber::client
