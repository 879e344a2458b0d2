#include "memtable/health.h"

#include <algorithm>

#include "src/base/io/log.h"

namespace timber::memtable {

static std::string_view name_of(Health::Part part) {
    switch (part) {
        case Health::Part::kFlush: return "flush";
        case Health::Part::kCompaction: return "compaction";
        case Health::Part::kReserve: return "reserve of space";
    }
    TIMBER_UNREACHABLE();
}

Health::Health(EventLoop& loop, Duration retry_delay, std::move_only_function<void()> retry)
    : loop_(loop), retry_delay_(retry_delay), timer_([this, retry = std::move(retry)]() mutable {
          arm();
          retry();
      }) {}

void Health::failed(Part part, Error error) {
    if (error.code == ErrorCode::kCrashed) return fail_for_ever(std::move(error));
    ++failures_;
    Trouble& trouble = troubles_[index(part)];
    if (!trouble.error)
        log_warning("state store: {} failed and is tried again: {}", name_of(part),
                    error.to_string());
    trouble.delay =
        trouble.error ? std::min(trouble.delay * 2, retry_delay_ * kDelayGrowthMax) : retry_delay_;
    trouble.retry_at = loop_.clock().now() + trouble.delay;
    trouble.error = std::move(error);
    arm();
}

void Health::recovered(Part part) {
    Trouble& trouble = troubles_[index(part)];
    if (!trouble.error) return;
    log_info("state store: {} works again", name_of(part));
    trouble = {};
    arm();
}

void Health::fail_for_ever(Error error) {
    if (final_) return;  // H1
    if (error.code != ErrorCode::kCrashed)
        log_error("state store: out of service until a restart: {}", error.to_string());
    final_ = std::move(error);
    arm();
}

void Health::stop() {
    stopped_ = true;
    arm();
}

bool Health::may_try(Part part) const {
    if (final_) return false;
    const Trouble& trouble = troubles_[index(part)];
    return !trouble.error || loop_.clock().now() >= trouble.retry_at;
}

Condition Health::condition() const {
    if (final_) return Condition::kFailed;
    Condition worst = Condition::kRunning;
    for (const Trouble& trouble : troubles_) {
        if (!trouble.error) continue;
        if (trouble.error->code == ErrorCode::kNoSpace) return Condition::kNoSpace;
        worst = Condition::kTrouble;
    }
    return worst;
}

std::optional<Error> Health::error() const {
    if (final_) return final_;
    const bool space = condition() == Condition::kNoSpace;
    for (const Trouble& trouble : troubles_) {
        if (trouble.error && (!space || trouble.error->code == ErrorCode::kNoSpace))
            return trouble.error;
    }
    return std::nullopt;
}

// For the next retry that lies ahead.
void Health::arm() {
    if (timer_.armed()) loop_.cancel_timer(timer_);
    if (stopped_ || final_) return;
    const Instant now = loop_.clock().now();
    std::optional<Instant> next;
    for (const Trouble& trouble : troubles_) {
        if (trouble.error && trouble.retry_at > now && (!next || trouble.retry_at < *next))
            next = trouble.retry_at;
    }
    if (next) loop_.start_timer(timer_, *next - now);
}

}  // namespace timber::memtable
