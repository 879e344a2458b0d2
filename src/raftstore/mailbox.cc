#include "src/raftstore/mailbox.h"

#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

static constexpr size_t kOverheadBytes = 128;

size_t bytes_of(const Request& request) {
    size_t bytes = kOverheadBytes;
    if (const auto* write = std::get_if<WriteRequest>(&request)) {
        for (const WriteOperation& operation : write->operations) {
            bytes += sizeof operation + operation.key.size() + operation.value.size();
        }
    }
    return bytes;
}

static size_t bytes_of(const RaftMessage& raft) {
    size_t bytes = raft.from_peer.address.size() + raft.to_peer.address.size() +
                   raft.start_key.size() + raft.end_key.size();
    for (const raft::Entry& entry : raft.message.entries) bytes += raft::entry_bytes(entry);
    if (const raft::Snapshot* snapshot = raft.message.snapshot.get()) {
        const raft::ConfState& members = snapshot->metadata.conf_state;
        bytes += snapshot->data.size() +
                 sizeof(PeerId) * (members.voters.size() + members.learners.size() +
                                   members.voters_outgoing.size());
    }
    return bytes;
}

static size_t bytes_of(const SnapshotOffer& offer) { return bytes_of(offer.message); }
static size_t bytes_of(const SnapshotChunk& chunk) { return chunk.data.size(); }
static size_t bytes_of(const SnapshotAck& ack) { return ack.reason.size(); }
static size_t bytes_of(const Greeting& greeting) { return greeting.address.size(); }

size_t bytes_of(const Envelope& envelope) {
    return kOverheadBytes +
           std::visit([](const auto& body) { return bytes_of(body); }, envelope.body);
}

Mailbox::Mailbox(EventLoop& loop, const MailboxLimits& limits, std::function<void()> turn)
    : loop_(loop), limits_(limits), turn_(std::move(turn)) {}

void Mailbox::submit(Request request, Callback callback) {
    const size_t bytes = bytes_of(request);
    bool tell = false;
    bool closed = false;
    {
        MutexLock lock(mutex_);
        closed = closed_;
        if (!closed) {
            const bool room = content_.commands.size() < limits_.commands_max &&
                              command_bytes_ + bytes <= limits_.command_bytes_max;
            if (room || content_.commands.empty()) {
                command_bytes_ += bytes;
                content_.commands.push_back({std::move(request), std::move(callback)});
            } else {
                content_.refused.push_back(std::move(callback));
            }
            tell = ring_locked();
        }
    }
    if (tell) loop_.post(task_);
    if (!closed) return;
    loop_.post([callback = std::move(callback)]() mutable {
        callback(not_done(server_busy("the Store is shut down")));
    });
}

void Mailbox::receive(Envelope&& envelope) {
    const size_t bytes = bytes_of(envelope);
    bool tell = false;
    {
        MutexLock lock(mutex_);
        const bool room = content_.messages.size() < limits_.messages_max &&
                          message_bytes_ + bytes <= limits_.message_bytes_max;
        if (closed_ || !room) return;
        message_bytes_ += bytes;
        content_.messages.push_back(std::move(envelope));
        tell = ring_locked();
    }
    if (tell) loop_.post(task_);
}

void Mailbox::ring() {
    bool tell = false;
    {
        MutexLock lock(mutex_);
        if (closed_) return;
        tell = ring_locked();
    }
    if (tell) loop_.post(task_);
}

Mailbox::Content Mailbox::take() {
    MutexLock lock(mutex_);
    rung_ = false;
    command_bytes_ = message_bytes_ = 0;
    return std::exchange(content_, {});
}

void Mailbox::close() {
    MutexLock lock(mutex_);
    closed_ = true;
}

}  // namespace timber::raftstore
