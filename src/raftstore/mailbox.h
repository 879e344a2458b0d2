#pragma once
// The queue between other threads and a Store's loop. Whatever queued since the last turn is taken
// at once, so a burst of commands costs one wake-up and shares one batch.
//
// Thread:     submit(), receive() and ring() from any thread, the rest on the loop.
// Lifetime:   the loop outlives it. Destroyed after close(), when the ring that may be on its way
//             has run.
// Invariants: MB1  what waits is within the limits; a command over them keeps its callback, which
// is
//                  answered, and a message over them is dropped.
#include <functional>
#include <utility>
#include <vector>

#include "src/base/io/event_loop.h"
#include "src/base/mutex.h"
#include "src/raftstore/command.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {

struct MailboxLimits {
    size_t commands_max = 0;
    size_t command_bytes_max = 0;
    size_t messages_max = 0;
    size_t message_bytes_max = 0;
};

struct Command {
    Request request;
    Callback callback;
};
// What it takes in memory, about.
size_t bytes_of(const Request& request);
size_t bytes_of(const Envelope& envelope);

class Mailbox {
  public:
    struct Content {
        std::vector<Command> commands;
        std::vector<Callback> refused;
        std::vector<Envelope> messages;
    };

    // `turn` runs on the loop, once for however many rings.
    Mailbox(EventLoop& loop, const MailboxLimits& limits, std::function<void()> turn);

    void submit(Request request, Callback callback);
    void receive(Envelope&& envelope);
    // A turn is wanted.
    void ring();

    // At the beginning of a turn.
    Content take();
    // From here on commands are answered without a turn, and messages are dropped.
    void close();

  private:
    struct Ring : Task {
        explicit Ring(Mailbox& owner) : Task(&run_turn), mailbox(owner) {}
        static void run_turn(Task& task) { static_cast<Ring&>(task).mailbox.turn_(); }
        Mailbox& mailbox;
    };

    // True if the loop has to be told.
    bool ring_locked() TIMBER_REQUIRES(mutex_) { return !std::exchange(rung_, true); }

    EventLoop& loop_;
    const MailboxLimits limits_;
    const std::function<void()> turn_;
    Ring task_{*this};

    Mutex mutex_;
    Content content_ TIMBER_GUARDED_BY(mutex_);
    size_t command_bytes_ TIMBER_GUARDED_BY(mutex_) = 0;
    size_t message_bytes_ TIMBER_GUARDED_BY(mutex_) = 0;
    bool rung_ TIMBER_GUARDED_BY(mutex_) = false;
    bool closed_ TIMBER_GUARDED_BY(mutex_) = false;
};

}  // namespace timber::raftstore
