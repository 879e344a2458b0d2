// The services over a Store and a network that are not there.
#include <gtest/gtest.h>

#include <timberkv/admin.pb.h>
#include "src/client/messages.h"
#include "src/server/admin_service.h"
#include "src/server/client_service.h"
#include "tests/src/server/fakes.h"

namespace timber::server {
namespace {

using Kind = raftstore::RegionError::Kind;

TEST(ClientService, RequestGoesToTheStoreAndItsAnswerBack) {
    FakeStore store;
    ClientService service(store, {}, 10);
    FakeCall call(client::encode_put("key", "value", ""));
    service.handle(RawMethod::kPut, call);
    EXPECT_FALSE(call.ending.has_value());
    const auto& write = std::get<raftstore::WriteRequest>(store.requests.at(0));
    EXPECT_EQ(write.operations.at(0).value, "value");
    store.answer({});
    EXPECT_TRUE(call.ending->ok());
    EXPECT_EQ(call.body, "");
}

TEST(ClientService, UnknownOutcomeIsTheStatusUnknown) {
    FakeStore store;
    ClientService service(store, {}, 10);
    FakeCall call(client::encode_put("key", "value", ""));
    service.handle(RawMethod::kPut, call);
    store.answer({.outcome = raftstore::Outcome::kUnknown,
                  .error = raftstore::RegionError{.message = "leadership lost"}});
    EXPECT_EQ(call.ending->code, rpc::Code::kUnknown);
    EXPECT_NE(call.ending->message.find("leadership lost"), std::string::npos);
}

TEST(ClientService, OneTooManyIsBusyAndTheOthersComplete) {
    FakeStore store;
    ClientService service(store, {}, 2);
    FakeCall first(client::encode_get("a", ""));
    FakeCall second(client::encode_get("b", ""));
    FakeCall third(client::encode_get("c", ""));
    service.handle(RawMethod::kGet, first);
    service.handle(RawMethod::kGet, second);
    service.handle(RawMethod::kGet, third);
    ASSERT_TRUE(third.ending.has_value());
    const auto busy = client::judge(client::Method::kGet, rpc::Bytes::copy_of(third.body));
    EXPECT_EQ(busy.verdict, client::Verdict::kLater);
    store.answer({.value = "1"});
    store.answer({.value = "2"});
    EXPECT_EQ(to_hex(second.body), "1a0132");
    EXPECT_EQ(service.calls_refused_busy(), 1u);
    FakeCall fourth(client::encode_get("d", ""));
    service.handle(RawMethod::kGet, fourth);
    EXPECT_FALSE(fourth.ending.has_value());
    store.answer({.value = "3"});
}

TEST(ClientService, PassedDeadlineIsNotDone) {
    FakeStore store;
    ClientService service(store, {}, 10);
    FakeCall call(client::encode_put("key", "value", ""));
    call.left = Duration(-1);
    service.handle(RawMethod::kPut, call);
    EXPECT_EQ(call.ending->code, rpc::Code::kDeadlineExceeded);
    EXPECT_TRUE(store.requests.empty());
}

TEST(ClientService, BadRequestsAreAnsweredWithoutTheStore) {
    FakeStore store;
    ClientService service(store, {}, 10);
    FakeCall garbage("\x0a\xff");
    service.handle(RawMethod::kPut, garbage);
    EXPECT_EQ(garbage.ending->code, rpc::Code::kInvalidArgument);
    FakeCall empty_key(client::encode_put("", "value", ""));
    service.handle(RawMethod::kPut, empty_key);
    EXPECT_TRUE(empty_key.ending->ok());
    const auto judged = client::judge(client::Method::kPut, rpc::Bytes::copy_of(empty_key.body));
    EXPECT_EQ(judged.answer.error, "the key is empty");
    EXPECT_TRUE(store.requests.empty());
}

raftstore::Region three_members() {
    raftstore::Region region{.id = raftstore::RegionId(1), .epoch = {3, 1}};
    for (uint64_t i = 1; i <= 3; ++i)
        region.peers.push_back({.id = raftstore::PeerId(i),
                                .store = raftstore::StoreId(i),
                                .address = "h:" + std::to_string(i)});
    return region;
}

TEST(AdminService, NewMemberGetsAPeerIdThatWasNeverUsed) {
    raftstore::Region region = three_members();
    MemberOrder order{.store = raftstore::StoreId(7), .address = "h:7"};
    auto added = change_of(order, region);
    ASSERT_TRUE(added.ok());
    EXPECT_EQ(added->peer.id.value(), 4u);
    EXPECT_TRUE(added->peer.learner);
    EXPECT_EQ(added->header.epoch, region.epoch);
    // Added and removed again, at conf_ver 4 and 5: the next one is 6, and not 4 again.
    region.epoch.conf_ver = 5;
    added = change_of(order, region);
    ASSERT_TRUE(added.ok());
    EXPECT_EQ(added->peer.id.value(), 6u);
}

TEST(AdminService, ChangesThatMakeNoSenseAreRefused) {
    const raftstore::Region region = three_members();
    using Change = MemberOrder::Change;
    const auto why = [&](Change change, uint64_t store, const char* address = "") {
        const auto made = change_of(
            {.change = change, .store = raftstore::StoreId(store), .address = address}, region);
        return made.ok() ? std::string("taken") : made.error().detail;
    };
    EXPECT_EQ(why(Change::kAddLearner, 2, "h:9"), "store 2 is a member already");
    EXPECT_EQ(why(Change::kAddLearner, 9, "h:2"), "store 9 cannot have the address of store 2");
    EXPECT_NE(why(Change::kAddLearner, 9, "nonsense"), "taken");
    EXPECT_NE(why(Change::kAddLearner, 0, "h:9"), "taken");
    EXPECT_EQ(why(Change::kPromote, 2), "store 2 is a voter already");
    EXPECT_EQ(why(Change::kPromote, 9), "store 9 is no member: add it first");
    EXPECT_EQ(why(Change::kRemove, 9), "store 9 is no member");
    EXPECT_EQ(why(Change::kRemove, 2), "taken");
}

raftstore::PeerStatus peer_that(raft::Role role) {
    raftstore::PeerStatus peer{.region = three_members()};
    peer.raft.soft.role = role;
    return peer;
}

TEST(AdminService, TransferGoesToThePeerOfTheStore) {
    FakeStore store;
    store.status_now.peers.push_back(peer_that(raft::Role::kLeader));
    StoppedClock clock;
    PeerTransport transport({}, clock);
    ClientService clients(store, {}, 10);
    AdminService admin(store, clients, transport);
    timberkv::TransferLeaderRequest request;
    request.set_to_store_id(2);
    FakeCall call(request.SerializeAsString());
    admin.transfer_leader(call);
    EXPECT_EQ(std::get<raftstore::TransferLeaderRequest>(store.requests.at(0)).to.value(), 2u);
    store.answer({});
    EXPECT_TRUE(call.ending->ok());

    request.set_to_store_id(9);
    FakeCall stranger(request.SerializeAsString());
    admin.transfer_leader(stranger);
    timberkv::AdminResponse response;
    ASSERT_TRUE(response.ParseFromString(stranger.body));
    EXPECT_EQ(response.error(), "store 9 is no member");
}

// A server that was just added, and a follower that is behind, send the client on: what they know
// of the members is no answer.
TEST(AdminService, OnlyTheLeaderJudgesChangesOfMembers) {
    StoppedClock clock;
    timberkv::ChangeMemberRequest request;
    request.set_change(timberkv::ChangeMemberRequest::PROMOTE);
    request.set_store_id(9);
    const auto verdict_of = [&](FakeStore& store) {
        PeerTransport transport({}, clock);
        ClientService clients(store, {}, 10);
        AdminService admin(store, clients, transport);
        FakeCall call(request.SerializeAsString());
        admin.change_member(call);
        return client::judge(client::Method::kAdmin, rpc::Bytes::copy_of(call.body)).verdict;
    };
    FakeStore joining;
    EXPECT_EQ(verdict_of(joining), client::Verdict::kElsewhere);
    FakeStore follower;
    follower.status_now.peers.push_back(peer_that(raft::Role::kFollower));
    EXPECT_EQ(verdict_of(follower), client::Verdict::kElsewhere);
    FakeStore leader;
    leader.status_now.peers.push_back(peer_that(raft::Role::kLeader));
    EXPECT_EQ(verdict_of(leader), client::Verdict::kFinal);
}

TEST(AdminService, StatusTellsWhoTheServerIs) {
    FakeStore store;
    store.status_now.identity = {storage::ClusterId(5), storage::StoreId(2),
                                 storage::Incarnation(8)};
    store.status_now.peers.push_back({.region = three_members()});
    StoppedClock clock;
    PeerTransport transport({}, clock);
    ClientService clients(store, {}, 10);
    AdminService admin(store, clients, transport);
    admin.set_addresses({"127.0.0.1:1", "127.0.0.1:2"});
    FakeCall call("");
    admin.status(call);
    timberkv::StatusResponse status;
    ASSERT_TRUE(status.ParseFromString(call.body));
    EXPECT_EQ(status.cluster_id(), 5u);
    EXPECT_EQ(status.store_id(), 2u);
    EXPECT_EQ(status.client_address(), "127.0.0.1:1");
    ASSERT_EQ(status.regions_size(), 1);
    EXPECT_EQ(status.regions(0).members_size(), 3);
}

}  // namespace
}  // namespace timber::server
