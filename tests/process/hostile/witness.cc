#include "tests/process/hostile/witness.h"

#include <algorithm>
#include <chrono>

#include "src/base/random.h"
#include "tests/process/hostile/attacks.h"
#include "tests/support/server_process.h"

namespace timber::hostile {

namespace {

using client::Answer;
using client::Client;
using process::fail;

constexpr uint64_t kKeys = 200;

std::unique_ptr<Client> client_of(const std::vector<std::string>& endpoints) {
    auto made = Client::connect({.endpoints = endpoints, .time_limit = kAnswerLimit});
    if (!made.ok()) fail("a client");
    return std::move(*made);
}

// A get's answer is one of the values that are possible.
void expect(const Answer& answer, const std::string& key, const std::set<std::string>& possible) {
    if (answer.outcome != client::Outcome::kDone)
        fail("the well-behaved client's get was not answered: " + answer.error);
    if (!possible.contains(answer.value.value_or("")))
        fail(key + " holds '" + answer.value.value_or("") + "', which was not to be");
}

}  // namespace

Witness::Witness(std::vector<std::string> endpoints, uint64_t seed)
    : endpoints_(std::move(endpoints)), client_(client_of(endpoints_)), seed_(seed) {
    // Not counted: the servers may just have started.
    put("witness0");
    thread_ = std::thread([this] { work(); });
}

Witness::~Witness() {
    if (thread_.joinable()) stop();
}

void Witness::stop() {
    stopping_ = true;
    thread_.join();
}

void Witness::work() {
    Random random(seed_);
    while (!stopping_) {
        const std::string key = "witness" + std::to_string(random.below(kKeys));
        const auto start = std::chrono::steady_clock::now();
        if (random.one_in(2))
            put(key);
        else
            get(key);
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        longest_ms_ = std::max(longest_ms_, took.count());
        ++done_;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

void Witness::put(const std::string& key) {
    ++written_;
    const std::string value = std::to_string(written_) + std::string(written_ % 2000, 'w');
    const Answer answer =
        Client::wait([&](Client::Done done) { client_->put(key, value, std::move(done)); });
    std::set<std::string>& possible = possible_[key];
    switch (answer.outcome) {
        case client::Outcome::kDone: possible = {value}; return;
        case client::Outcome::kUnknown:
            if (possible.empty()) possible.insert("");
            possible.insert(value);
            ++unknown_;
            return;
        case client::Outcome::kNotDone:
            fail("the well-behaved client's put was not done: " + answer.error);
    }
}

void Witness::get(const std::string& key) {
    const Answer answer =
        Client::wait([&](Client::Done done) { client_->get(key, std::move(done)); });
    const auto known = possible_.find(key);
    expect(answer, key, known == possible_.end() ? std::set<std::string>{""} : known->second);
}

void Witness::expect_everything(const std::vector<std::string>& endpoints) const {
    const auto client = client_of(endpoints);
    for (const auto& [key, possible] : possible_)
        expect(Client::wait([&](Client::Done done) { client->get(key, std::move(done)); }), key,
               possible);
}

}  // namespace timber::hostile
