#pragma once
// The Executor seam: background jobs.
//
// A job is straight-line code that may wait for I/O (disk.h, `await` and the file operations of
// Disk); an event loop may not. Production runs jobs on a small pool of threads, where waiting
// blocks the thread; the simulator runs each on a fiber, where waiting lets others run, and every
// wait is a point where the seed may schedule, fail or crash. A job hands its result back by
// EventLoop::post. After a simulated crash every operation gives kCrashed, and jobs unwind by
// returning.
//
// Thread:   run() from any thread.
// Lifetime: whoever starts a job keeps what the job uses alive until the job has ended.
#include <functional>

namespace timber {

class Executor {
  public:
    virtual ~Executor() = default;

    // Starts `job` soon. `name` is for people: a literal, or it outlives the job.
    virtual void run(const char* name, std::move_only_function<void()> job) = 0;
};

}  // namespace timber
