#pragma once
// What the files of this folder share, gRPC's types among it.
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "src/base/mutex.h"
#include "src/rpc/poller.h"
#include "src/rpc/types.h"

namespace timber::rpc {

// What a completion queue gives back: a field of whatever waits for it.
class Event {
  public:
    explicit Event(std::move_only_function<void(bool ok)> completed)
        : completed_(std::move(completed)) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void complete(bool ok) { completed_(ok); }

  private:
    std::move_only_function<void(bool ok)> completed_;
};

class DelayedCall;

struct Poller::Impl {
    std::unique_ptr<grpc::CompletionQueue> queue;
    std::string name;
    Mutex mutex;
    bool stopped TIMBER_GUARDED_BY(mutex) = false;
    std::set<DelayedCall*> delayed TIMBER_GUARDED_BY(mutex);
    std::thread thread;  // the last, because it uses the others

    Impl(std::unique_ptr<grpc::CompletionQueue> from, std::string thread_name);
    void run();
    void after(Duration delay, std::move_only_function<void()> function) TIMBER_EXCLUDES(mutex);
    void stop() TIMBER_EXCLUDES(mutex);
};

// For the whole process; before gRPC is used, and any number of times.
void tune_grpc();

// The bytes of a buffer in one piece, which they usually are already.
Bytes to_bytes(grpc::ByteBuffer& buffer);
// Sharing the pieces' buffers.
grpc::ByteBuffer to_buffer(const std::vector<Bytes>& pieces);
// Taking over the string's.
grpc::ByteBuffer to_buffer(std::string text);
grpc::Status to_status(Code code, const std::string& message);
Ending to_ending(const grpc::Status& status);

}  // namespace timber::rpc
