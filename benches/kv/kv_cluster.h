#pragma once
// A cluster of three servers that kv_load loads: how it is started, and what it says on the wire.
//
// Thread:  one.
// Failure: start() says what is missing.
#include <sys/types.h>

#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/rpc/types.h"

namespace timber::bench {

class KvCluster {
  public:
    virtual ~KvCluster() = default;

    virtual std::string name() const = 0;
    // Forms and starts the cluster below `directory`, and waits until it serves.
    virtual Status start(const std::string& directory) = 0;
    virtual void stop() = 0;
    // Of the leader.
    virtual std::string address() const = 0;
    virtual std::vector<pid_t> processes() const = 0;

    virtual const char* put_path() const = 0;
    virtual const char* get_path() const = 0;
    virtual std::string put_request(std::string_view key, std::string_view value) const = 0;
    virtual std::string get_request(std::string_view key) const = 0;
    // Whether the answer says that it was done.
    virtual bool put_done(const rpc::Bytes& body) const = 0;
    // Whether the answer is a value of so many bytes.
    virtual bool got_value(const rpc::Bytes& body, size_t value_bytes) const = 0;
};

}  // namespace timber::bench
