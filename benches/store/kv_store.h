#pragma once
// One key-value store as state_store drives it: ours, RocksDB or LevelDB behind the same few calls.
//
// Thread:   open() to settle() from the bench's thread; a Reader from the thread that uses it.
// Lifetime: readers go before close().
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "benches/store/settings.h"
#include "src/base/result.h"

namespace timber::bench {

// Says what to write next, and hears when it was written. Called from the store's writing thread.
class WriteSource {
  public:
    virtual ~WriteSource() = default;

    enum class Turn : uint8_t {
        kWrite,
        kWait,  // until wait_until_ns
        kOver,
    };
    struct Write {
        std::string_view key;
        std::string_view value;
        int64_t wait_until_ns = 0;
    };
    virtual Turn next(Write& write) = 0;
    virtual void written() = 0;
};

class Reader {
  public:
    virtual ~Reader() = default;

    // Whether the key is there; value() is good until the next call.
    virtual Result<bool> get(std::string_view key) = 0;
    virtual std::string_view value() const = 0;

    // A cursor over everything, fresh with every restart().
    virtual void restart() = 0;
    virtual void seek(std::string_view key) = 0;
    virtual void seek_for_prev(std::string_view key) = 0;
    virtual void next() = 0;
    virtual void prev() = 0;
    virtual bool valid() const = 0;
    virtual std::string_view cursor_key() const = 0;
    virtual std::string_view cursor_value() const = 0;
    virtual Status cursor_status() const = 0;
};

class KvStore {
  public:
    virtual ~KvStore() = default;

    virtual std::string name() const = 0;
    // Without a log, or only with one.
    virtual bool writes_without_log() const { return true; }
    virtual bool removes_ranges() const { return true; }
    // Bypasses the page cache.
    virtual bool reads_directly() const { return true; }

    // Makes a new store in an empty directory.
    virtual Status open(const std::string& directory, const Settings& settings) = 0;
    virtual void close() = 0;

    // One operation after the other, until the source is over.
    virtual Status write(WriteSource& source) = 0;
    virtual Status remove_range(std::string_view begin, std::string_view end) = 0;
    // Everything into tables, nothing left to compact.
    virtual Status settle() = 0;
    // Waits for the compactions that are due, leaving what is in memory there.
    virtual Status wait_for_compactions() = 0;
    virtual std::unique_ptr<Reader> reader() = 0;
};

}  // namespace timber::bench
