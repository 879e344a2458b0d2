#include "src/server/peer_lane.h"

namespace timber::server {

namespace {

// What goes into one message of the stream: enough to make its cost small, little enough that a
// heartbeat behind it does not wait long.
constexpr size_t kFrameBytesTarget = 256_KiB;
// What an envelope counts for besides its bytes.
constexpr size_t kEnvelopeOverheadBytes = 64;

size_t cost_of(const rpc::Bytes& envelope) { return envelope.size() + kEnvelopeOverheadBytes; }

}  // namespace

void PeerLane::send(rpc::Bytes envelope) {
    {
        MutexLock lock(mutex_);
        const bool fits = queued_bytes_ + cost_of(envelope) <= options_.queue_bytes_max;
        if (!closed_ && fits && open_if_due()) {
            queued_bytes_ += cost_of(envelope);
            queue_.push_back(std::move(envelope));
            write_next();
            return;
        }
    }
    report_.lost(options_.hello.to);
}

void PeerLane::close() {
    std::shared_ptr<rpc::OutgoingStream> stream;
    {
        MutexLock lock(mutex_);
        closed_ = true;
        stream = stream_;
    }
    if (stream != nullptr) stream->cancel();
}

// Whether there is a stream, open or on its way.
bool PeerLane::open_if_due() {
    if (stream_ != nullptr) return true;
    const Instant now = clock_.now();
    if (tried_ && now - *tried_ < options_.retry) return false;
    tried_ = now;
    stream_ = channel_.open_stream(options_.method, shared_from_this());
    return true;
}

void PeerLane::opened() {
    MutexLock lock(mutex_);
    writing_ = true;
    stream_->write({rpc::Bytes::copy_of(encode_hello(options_.hello))});
}

void PeerLane::received(rpc::Bytes message) {
    const auto welcome = decode_welcome(message);
    {
        MutexLock lock(mutex_);
        if (welcomed_ || stream_ == nullptr) return;
        const bool meant = welcome && welcome->protocol_version == kPeerProtocolVersion &&
                           welcome->from.cluster == options_.hello.from.cluster &&
                           welcome->from.store == options_.hello.to;
        if (!meant) return stream_->cancel();
        welcomed_ = true;
        write_next();
    }
    report_.met(options_.hello.to, *welcome);
}

void PeerLane::written() {
    MutexLock lock(mutex_);
    writing_ = false;
    write_next();
}

void PeerLane::write_next() {
    if (!welcomed_ || writing_ || queue_.empty()) return;
    std::vector<rpc::Bytes> pieces;
    size_t bytes = 0;
    size_t envelopes = 0;
    while (!queue_.empty() && envelopes < kFrameEnvelopesMax &&
           (pieces.empty() || bytes + queue_.front().size() <= kFrameBytesTarget)) {
        bytes += queue_.front().size();
        ++envelopes;
        queued_bytes_ -= cost_of(queue_.front());
        add_envelope(pieces, queue_.front());
        queue_.pop_front();
    }
    writing_ = true;
    stream_->write(std::move(pieces));
}

void PeerLane::closed(const rpc::Ending& ending) {
    {
        MutexLock lock(mutex_);
        stream_.reset();
        welcomed_ = false;
        writing_ = false;
        queue_.clear();
        queued_bytes_ = 0;
    }
    report_.parted(options_.hello.to, ending);
    report_.lost(options_.hello.to);
}

}  // namespace timber::server
