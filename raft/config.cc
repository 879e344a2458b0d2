#include "raft/config.h"

namespace timber::raft {

static Error invalid(std::string detail) {
    return make_error(ErrorCode::kInvalidArgument, "raft config: " + std::move(detail));
}

static Result<void> validate_limits(const Config& config) {
    struct Limit {
        const char* name;
        uint64_t value;
    };
    const Limit limits[] = {
        {"message_bytes_max", config.message_bytes_max},
        {"message_entries_max", config.message_entries_max},
        {"inflight_messages_max", config.inflight_messages_max},
        {"inflight_bytes_max", config.inflight_bytes_max},
        {"committed_page_bytes_max", config.committed_page_bytes_max},
        {"applying_bytes_max", config.applying_bytes_max},
        {"uncommitted_bytes_max", config.uncommitted_bytes_max},
        {"entry_bytes_max", config.entry_bytes_max},
        {"write_bytes_max", config.write_bytes_max},
        {"writes_in_flight_max", config.writes_in_flight_max},
        {"reads_max", config.reads_max},
        {"snapshot_retry_ticks", config.snapshot_retry_ticks},
    };
    for (const Limit& limit : limits) {
        if (limit.value == 0) return invalid(std::string(limit.name) + " is 0; set at least 1");
    }
    return {};
}

Result<void> Config::validate() const {
    if (id == kNobody) return invalid("id is 0, which is nobody; give each node its own number");
    if (applied > kLogIndexMax) return invalid("applied is beyond any index of a log");
    if (heartbeat_ticks == 0) return invalid("heartbeat_ticks is 0; set at least 1");
    if (election_ticks <= heartbeat_ticks) {
        return invalid("election_ticks (" + std::to_string(election_ticks) +
                       ") must be greater than heartbeat_ticks (" +
                       std::to_string(heartbeat_ticks) + "), ten times is usual");
    }
    if (election_ticks > 1'000'000) return invalid("election_ticks is over a million");
    TIMBER_CHECK(validate_limits(*this));
    if (!lease_reads) return {};
    if (!check_quorum) return invalid("lease_reads needs check_quorum: voters must keep a promise");
    if (tick_us == 0) return invalid("lease_reads needs tick_us, the period of tick()");
    if (tick_us > 60'000'000) return invalid("tick_us is over a minute");
    if (clock_drift_per_mille_max >= 500) {
        return invalid("clock_drift_per_mille_max is 500 or more; leases would be of no use");
    }
    return {};
}

uint64_t Config::lease_us() const {
    TIMBER_ASSERT(lease_reads);
    TIMBER_ASSERT_OP(clock_drift_per_mille_max, <, 500u);
    const uint64_t drift = clock_drift_per_mille_max;
    const uint64_t lease = promise_us() * (1000 - drift) / (1000 + drift);
    TIMBER_ASSERT_OP(lease, <=, promise_us());
    return lease;
}

}  // namespace timber::raft
