#pragma once
// Our state store on the production platform, written to from its owner's loop, read from the
// bench's threads.
#include "benches/store/kv_store.h"
#include "memtable/store.h"
#include "src/platform/platform.h"

namespace timber::bench {

// What `settings` ask of every store, as ours is told.
memtable::Options state_options(const Settings& settings);

class TimberStore : public KvStore, private memtable::StoreListener {
  public:
    ~TimberStore() override { close(); }

    std::string name() const override { return "timberkv"; }
    Status open(const std::string& directory, const Settings& settings) override;
    void close() override;
    Status write(WriteSource& source) override;
    Status remove_range(std::string_view begin, std::string_view end) override;
    Status settle() override;
    Status wait_for_compactions() override;
    std::unique_ptr<Reader> reader() override;

  private:
    class Writer;

    // As the owner of a log would do; here there is none.
    memtable::LogMark log_floor() override { return memtable::LogMark(1); }
    void flushed(memtable::Sequence, memtable::LogMark) override {}
    void condition_changed(memtable::Condition condition) override;
    void writable() override;

    // Starts something on the loop and waits until it says that it is done.
    template <typename Start>
    Status wait_for(Start start);

    std::unique_ptr<Platform> platform_;
    std::unique_ptr<LoopThread> thread_;
    std::unique_ptr<memtable::Store> store_;
    Writer* writer_ = nullptr;  // of the write that is going on; the loop's
};

}  // namespace timber::bench
