#pragma once
// RocksDB with its log off.
#include <rocksdb/db.h>

#include "benches/store/kv_store.h"

namespace timber::bench {

class RocksdbStore : public KvStore {
  public:
    std::string name() const override { return "rocksdb"; }
    Status open(const std::string& directory, const Settings& settings) override;
    void close() override { db_.reset(); }
    Status write(WriteSource& source) override;
    Status remove_range(std::string_view begin, std::string_view end) override;
    Status settle() override;
    Status wait_for_compactions() override;
    std::unique_ptr<Reader> reader() override;

  private:
    std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace timber::bench
