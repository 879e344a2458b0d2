#pragma once
// LevelDB. It cannot write without its log nor remove ranges, and reads through the page cache, so
// it takes part where neither counts: reads of what the caches hold.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>

#include "benches/store/kv_store.h"

namespace timber::bench {

class LeveldbStore : public KvStore {
  public:
    std::string name() const override { return "leveldb"; }
    bool writes_without_log() const override { return false; }
    bool removes_ranges() const override { return false; }
    bool reads_directly() const override { return false; }
    Status open(const std::string& directory, const Settings& settings) override;
    void close() override;
    Status write(WriteSource& source) override;
    Status remove_range(std::string_view begin, std::string_view end) override;
    Status settle() override;
    Status wait_for_compactions() override { return {}; }
    std::unique_ptr<Reader> reader() override;

  private:
    std::unique_ptr<leveldb::Cache> cache_;
    std::unique_ptr<const leveldb::FilterPolicy> filter_;
    std::unique_ptr<leveldb::DB> db_;
};

}  // namespace timber::bench
