#include "tests/support/sim_fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define TIMBER_FIBERS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TIMBER_FIBERS_ASAN 1
#endif
#endif

// A switch by swapcontext calls the kernel for the signal mask, which costs as much as all else
// that a small disk operation does. A jump does not; but sanitizers take jumps for an unwinding.
#if !defined(TIMBER_FIBERS_ASAN) && !defined(__SANITIZE_THREAD__)
#define TIMBER_FIBERS_JUMP 1
#endif

#ifdef TIMBER_FIBERS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace timber {

namespace {

#ifdef TIMBER_FIBERS_ASAN
// Instrumented frames are several times as large.
constexpr size_t kStackBytes = 512 << 10;
#else
constexpr size_t kStackBytes = 128 << 10;
#endif
constexpr size_t kGuardBytes = 4096;

// Free stacks of this thread. An explorer makes fibers by the million; mapping and unmapping each
// stack would cost more than most of them run.
class StackPool {
  public:
    ~StackPool() {
        for (std::byte* stack : free_) munmap(stack - kGuardBytes, kGuardBytes + kStackBytes);
    }

    std::byte* take() {
        if (free_.empty()) return map_one();
        std::byte* stack = free_.back();
        free_.pop_back();
        return stack;
    }

    void give_back(std::byte* stack) {
#ifdef TIMBER_FIBERS_ASAN
        // The last frames never returned, so their red zones are still poisoned. In pieces: a
        // large one is mapped anew instead of wiped.
        constexpr size_t kPieceBytes = 128 << 10;
        static_assert(kStackBytes % kPieceBytes == 0);
        for (size_t at = 0; at < kStackBytes; at += kPieceBytes)
            __asan_unpoison_memory_region(stack + at, kPieceBytes);
#endif
        free_.push_back(stack);
    }

  private:
    static std::byte* map_one() {
        void* mapped = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        TIMBER_ASSERT(mapped != MAP_FAILED);
        TIMBER_ASSERT(mprotect(mapped, kGuardBytes, PROT_NONE) == 0);
        return static_cast<std::byte*>(mapped) + kGuardBytes;
    }

    std::vector<std::byte*> free_;
};

thread_local StackPool stack_pool;

void before_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* bottom,
                   [[maybe_unused]] size_t bytes) {
#ifdef TIMBER_FIBERS_ASAN
    __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
#endif
}

void after_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** old_bottom,
                  [[maybe_unused]] size_t* old_bytes) {
#ifdef TIMBER_FIBERS_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, old_bottom, old_bytes);
#endif
}

// ThreadSanitizer takes each fiber for a thread, and is told of every switch right before it.
void* make_sanitizer_fiber() {
#ifdef __SANITIZE_THREAD__
    return __tsan_create_fiber(0);
#else
    return nullptr;
#endif
}

void* current_sanitizer_fiber() {
#ifdef __SANITIZE_THREAD__
    return __tsan_get_current_fiber();
#else
    return nullptr;
#endif
}

void switch_sanitizer_fiber([[maybe_unused]] void* fiber) {
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(fiber, 0);
#endif
}

void destroy_sanitizer_fiber([[maybe_unused]] void* fiber) {
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(fiber);
#endif
}

}  // namespace

SimFiber::SimFiber(const char* name, std::move_only_function<void()> function)
    : name_(name),
      function_(std::move(function)),
      stack_(stack_pool.take()),
      own_sanitizer_fiber_(make_sanitizer_fiber()) {
    TIMBER_ASSERT(getcontext(&own_.context) == 0);
    own_.context.uc_stack.ss_sp = stack_;
    own_.context.uc_stack.ss_size = kStackBytes;
    own_.context.uc_link = nullptr;
    // makecontext hands on ints only.
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&own_.context, reinterpret_cast<void (*)()>(&SimFiber::enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
#ifdef TIMBER_FIBERS_ASAN
    // At every switch the sanitizer wipes the shadow of the stack that the context names, which
    // takes longer than most fibers run. It is told of switches below; what red zones a fiber's
    // last frames leave behind is wiped once, by the pool.
    own_.context.uc_stack.ss_size = kGuardBytes;
#endif
}

SimFiber::~SimFiber() {
    TIMBER_ASSERT(ended_);
    destroy_sanitizer_fiber(own_sanitizer_fiber_);
    stack_pool.give_back(stack_);
}

void SimFiber::enter(unsigned high, unsigned low) {
    const uintptr_t self = (static_cast<uintptr_t>(high) << 32) | low;
    reinterpret_cast<SimFiber*>(self)->run();
}

void SimFiber::run() {
    after_switch(nullptr, &resumer_stack_bottom_, &resumer_stack_bytes_);
    function_();
    // What the function captured goes while the fiber may still be switched away from.
    function_ = nullptr;
    ended_ = true;
    running_ = false;
    // Without a place to save it, the sanitizer frees this stack's bookkeeping.
    before_switch(nullptr, resumer_stack_bottom_, resumer_stack_bytes_);
    switch_sanitizer_fiber(resumer_sanitizer_fiber_);
#ifdef TIMBER_FIBERS_JUMP
    _longjmp(resumer_.jump, 1);
#else
    setcontext(&resumer_.context);
#endif
    TIMBER_UNREACHABLE();
}

void SimFiber::switch_over(Place& from, Place& to) {
#ifdef TIMBER_FIBERS_JUMP
    if (_setjmp(from.jump) == 0) _longjmp(to.jump, 1);
#else
    TIMBER_ASSERT(swapcontext(&from.context, &to.context) == 0);
#endif
}

// Enters the fiber's stack for the first time.
void SimFiber::begin() {
#ifdef TIMBER_FIBERS_JUMP
    if (_setjmp(resumer_.jump) == 0) setcontext(&own_.context);
#else
    switch_over(resumer_, own_);
#endif
}

void SimFiber::resume() {
    TIMBER_ASSERT(!running_);
    TIMBER_ASSERT(!ended_);
    running_ = true;
    before_switch(&resumer_fake_stack_, stack_, kStackBytes);
    resumer_sanitizer_fiber_ = current_sanitizer_fiber();
    switch_sanitizer_fiber(own_sanitizer_fiber_);
    if (begun_) {
        switch_over(resumer_, own_);
    } else {
        begun_ = true;
        begin();
    }
    after_switch(resumer_fake_stack_, nullptr, nullptr);
}

void SimFiber::suspend() {
    TIMBER_ASSERT(running_);
    running_ = false;
    before_switch(&own_fake_stack_, resumer_stack_bottom_, resumer_stack_bytes_);
    switch_sanitizer_fiber(resumer_sanitizer_fiber_);
    switch_over(own_, resumer_);
    after_switch(own_fake_stack_, &resumer_stack_bottom_, &resumer_stack_bytes_);
}

}  // namespace timber
