#pragma once
// A loop and the thread that runs it.
//
// Thread:   any; not the loop's own for call(), stop() and the destructor.
// Lifetime: the destructor stops. The loop itself stays as long as its Platform, because a thread
//           may still be on its way out of a post() whose task has already run.
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "src/platform/loop.h"

namespace timber {

class LoopThread {
  public:
    // Starts at once. `name` is for people.
    LoopThread(std::shared_ptr<Loop> loop, std::string name);
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    Loop& loop() { return *loop_; }
    // Runs `function` on the loop and waits for its end. Not after stop().
    void call(std::move_only_function<void()> function);
    // Stops the loop (Loop::stop) and waits for its end. May be called again.
    void stop();

  private:
    std::shared_ptr<Loop> loop_;  // owned by this and by the Platform that made it
    std::thread thread_;
};

}  // namespace timber
