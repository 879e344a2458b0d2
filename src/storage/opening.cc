#include "src/storage/opening.h"

#include <utility>

#include "src/base/random.h"

namespace timber::storage {

using memtable::Family;

std::string log_directory(const EngineOptions& options) {
    return join_path(options.directory, "log");
}
std::string state_directory(const EngineOptions& options) {
    return join_path(options.directory, "state");
}

static Error not_formatted(const EngineOptions& options) {
    return file_error(ErrorCode::kMissing, options.directory,
                      "there is no Store here, or its formatting was cut short; format it, or name "
                      "the directory of a Store");
}

Status Opening::run() {
    TIMBER_CHECK(prepare_directory());
    // Whether a missing one may be made is known once the log is read.
    Status state = open_state(false);
    const bool state_missing = !state && state.error().code == ErrorCode::kMissing &&
                               state.error().file == state_directory(options_);
    if (!state && !state_missing) return state;
    RegionRows rows;
    if (!state_missing) TIMBER_CHECK(read_state(rows));
    const bool state_used = state_identity_ || !rows.empty();
    opened_.recovered = std::make_unique<Recovered>(log_directory(options_), std::move(rows),
                                                    options_.recovery_bytes_max);
    TIMBER_CHECK(open_log(options_.format.has_value() && !state_used));
    const bool formatted = opened_.recovered->log.identity().has_value();
    if (state_missing) {
        if (formatted) return state;
        if (!options_.format) return not_formatted(options_);
        TIMBER_CHECK(open_state(true));
    }
    return check_identity();
}

Status Opening::prepare_directory() {
    const auto names = environment_.disk.list(options_.directory);
    if (names) return {};
    if (names.error().code != ErrorCode::kNotFound) return names.error();
    if (!options_.format) return not_formatted(options_);
    TIMBER_CHECK(environment_.disk.make_directory(options_.directory));
    return environment_.disk.sync_directory(parent_path(options_.directory));
}

Status Opening::open_state(bool create) {
    memtable::Options options = options_.state;
    Random random(options_.seed);
    options.directory = state_directory(options_);
    options.create = create;
    options.store_id = random.next();
    options.seed = random.next();
    TIMBER_TRY(opened_.store,
               memtable::Store::open({environment_.disk, environment_.executor, environment_.loop},
                                     options, listener_));
    return {};
}

Status Opening::read_state(RegionRows& rows) {
    const auto row_error = [&](Error error, std::string_view key) {
        error.file = state_directory(options_);
        error.detail += "; the row's key is '" + std::string(key) + "'";
        return error;
    };
    const auto iterator = opened_.store->new_iterator({}, Family::kMeta);
    for (iterator->seek_to_first(); iterator->valid(); iterator->next()) {
        const std::string_view key = iterator->key();
        if (key == kIdentityRowKey) {
            auto identity = decode_identity(as_bytes(iterator->value()));
            if (!identity) return row_error(std::move(identity).error(), key);
            state_identity_ = *identity;
        } else if (const auto region = parse_region_row_key(key)) {
            auto row = decode_row(iterator->value());
            if (!row) return row_error(std::move(row).error(), key);
            rows.emplace(*region, std::move(*row));
        } else {
            return row_error(make_error(ErrorCode::kNewerFormat, "an unknown row"), key);
        }
    }
    opened_.identity_in_state = state_identity_.has_value();
    return iterator->status();
}

Status Opening::open_log(bool create) {
    logengine::Options options = options_.log;
    options.directory = log_directory(options_);
    options.create = create;
    options.log_id = logengine::LogId(Random(options_.seed + 1).next());
    RecoveredLog& log = opened_.recovered->log;
    auto opened = logengine::LogEngine::open(
        {environment_.disk, environment_.executor, environment_.loop}, options,
        [&](const logengine::BatchCursor& batch) { return log.visit(batch); });
    if (!opened) {
        // With nothing to be found at all, what is missing is a Store.
        const bool nothing = opened.error().code == ErrorCode::kMissing && !options_.format &&
                             opened.error().file == options.directory && !state_identity_;
        return nothing ? not_formatted(options_) : std::move(opened).error();
    }
    opened_.log = std::move(*opened);
    return {};
}

Status Opening::check_identity() {
    const RecoveredLog& log = opened_.recovered->log;
    if (!log.identity()) {
        if (!log.empty() || state_identity_)
            return file_error(ErrorCode::kCorrupted, log_directory(options_),
                              "the log has lost the Store's identity; restore this replica from "
                              "its peers");
        return options_.format ? Status() : not_formatted(options_);
    }
    const logengine::OpenReport& report = opened_.log->open_report();
    const uint64_t floor = opened_.store->log_floor().value();
    const bool fits =
        !state_identity_ ? opened_.recovered->rows.empty() : *state_identity_ == *log.identity();
    if (!fits)
        return file_error(ErrorCode::kForeign, state_directory(options_),
                          "log and state are of different Stores; put together what belongs "
                          "together");
    if (floor > report.durable_lsn.value() + 1)
        return file_error(ErrorCode::kCorrupted, log_directory(options_),
                          "the log ends before what the state has flushed; restore this replica "
                          "from its peers");
    if (report.first_lsn.value() > std::max<uint64_t>(floor, 1))
        return file_error(ErrorCode::kCorrupted, log_directory(options_),
                          "the log begins behind what the state has flushed; restore this replica "
                          "from its peers");
    return {};
}

}  // namespace timber::storage
