#pragma once
// The client's half of the wire: requests into bytes, answers into what they mean. All of protobuf
// that the client needs is in messages.cc.
//
// Thread:  plain functions.
// Failure: an answer that is no message of its method counts as one whose outcome is not known.
#include <string>
#include <string_view>
#include <vector>

#include "src/client/client.h"
#include "src/rpc/types.h"

namespace timber::client {

enum class Method : uint8_t { kGet, kPut, kDelete, kScan, kAdmin };
bool is_write(Method method);
const char* path_of(Method method);  // not of kAdmin

std::string encode_get(std::string_view key, const std::string& cf);
std::string encode_put(std::string_view key, std::string_view value, const std::string& cf);
std::string encode_delete(std::string_view key, const std::string& cf);
std::string encode_scan(std::string_view start_key, uint32_t limit, const std::string& cf);

enum class Verdict : uint8_t {
    kFinal,      // `answer` is it
    kElsewhere,  // surely not done: another server may do it, `leader_store` if that is known
    kLater,      // surely not done: the same server may do it later
};
struct Judgement {
    Verdict verdict = Verdict::kFinal;
    Answer answer{};
    uint64_t leader_store = 0;
};
// What an answer with the status OK says.
Judgement judge(Method method, const rpc::Bytes& body);
// Whether a call that ended so was refused as it is, by a server that did nothing with it.
bool refused_untouched(const rpc::Ending& ending);

// Who a server is, and whom it knows.
struct ServerView {
    uint64_t store = 0;
    std::vector<std::pair<uint64_t, std::string>> others{};  // store, client address
};
std::optional<ServerView> decode_view(const rpc::Bytes& body);

}  // namespace timber::client
