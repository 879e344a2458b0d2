#pragma once
// RocksDB's write-ahead log, by puts with sync = true.
#include <rocksdb/db.h>

#include "benches/log/store_subject.h"

namespace timber::bench {

class RocksdbSubject : public StoreSubject {
  public:
    explicit RocksdbSubject(const Options& options) : StoreSubject(options, "rocksdb") {}

    std::string name() const override { return "rocksdb"; }

  protected:
    Status open(const std::string& directory) override;
    Status put(const std::string& key, std::string_view value, bool synced) override;
    Result<std::string> get(const std::string& key) override;
    void close() override { db_.reset(); }

  private:
    std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace timber::bench
