#include "src/platform/loop_thread.h"

#include <future>
#include <utility>

#include "src/platform/thread_name.h"

namespace timber {

LoopThread::LoopThread(std::shared_ptr<Loop> loop, std::string name)
    : loop_(std::move(loop)), thread_([this, name = std::move(name)] {
          set_thread_name(name);
          loop_->run();
      }) {}

LoopThread::~LoopThread() { stop(); }

void LoopThread::call(std::move_only_function<void()> function) {
    TIMBER_ASSERT(thread_.joinable());
    TIMBER_ASSERT(!loop_->on_loop_thread());
    std::promise<void> ended;
    const std::future<void> end = ended.get_future();
    // The loop takes the promise along, because setting its value is not over when the waiter
    // wakes.
    loop_->post([&function, ended = std::move(ended)]() mutable {
        function();
        ended.set_value();
    });
    end.wait();
}

void LoopThread::stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
}

}  // namespace timber
