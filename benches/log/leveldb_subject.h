#pragma once
// LevelDB's log, by puts with sync = true.
#include <leveldb/db.h>

#include "benches/log/store_subject.h"

namespace timber::bench {

class LeveldbSubject : public StoreSubject {
  public:
    explicit LeveldbSubject(const Options& options) : StoreSubject(options, "leveldb") {}

    std::string name() const override { return "leveldb"; }

  protected:
    Status open(const std::string& directory) override;
    Status put(const std::string& key, std::string_view value, bool synced) override;
    Result<std::string> get(const std::string& key) override;
    void close() override { db_.reset(); }

  private:
    std::unique_ptr<leveldb::DB> db_;
};

}  // namespace timber::bench
