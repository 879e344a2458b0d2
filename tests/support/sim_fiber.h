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
#include <setjmp.h>
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
    // Where one of the two stacks goes on.
    struct Place {
        ucontext_t context;
        // Instead of `context` once its stack is in use, but not under sanitizers.
        jmp_buf jump;
    };

    static void enter(unsigned high, unsigned low);
    static void switch_over(Place& from, Place& to);
    void run();
    void begin();

    const char* name_;
    std::move_only_function<void()> function_;
    std::byte* stack_;
    bool begun_ = false;
    bool running_ = false;
    bool ended_ = false;
    Place own_;
    Place resumer_;
    // The sanitizers' view of the two stacks; unused without them.
    void* own_fake_stack_ = nullptr;
    void* resumer_fake_stack_ = nullptr;
    const void* resumer_stack_bottom_ = nullptr;
    size_t resumer_stack_bytes_ = 0;
    void* own_sanitizer_fiber_ = nullptr;
    void* resumer_sanitizer_fiber_ = nullptr;
};

}  // namespace timber
