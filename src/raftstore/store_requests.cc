// What clients ask: which Region, and whether there is room.
#include "src/raftstore/request_checks.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

void Store::Core::on_command(Command command) {
    ++commands_;
    if (failed_) return answer_busy(std::move(command.callback), "the Store has failed");
    if (closing_) return answer_busy(std::move(command.callback), "the Store shuts down");
    if (hold_back(command)) return;
    carry_out(std::move(command));
}

// Writes wait, or are refused, where the disk is full or the state store cannot keep up.
bool Store::Core::hold_back(Command& command) {
    if (kind_of(command.request) != RequestKind::kWrite) return false;
    if (disk_full_) {
        answer_busy(std::move(command.callback), "no space is left on the disk");
        return true;
    }
    const size_t bytes = bytes_of(command.request);
    const memtable::Pace pace = engine_->pace(bytes);
    if (pace.stopped) {
        answer_busy(std::move(command.callback), "the state store cannot keep up");
        return true;
    }
    if (pace.delay == Duration(0) && delayed_.empty()) return false;
    if (delayed_.size() >= options_.commands_queued_max ||
        delayed_bytes_ + bytes > options_.command_bytes_queued_max) {
        answer_busy(std::move(command.callback), "too many commands wait");
        return true;
    }
    delayed_bytes_ += bytes;
    delayed_.push_back(std::move(command));
    if (!delay_timer_.armed()) environment_.loop.start_timer(delay_timer_, pace.delay);
    return true;
}

void Store::Core::go_on_delayed() {
    while (!delayed_.empty()) {
        Command command = std::move(delayed_.front());
        delayed_.pop_front();
        delayed_bytes_ -= bytes_of(command.request);
        carry_out(std::move(command));
        if (delayed_.empty()) return;
        const Duration delay = engine_->pace(bytes_of(delayed_.front().request)).delay;
        if (delay > Duration(0)) return environment_.loop.start_timer(delay_timer_, delay);
    }
}

Peer* Store::Core::find_by_key(std::string_view key) {
    auto at = ranges_.upper_bound(key);
    if (at == ranges_.begin()) return nullptr;
    Peer* peer = find_peer(std::prev(at)->second);
    return peer != nullptr && peer->region().contains(key) ? peer : nullptr;
}

void Store::Core::carry_out(Command command) {
    const RequestHeader& header = header_of(command.request);
    const auto refuse = [&](RegionError error) {
        if (command.callback) command.callback(not_done(std::move(error)));
    };
    if (std::optional<RegionError> error = check_store(header, identity_.store)) {
        return refuse(std::move(*error));
    }
    Peer* peer = nullptr;
    if (header.region != RegionId(0)) {
        peer = find_peer(header.region);
    } else if (const auto key = routing_key(command.request)) {
        peer = find_by_key(*key);
    }
    // Without state it knows neither its range nor its members.
    if (peer == nullptr || peer->destroying() || !peer->initialized()) {
        return refuse(region_not_found(header.region));
    }
    peer->submit(std::move(command.request), std::move(command.callback));
}

}  // namespace timber::raftstore
