#include "tests/process/hostile/byzantine.h"

#include <optional>

#include "src/platform/system_clock.h"
#include "tests/process/hostile/peer_frames.h"
#include "tests/support/server_process.h"

namespace timber::hostile {

namespace {

using Milliseconds = Connection::Milliseconds;

// One member's stream, and what the Store said that it is.
class Liar {
  public:
    Liar(const Target& target, uint64_t store) : target_(target) {
        pair_ = {{storage::ClusterId(target.cluster), storage::StoreId(store),
                  storage::Incarnation(7000 + store)},
                 target.store};
    }

    // Answered by a welcome, which tells the Store's incarnation.
    void introduce() {
        session_ = std::make_unique<Session>(target_.port);
        stream_ = session_->begin("/timberkv.Peer/Messages");
        session_->send_data(stream_, grpc_message(server::encode_hello(hello_of(pair_))),
                            Milliseconds(500));
        process::wait_until("a welcome", [&] {
            session_->take(Milliseconds(20));
            const std::string& data = session_->data();
            if (data.size() < 5) return false;
            const auto welcome =
                server::decode_welcome(rpc::Bytes::copy_of(std::string_view(data).substr(5)));
            if (!welcome.ok()) return false;
            incarnation_ = welcome->from.incarnation;
            return true;
        });
    }
    bool introduced() const { return session_ != nullptr && !session_->over(stream_); }

    void say(raftstore::Envelope envelope) {
        envelope.to_incarnation = incarnation_;
        const auto bytes = raftstore::encode_envelope(envelope);
        session_->send_data(stream_, grpc_message(frame_of({std::string(bytes.text())})),
                            Milliseconds(500));
    }
    const PeerPair& pair() const { return pair_; }

  private:
    const Target target_;
    PeerPair pair_;
    std::unique_ptr<Session> session_;
    uint32_t stream_ = 0;
    storage::Incarnation incarnation_{};
};

raftstore::Envelope any_lie(Random& random, const PeerPair& pair) {
    if (random.one_in(8)) {
        raftstore::Envelope envelope = any_other_envelope(random, pair);
        if (auto* offer = std::get_if<raftstore::SnapshotOffer>(&envelope.body))
            offer->message.epoch = {3, 1};
        return envelope;
    }
    raftstore::Envelope envelope = envelope_of(pair);
    // Raft's log begins behind 5. Terms rise as the lies do.
    auto message = any_raft_message(random, pair, pair.from.store.value(), random.between(5, 20));
    message.epoch = random.one_in(8) ? raftstore::RegionEpoch{random.below(9), random.below(3)}
                                     : raftstore::RegionEpoch{3, 1};
    envelope.body = std::move(message);
    return envelope;
}

}  // namespace

uint64_t lie_as_members(const Target& target, uint64_t seed, Duration limit) {
    Random random(seed);
    SystemClock clock;
    const Instant end = clock.now() + limit;
    Liar liars[] = {Liar(target, 2), Liar(target, 3)};
    uint64_t said = 0;
    while (clock.now() < end) {
        Liar& liar = liars[random.below(2)];
        if (!liar.introduced()) {
            liar.introduce();
            raftstore::Envelope greeting = envelope_of(liar.pair());
            greeting.body = raftstore::Greeting{.answer = true};
            liar.say(std::move(greeting));
        }
        liar.say(any_lie(random, liar.pair()));
        ++said;
    }
    return said;
}

}  // namespace timber::hostile
