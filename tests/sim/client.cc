#include "tests/sim/client.h"

#include <utility>

#include "tests/sim/check/index_checker.h"
#include "tests/sim/check/search_checker.h"

namespace timber::sim {

using raftstore::Outcome;
using raftstore::RegionError;
using raftstore::RegionId;
using raftstore::Response;

size_t Recorder::begin(RegionId region, Operation operation) {
    operation.begin = cluster_.next_moment();
    notes_[region].push_back({std::move(operation)});
    return notes_[region].size() - 1;
}

void Recorder::end(RegionId region, size_t number, uint64_t index) {
    Operation& operation = notes_[region][number].operation;
    operation.end = cluster_.next_moment();
    operation.index = index;
    ++(operation.writes() ? writes_done_ : reads_done_);
}

void Recorder::read_value(RegionId region, size_t number, std::optional<std::string> value) {
    notes_[region][number].operation.value = std::move(value);
}

void Recorder::read_pairs(RegionId region, size_t number,
                          std::vector<std::pair<std::string, std::string>> pairs) {
    notes_[region][number].operation.pairs = std::move(pairs);
}

void Recorder::drop(RegionId region, size_t number) {
    notes_[region][number].dropped = true;
    ++refused_;
}

// What is unknown gets the place that the log gives it, where its values tell it from others.
History Recorder::history_of(const std::vector<Noted>& noted) const {
    History history;
    for (const Noted& each : noted) {
        if (each.dropped || (each.operation.unknown() && !each.operation.writes())) continue;
        Operation operation = each.operation;
        if (operation.unknown()) {
            std::optional<uint64_t> index;
            bool has_value = false;
            for (const Effect& effect : operation.effects) {
                if (!effect.value) continue;
                has_value = true;
                index = cluster_.log().index_of(*effect.value);
            }
            if (has_value && !index) continue;  // it never happened
            operation.index = index.value_or(0);
        }
        history.push_back(std::move(operation));
    }
    return history;
}

void Recorder::check(const Checks& checks) {
    for (const auto& [region, noted] : notes_) {
        const History history = history_of(noted);
        const std::string where = " (Region " + std::to_string(region.value()) + ", " +
                                  std::to_string(history.size()) + " operations)";
        const Verdict by_index = check_by_index(history);
        if (!by_index.good) broken("not linearizable by index" + where + ": " + by_index.why);
        if (!checks.by_search) continue;
        const Verdict by_search = check_by_search(history, checks.search_steps_max);
        if (!by_search.good) broken("not linearizable by search" + where + ": " + by_search.why);
    }
}

Sent Client::send(size_t place, RegionId region, Operation operation, raftstore::Request request,
                  Duration timeout, Take take) {
    const bool writes = operation.writes();
    const std::vector<Effect> effects = operation.effects;
    const size_t number = recorder_.begin(region, std::move(operation));
    auto called =
        cluster_.call(place, std::move(request), timeout,
                      [this, region, number, writes, effects, take](const Response& response) {
                          switch (response.outcome) {
                              case Outcome::kDone:
                                  recorder_.end(region, number, response.index.value());
                                  if (writes)
                                      cluster_.log().acknowledged(region, response, effects);
                                  if (take) take(response, region, number);
                                  break;
                              case Outcome::kNotDone:
                                  recorder_.drop(region, number);
                                  if (!response.error)
                                      broken("surely not done, and no error says why");
                                  if (writes) cluster_.log().surely_not_done(effects);
                                  break;
                              case Outcome::kUnknown: recorder_.count_unknown(); break;
                          }
                      });
    Sent sent;
    if (!called.sent) {
        recorder_.drop(region, number);
        if (writes) cluster_.log().surely_not_done(effects);
        return sent;
    }
    sent.fate = Sent::Fate::kUnknown;
    if (!called.response) return sent;
    sent.response = std::move(*called.response);
    if (sent.response.outcome == Outcome::kDone) sent.fate = Sent::Fate::kDone;
    if (sent.response.outcome == Outcome::kNotDone) sent.fate = Sent::Fate::kNotDone;
    return sent;
}

Sent Client::write(size_t place, const std::vector<Row>& rows, Duration timeout,
                   raftstore::RequestHeader header) {
    Operation operation;
    raftstore::WriteRequest request{.header = std::move(header)};
    // Owner: the request, until its views are copied.
    auto owned = std::make_shared<std::vector<Row>>(rows);
    for (const Row& row : *owned) {
        operation.effects.push_back({row_key(row.family, row.key), row.value});
        request.operations.push_back(
            {row.value ? raftstore::WriteOperation::Kind::kPut
                       : raftstore::WriteOperation::Kind::kDelete,
             row.family, row.key, row.value ? std::string_view(*row.value) : std::string_view()});
    }
    request.owner = owned;
    const RegionId region = cluster_.region_of(rows.front().key).id;
    return send(place, region, std::move(operation), std::move(request), timeout, {});
}

Sent Client::get(size_t place, memtable::Family family, const std::string& key, Duration timeout,
                 raftstore::RequestHeader header) {
    Operation operation{.kind = Operation::Kind::kGet, .key = row_key(family, key)};
    return send(place, cluster_.region_of(key).id, std::move(operation),
                raftstore::GetRequest{std::move(header), family, key}, timeout,
                [this](const Response& response, RegionId region, size_t number) {
                    recorder_.read_value(region, number, response.value);
                });
}

// The end of the Region's keys of a family, in the space of row keys.
static std::string row_end(memtable::Family family, const raftstore::Region& region) {
    if (!region.end_key.empty()) return row_key(family, region.end_key);
    std::string end = row_key(family, "");
    ++end.back();
    return end;
}

Sent Client::scan(size_t place, memtable::Family family, const std::string& start, uint32_t limit,
                  Duration timeout, raftstore::RequestHeader header) {
    const raftstore::Region& of = cluster_.region_of(start);
    Operation operation{.kind = Operation::Kind::kScan,
                        .key = row_key(family, start),
                        .end_key = row_end(family, of),
                        .limit = limit};
    return send(place, of.id, std::move(operation),
                raftstore::ScanRequest{std::move(header), family, start, limit}, timeout,
                [this, family](const Response& response, RegionId region, size_t number) {
                    std::vector<std::pair<std::string, std::string>> pairs;
                    for (const raftstore::KeyValue& each : response.pairs) {
                        pairs.emplace_back(row_key(family, each.key), each.value);
                    }
                    recorder_.read_pairs(region, number, std::move(pairs));
                });
}

void Client::read_snap(size_t place, RegionId region, size_t number, const Response& response) {
    if (!cluster_.machine(place).up()) return recorder_.drop(region, number);
    // The life must not end before the snapshot is let go.
    cluster_.world().executor().run(
        "read_snap", [this, held = cluster_.machine(place).hold(),
                      snap = raftstore::RegionSnapshot(*response.snap), region, number]() mutable {
            std::vector<std::pair<std::string, std::string>> pairs;
            Status status;
            {
                const auto iterator = snap.store->new_iterator({.snapshot = snap.snapshot.get(),
                                                                .lower = snap.region.start_key,
                                                                .upper = snap.region.end_key},
                                                               memtable::Family::kDefault);
                for (iterator->seek_to_first(); iterator->valid(); iterator->next()) {
                    pairs.emplace_back(row_key(memtable::Family::kDefault, iterator->key()),
                                       std::string(iterator->value()));
                }
                status = iterator->status();
            }
            snap.snapshot.reset();
            held.reset();
            if (status.ok()) {
                recorder_.read_pairs(region, number, std::move(pairs));
            } else {
                recorder_.drop(region, number);
            }
        });
}

Sent Client::snap(size_t place, const std::string& key, Duration timeout) {
    const raftstore::Region& of = cluster_.region_of(key);
    Operation operation{.kind = Operation::Kind::kScan,
                        .key = row_key(memtable::Family::kDefault, of.start_key),
                        .end_key = row_end(memtable::Family::kDefault, of),
                        .limit = SIZE_MAX};
    raftstore::SnapRequest request{
        .header = {.region = of.id, .epoch = raftstore::RegionEpoch{1, 1}}};
    Sent sent = send(place, of.id, std::move(operation), std::move(request), timeout,
                     [this, place](const Response& response, RegionId region, size_t number) {
                         if (!response.snap) broken("a snap without a snapshot");
                         read_snap(place, region, number, response);
                     });
    sent.response.snap.reset();
    return sent;
}

size_t Client::leader_place(const std::string& key) {
    return leaders_[cluster_.region_of(key).id] % cluster_.machines();
}

void Client::learn(const std::string& key, size_t place, const Sent& sent) {
    size_t& leader = leaders_[cluster_.region_of(key).id];
    if (sent.fate == Sent::Fate::kDone) {
        leader = place;
        return;
    }
    const auto& error = sent.response.error;
    if (error && error->kind == RegionError::Kind::kNotLeader && error->leader) {
        leader = error->leader->store.value() - 1;
    } else if (!error || error->kind == RegionError::Kind::kNotLeader ||
               error->kind == RegionError::Kind::kRegionNotFound) {
        leader = cluster_.world().random().below(cluster_.machines());
    }
}

}  // namespace timber::sim
