// The raw API's messages byte for byte. The golden bytes were written down from the table of fields
// in TinyKV's protocol files, by hand, and not by the code that is tested.
#include "src/server/wire.h"

#include <gtest/gtest.h>

#include "src/client/messages.h"
#include "tests/src/server/fakes.h"

namespace timber::server {
namespace {

using raftstore::Outcome;
using raftstore::RegionError;
using raftstore::Response;
using Kind = raftstore::RegionError::Kind;

rpc::Bytes bytes_of(std::string_view hex) { return rpc::Bytes::copy_of(from_hex(hex)); }

template <typename T>
T decoded(RawMethod method, std::string_view hex) {
    auto request = decode_raw(method, bytes_of(hex), {});
    EXPECT_TRUE(request.ok()) << (request.ok() ? "" : request.error().detail);
    return std::move(std::get<T>(*request));
}

void expect_context(const raftstore::RequestHeader& header) {
    EXPECT_EQ(header.region.value(), 2u);
    EXPECT_EQ(header.epoch, (raftstore::RegionEpoch{3, 4}));
    ASSERT_TRUE(header.peer.has_value());
    EXPECT_EQ(header.peer->id.value(), 5u);
    EXPECT_EQ(header.peer->store.value(), 6u);
    EXPECT_EQ(header.term.value(), 7u);
}

void expect_no_context(const raftstore::RequestHeader& header) {
    EXPECT_EQ(header.region.value(), 0u);
    EXPECT_FALSE(header.epoch.has_value());
    EXPECT_FALSE(header.peer.has_value());
    EXPECT_EQ(header.term.value(), 0u);
}

Response refusal(Kind kind) {
    Response response;
    response.outcome = Outcome::kNotDone;
    response.error = RegionError{.kind = kind, .message = "m"};
    return response;
}

std::string hex_of(RawMethod method, const Response& response) {
    return to_hex(encode_raw(method, response));
}

TEST(WireGolden, GetRequest) {
    const auto full = decoded<raftstore::GetRequest>(
        RawMethod::kGet, "0a1008021204080310041a0408051006280712036b65791a046c6f636b");
    expect_context(full.header);
    EXPECT_EQ(full.key, "key");
    EXPECT_EQ(full.family, memtable::Family::kLock);
    const auto plain = decoded<raftstore::GetRequest>(RawMethod::kGet, "12036b6579");
    expect_no_context(plain.header);
    EXPECT_EQ(plain.family, memtable::Family::kDefault);
    EXPECT_EQ(to_hex(client::encode_get("key", "")), "12036b6579");
}

TEST(WireGolden, PutRequest) {
    const auto full = decoded<raftstore::WriteRequest>(
        RawMethod::kPut,
        "0a1008021204080310041a0408051006280712036b65791a0576616c756522057772697465");
    expect_context(full.header);
    ASSERT_EQ(full.operations.size(), 1u);
    EXPECT_EQ(full.operations[0].kind, raftstore::WriteOperation::Kind::kPut);
    EXPECT_EQ(full.operations[0].key, "key");
    EXPECT_EQ(full.operations[0].value, "value");
    EXPECT_EQ(full.operations[0].family, memtable::Family::kWrite);
    EXPECT_EQ(to_hex(client::encode_put("key", "value", "write")),
              "12036b65791a0576616c756522057772697465");
}

TEST(WireGolden, PutRequestWithoutValueHasAnEmptyOne) {
    const auto empty = decoded<raftstore::WriteRequest>(RawMethod::kPut, "12036b6579");
    EXPECT_EQ(empty.operations[0].kind, raftstore::WriteOperation::Kind::kPut);
    EXPECT_EQ(empty.operations[0].value, "");
    EXPECT_EQ(to_hex(client::encode_put("key", "", "")), "12036b6579");
}

TEST(WireGolden, DeleteRequest) {
    const auto full = decoded<raftstore::WriteRequest>(
        RawMethod::kDelete, "0a1008021204080310041a0408051006280712036b65791a057772697465");
    expect_context(full.header);
    EXPECT_EQ(full.operations[0].kind, raftstore::WriteOperation::Kind::kDelete);
    EXPECT_EQ(full.operations[0].family, memtable::Family::kWrite);
    EXPECT_EQ(to_hex(client::encode_delete("key", "write")), "12036b65791a057772697465");
}

TEST(WireGolden, ScanRequest) {
    const auto full = decoded<raftstore::ScanRequest>(
        RawMethod::kScan, "0a1008021204080310041a0408051006280712036b657918ac02220764656661756c74");
    expect_context(full.header);
    EXPECT_EQ(full.start_key, "key");
    EXPECT_EQ(full.limit, 300u);
    EXPECT_EQ(to_hex(client::encode_scan("key", 300, "default")),
              "12036b657918ac02220764656661756c74");
}

TEST(WireGolden, GetResponse) {
    Response response;
    response.value = "value";
    EXPECT_EQ(hex_of(RawMethod::kGet, response), "1a0576616c7565");
    response.value = "";  // an empty value is a value
    EXPECT_EQ(hex_of(RawMethod::kGet, response), "");
    response.value.reset();
    EXPECT_EQ(hex_of(RawMethod::kGet, response), "2001");
    EXPECT_EQ(hex_of(RawMethod::kGet, refusal(Kind::kStaleCommand)), "0a050a016d3a00");
    EXPECT_EQ(to_hex(encode_raw_refusal(RawMethod::kGet, "no")), "12026e6f");
}

TEST(WireGolden, PutAndDeleteResponse) {
    for (const RawMethod method : {RawMethod::kPut, RawMethod::kDelete}) {
        EXPECT_EQ(hex_of(method, Response{}), "");
        EXPECT_EQ(hex_of(method, refusal(Kind::kStaleCommand)), "0a050a016d3a00");
        EXPECT_EQ(to_hex(encode_raw_refusal(method, "no")), "12026e6f");
    }
}

TEST(WireGolden, ScanResponse) {
    Response response;
    response.pairs = {{"a", "1"}, {"b", ""}};
    EXPECT_EQ(hex_of(RawMethod::kScan, response), "1a061201611a01311a03120162");
    EXPECT_EQ(hex_of(RawMethod::kScan, Response{}), "");
    EXPECT_EQ(to_hex(encode_raw_refusal(RawMethod::kScan, "no")), "12026e6f");
}

TEST(WireGolden, EachRegionErrorFillsItsOwnMessage) {
    const raftstore::Region region{.id = raftstore::RegionId(1),
                                   .start_key = "a",
                                   .end_key = "c",
                                   .epoch = {3, 1},
                                   .peers = {{raftstore::PeerId(11), raftstore::StoreId(3)}}};
    const auto expect = [](Response response, const char* hex) {
        EXPECT_EQ(hex_of(RawMethod::kPut, response), hex);
    };
    Response response = refusal(Kind::kNotLeader);
    response.error->region = raftstore::RegionId(1);
    expect(response, "0a070a016d12020801");
    response.error->leader = region.peers[0];
    expect(response, "0a0d0a016d120808011204080b1003");

    response = refusal(Kind::kRegionNotFound);
    response.error->region = raftstore::RegionId(9);
    expect(response, "0a070a016d1a020809");

    response = refusal(Kind::kKeyNotInRegion);
    response.error->region = raftstore::RegionId(9);
    response.error->key = "k";
    response.error->regions = {region};
    expect(response, "0a100a016d220b0a016b10091a0161220163");

    response = refusal(Kind::kEpochNotMatch);
    response.error->regions = {region};
    expect(response, "0a1b0a016d2a160a1408011201611a01632204080310012a04080b1003");

    expect(refusal(Kind::kStaleCommand), "0a050a016d3a00");
    response = refusal(Kind::kStoreNotMatch);
    response.error->request_store = raftstore::StoreId(4);
    response.error->actual_store = raftstore::StoreId(5);
    expect(response, "0a090a016d420408041005");

    expect(refusal(Kind::kServerBusy), "0a180a1173657276657220697320627573793a206d32030a016d");
    // A text alone is no Region's error.
    expect(refusal(Kind::kMessage), "12016d");
}

std::string why_refused(RawMethod method, std::string_view bytes) {
    RawLimits limits;
    limits.key_bytes_max = 4;
    limits.value_bytes_max = 5;
    limits.scan_limit_max = 100;
    const auto request = decode_raw(method, rpc::Bytes::copy_of(bytes), limits);
    return request.ok() ? "taken" : request.error().detail;
}

TEST(Wire, WhatMakesNoSenseIsRefusedWithTheReason) {
    EXPECT_EQ(why_refused(RawMethod::kGet, client::encode_get("", "")), "the key is empty");
    EXPECT_EQ(why_refused(RawMethod::kPut, client::encode_put("", "v", "")), "the key is empty");
    EXPECT_EQ(why_refused(RawMethod::kDelete, client::encode_delete("", "")), "the key is empty");
    EXPECT_EQ(why_refused(RawMethod::kGet, client::encode_get("k", "log")),
              "unknown column family 'log': there are default, lock and write");
    // The metadata family is the server's own.
    EXPECT_NE(why_refused(RawMethod::kGet, client::encode_get("k", "meta")), "taken");
    EXPECT_EQ(why_refused(RawMethod::kGet, client::encode_get("12345", "")),
              "a key of 5 bytes is over the limit of 4");
    EXPECT_EQ(why_refused(RawMethod::kPut, client::encode_put("k", "123456", "")),
              "a value of 6 bytes is over the limit of 5");
    EXPECT_EQ(why_refused(RawMethod::kScan, client::encode_scan("", 0, "")),
              "limit is 0: say how many pairs are wanted");
    EXPECT_EQ(why_refused(RawMethod::kScan, client::encode_scan("", 101, "")),
              "limit 101 is over the limit of 100");
    EXPECT_EQ(why_refused(RawMethod::kScan, client::encode_scan("", 100, "")), "taken");
}

TEST(Wire, BytesThatAreNoMessageAreToldApart) {
    for (const RawMethod method : kRawMethods) {
        const auto request = decode_raw(method, rpc::Bytes::copy_of("\x0a\xff\xff"), {});
        ASSERT_FALSE(request.ok());
        EXPECT_EQ(request.error().code, ErrorCode::kCorrupted);
    }
}

// What the server answers is what the client understands.
TEST(Wire, ClientUnderstandsEachAnswer) {
    const auto judged = [](client::Method method, RawMethod raw, const Response& response) {
        return client::judge(method, rpc::Bytes::copy_of(encode_raw(raw, response)));
    };
    Response response;
    response.value = "";
    auto answer = judged(client::Method::kGet, RawMethod::kGet, response);
    EXPECT_EQ(answer.answer.value, "");
    response.value.reset();
    answer = judged(client::Method::kGet, RawMethod::kGet, response);
    EXPECT_EQ(answer.answer.outcome, client::Outcome::kDone);
    EXPECT_FALSE(answer.answer.value.has_value());

    response.pairs = {{"a", "1"}};
    response.pairs_cut = true;
    answer = judged(client::Method::kScan, RawMethod::kScan, response);
    EXPECT_EQ(answer.verdict, client::Verdict::kFinal);
    EXPECT_TRUE(answer.answer.more);
    ASSERT_EQ(answer.answer.pairs.size(), 1u);

    response = refusal(Kind::kNotLeader);
    response.error->leader = raftstore::PeerMeta{raftstore::PeerId(1), raftstore::StoreId(3)};
    answer = judged(client::Method::kPut, RawMethod::kPut, response);
    EXPECT_EQ(answer.verdict, client::Verdict::kElsewhere);
    EXPECT_EQ(answer.leader_store, 3u);
    answer = judged(client::Method::kPut, RawMethod::kPut, refusal(Kind::kServerBusy));
    EXPECT_EQ(answer.verdict, client::Verdict::kLater);
    answer = judged(client::Method::kPut, RawMethod::kPut, refusal(Kind::kMessage));
    EXPECT_EQ(answer.verdict, client::Verdict::kFinal);
    EXPECT_EQ(answer.answer.outcome, client::Outcome::kNotDone);
}

TEST(Wire, AnAnswerThatIsNoMessageLeavesTheOutcomeUnknown) {
    const auto judged = client::judge(client::Method::kPut, rpc::Bytes::copy_of("\xff"));
    EXPECT_EQ(judged.answer.outcome, client::Outcome::kUnknown);
}

}  // namespace
}  // namespace timber::server
