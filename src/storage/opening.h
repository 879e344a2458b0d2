#pragma once
// Opening, as far as a job does it: the state store, then the log from its first batch to its last.
//
// A Store is formatted when its log holds its identity. Before that, log and state store may be
// there, empty, if a crash cut the formatting short; formatting then goes on where it was.
//
// Thread:   one job; what it opened belongs to the loop then, also after an error.
// Failure:  kMissing (nothing here, or formatting was cut short, and no identity is given; a part
//           is gone), kForeign (log and state are of different Stores), kCorrupted, and whatever
//           log and store say.
#include <memory>
#include <optional>

#include "src/storage/recovered_log.h"
#include "src/storage/storage_engine.h"

namespace timber::storage {

// What log and state store hold.
struct Recovered {
    Recovered(std::string log_directory, RegionRows rows_, size_t bytes_max)
        : rows(std::move(rows_)), log(std::move(log_directory), rows, bytes_max) {}
    Recovered(const Recovered&) = delete;
    Recovered& operator=(const Recovered&) = delete;

    RegionRows rows;
    RecoveredLog log;
};

struct Opened {
    std::unique_ptr<logengine::LogEngine> log;
    std::unique_ptr<memtable::Store> store;
    std::unique_ptr<Recovered> recovered;
    // The state store has the Store's identity.
    bool identity_in_state = false;
};

class Opening {
  public:
    Opening(StorageEngine::Environment environment, const EngineOptions& options,
            memtable::StoreListener& listener)
        : environment_(environment), options_(options), listener_(listener) {}

    Status run();
    // Whatever run() gave.
    Opened take() { return std::move(opened_); }

  private:
    Status prepare_directory();
    Status open_state(bool create);
    Status read_state(RegionRows& rows);
    Status open_log(bool create);
    Status check_identity();

    const StorageEngine::Environment environment_;
    const EngineOptions& options_;
    memtable::StoreListener& listener_;
    Opened opened_;
    std::optional<StoreIdentity> state_identity_;
};

std::string log_directory(const EngineOptions& options);
std::string state_directory(const EngineOptions& options);

}  // namespace timber::storage
