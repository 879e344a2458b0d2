#include "tests/process/hostile/attackers.h"

#include <chrono>
#include <utility>

#include "tests/process/hostile/requests.h"
#include "tests/support/server_process.h"

namespace timber::hostile {

namespace {

std::vector<Attack> attacks_on(const Target& target, const std::string& only = {}) {
    std::vector<Attack> all;
    const auto add = [&](std::span<const Attack> more) {
        all.insert(all.end(), more.begin(), more.end());
    };
    add(connection_attacks());
    add(frame_attacks());
    add(target.of_peers ? peer_attacks() : call_attacks());
    std::erase_if(all, [&](const Attack& attack) {
        return std::string_view(attack.name).find(only) == std::string_view::npos;
    });
    return all;
}

// Whether whoever asks for something sensible still gets an answer; as long as it takes to find a
// connection that the server has room for.
bool still_serves(const Target& target) {
    const auto end = std::chrono::steady_clock::now() + kAnswerLimit;
    do {
        Session session(target.port);
        const std::string_view path =
            target.of_peers ? "/timberkv.Peer/Messages" : "/tinykvpb.TinyKv/RawGet";
        const std::string body = target.of_peers ? std::string() : get_request("sensible");
        // Without an introduction another server is told so.
        if (session.ask(path, grpc_message(body), kAnswerLimit) && session.open()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    } while (std::chrono::steady_clock::now() < end);
    return false;
}

void play(const Attack& attack, const Target& target, uint64_t seed, Holder& holder) {
    Random random(seed);
    Complaint complaint = attack.run(random, target, holder);
    holder.dribble();
    if (!complaint && !still_serves(target)) complaint = "afterwards nobody was served";
    if (complaint)
        process::fail(std::string(attack.name) + ", seed " + std::to_string(seed) + ": " +
                      *complaint);
}

}  // namespace

Attackers::Attackers(std::vector<Target> targets, uint64_t seed, size_t threads, std::string only)
    : targets_(std::move(targets)), seed_(seed), only_(std::move(only)) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

Attackers::~Attackers() { stop(); }

void Attackers::stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void Attackers::work(size_t thread) {
    Random random(seed_ + thread);
    Holder holder(random.next());
    while (!stopping_) {
        const Target& target = targets_[random.below(targets_.size())];
        const std::vector<Attack> attacks = attacks_on(target, only_);
        if (attacks.empty()) continue;
        play(attacks[random.below(attacks.size())], target, random.next(), holder);
        ++played_;
    }
}

void Attackers::play_each(const std::vector<Target>& targets, uint64_t seed) {
    Random random(seed);
    for (const Target& target : targets) {
        Holder holder(random.next());
        for (const Attack& attack : attacks_on(target)) play(attack, target, random.next(), holder);
    }
}

}  // namespace timber::hostile
