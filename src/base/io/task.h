#pragma once
// The unit of work of an event loop, and the queue that carries it there.
//
// A Task is a field of whatever waits for it, neither copied nor moved; posting it allocates
// nothing. It may be posted again only after it started to run.
//
// TaskQueue: many threads push, one takes everything that is there, in the order of the pushes. A
// push is one compare-and-swap; a take is one exchange and a reversal (Treiber's stack, emptied as
// a whole, so that the order comes out right and no node is reused while it is looked at).
#include <atomic>

namespace timber {

class Task {
  public:
    using Run = void (*)(Task&);

    explicit Task(Run function) : run_(function) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    void run() { run_(*this); }

  private:
    friend class TaskQueue;

    Run run_;
    Task* next_ = nullptr;
};

class TaskQueue {
  public:
    // True if the queue was empty: whoever pushes first wakes the taker. Sequentially consistent,
    // as is empty(), so that a taker that announces its sleep and then finds the queue empty
    // cannot miss a pusher that finds no announcement (src/platform/loop.cc has the proof).
    bool push(Task& task) {
        Task* head = head_.load(std::memory_order_relaxed);
        do {
            task.next_ = head;
        } while (!head_.compare_exchange_weak(head, &task, std::memory_order_seq_cst,
                                              std::memory_order_relaxed));
        return head == nullptr;
    }

    bool empty() const { return head_.load(std::memory_order_seq_cst) == nullptr; }

    // Calls `visit(Task&)` for each task that was there when the call began, oldest first. A task
    // is off the queue when it is visited and may be pushed again or destroyed by the visit.
    template <typename Visit>
    void take_all(Visit visit) {
        Task* newest = head_.exchange(nullptr, std::memory_order_acq_rel);
        Task* oldest = nullptr;
        while (newest != nullptr) {
            Task* next = newest->next_;
            newest->next_ = oldest;
            oldest = newest;
            newest = next;
        }
        while (oldest != nullptr) {
            Task* next = oldest->next_;
            visit(*oldest);
            oldest = next;
        }
    }

  private:
    std::atomic<Task*> head_ = nullptr;
};

}  // namespace timber
