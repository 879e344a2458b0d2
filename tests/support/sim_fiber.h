#pragma once
// A fiber: straight-line code with a stack of its own that gives the thread away at chosen points.
//
// A fiber starts suspended. resume() runs it until it suspends itself or ends. Stacks come from a
// pool of the thread, each with a guard page below it, so that an overflow faults instead of
// corrupting a neighbour.
//
// Thread:     one thread makes, resumes and destroys a fiber.
// Lifetime:   a fiber has ended before it is destroyed; nothing else unwinds its stack.
// Invariants: F1  suspend() runs on the fiber's own stack, resume() on any other.
//             F2  a fiber that ended is never resumed.
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace timber {

class SimFiber {
  public:
    // `name` outlives the fiber.
    SimFiber(const char* name, std::move_only_function<void()> function);
    ~SimFiber();
    SimFiber(const SimFiber&) = delete;
    SimFiber& operator=(const SimFiber&) = delete;

    void resume();
    void suspend();

    bool ended() const { return ended_; }
    const char* name() const { return name_; }

  private:
    static void enter(unsigned high, unsigned low);
    void run();

    const char* name_;
    std::move_only_function<void()> function_;
    std::byte* stack_;
    bool running_ = false;
    bool ended_ = false;
    ucontext_t own_context_;
    ucontext_t resumer_context_;
    // AddressSanitizer's view of the two stacks; unused without it.
    void* own_fake_stack_ = nullptr;
    void* resumer_fake_stack_ = nullptr;
    const void* resumer_stack_bottom_ = nullptr;
    size_t resumer_stack_bytes_ = 0;
};

}  // namespace timber
