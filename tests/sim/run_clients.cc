// The clients of a run.
#include "tests/sim/run.h"

namespace timber::sim {

using namespace std::chrono_literals;
using raftstore::RequestHeader;

// Region n's keys are "n" and two digits.
std::string Run::draw_key() {
    const uint64_t region = random_.below(profile_.regions) + 1;
    const uint64_t key = random_.below(profile_.keys);
    return std::to_string(region) + (key < 10 ? "0" : "") + std::to_string(key);
}

std::string Run::draw_value(const std::string& key) {
    std::string value = std::to_string(++last_value_) + "." + key + ".";
    value.resize(value.size() + random_.below(profile_.value_bytes_max), 'x');
    return value;
}

memtable::Family Run::draw_family() {
    return random_.percent(80) ? memtable::Family::kDefault
           : random_.one_in(2) ? memtable::Family::kLock
                               : memtable::Family::kWrite;
}

// Most name nothing; some name what is right, some what is wrong.
RequestHeader Run::draw_header(const std::string& key, size_t place) {
    RequestHeader header;
    if (random_.percent(60)) return header;
    const raftstore::Region& region = cluster_->region_of(key);
    header.region = region.id;
    if (random_.percent(90)) header.epoch = raftstore::RegionEpoch{1, 1};
    if (random_.percent(5)) header.epoch = raftstore::RegionEpoch{1, 2};
    if (random_.percent(5)) {
        header.peer =
            raftstore::PeerMeta{.id = raftstore::PeerId(1), .store = raftstore::StoreId(place + 1)};
    }
    if (random_.percent(5)) header.term = raft::Term(random_.between(1, 60));
    return header;
}

void Run::start_clients() {
    for (size_t number = 0; number < profile_.clients; ++number) {
        clients_.push_back(std::make_unique<Client>(*cluster_, *recorder_));
        cluster_->spawn([this, number] { play_client(number); });
    }
}

void Run::play_client(size_t number) {
    while (!clients_stop_) {
        cluster_->sleep(Duration(random_.below(static_cast<uint64_t>(profile_.think_max.count()))));
        client_turn(*clients_[number], number);
    }
}

void Run::client_turn(Client& client, size_t number) {
    const std::string key = draw_key();
    // Some ask one Store again and again, whatever it says: a deposed leader must not answer.
    const bool sticky = number == 0 && random_.percent(60);
    size_t place = sticky ? cluster_->world().now().nanoseconds / 400'000'000 % cluster_->machines()
                          : client.leader_place(key);
    if (!sticky && random_.percent(profile_.stray_percent))
        place = random_.below(cluster_->machines());
    if (!random_.percent(profile_.read_percent)) return client_write(client, key, place);
    const bool partitioned = cluster_->network().cut();
    const uint64_t kind = random_.below(100);
    Sent sent;
    if (kind < 65) {
        sent =
            client.get(place, draw_family(), key, profile_.client_timeout, draw_header(key, place));
    } else if (kind < 90) {
        const uint32_t limit = static_cast<uint32_t>(random_.between(1, 20));
        sent = client.scan(place, draw_family(), key, limit, profile_.client_timeout,
                           draw_header(key, place));
    } else {
        sent = client.snap(place, key, profile_.client_timeout);
    }
    if (partitioned && sent.fate == Sent::Fate::kDone) ++reads_in_partition_;
    if (!sticky) client.learn(key, place, sent);
    if (sent.fate != Sent::Fate::kDone) cluster_->sleep(1ms * random_.below(6));
}

void Run::client_write(Client& client, const std::string& key, size_t place) {
    std::vector<Row> rows{{draw_family(), key, draw_value(key)}};
    if (random_.percent(20)) rows.front().value.reset();
    // Removes that stand alone cannot be told from each other, so most have company.
    if (!rows.front().value ? random_.percent(70) : random_.percent(20)) {
        const std::string other = key.substr(0, 1) + "99";
        rows.push_back({memtable::Family::kLock, other, draw_value(other)});
    }
    const Sent sent = client.write(place, rows, profile_.client_timeout, draw_header(key, place));
    client.learn(key, place, sent);
    if (sent.fate != Sent::Fate::kDone) cluster_->sleep(1ms * random_.below(12));
}

// Writes to and reads from every Region until that has worked.
void Run::final_client(bool& done) {
    Client& client = *clients_.front();
    for (const raftstore::Region& region : cluster_->regions()) {
        const std::string key = std::to_string(region.id.value()) + "00";
        for (bool written = false; !written && !over_;) {
            const size_t place = client.leader_place(key);
            const Sent sent = client.write(place, {{.key = key, .value = draw_value(key)}}, 500ms);
            client.learn(key, place, sent);
            written = sent.fate == Sent::Fate::kDone;
            if (!written) cluster_->sleep(5ms);
        }
        for (bool read = false; !read && !over_;) {
            const size_t place = client.leader_place(key);
            const Sent sent =
                client.scan(place, memtable::Family::kDefault, region.start_key, 1000, 500ms);
            client.learn(key, place, sent);
            read = sent.fate == Sent::Fate::kDone;
            if (!read) cluster_->sleep(5ms);
        }
    }
    done = true;
}

}  // namespace timber::sim
