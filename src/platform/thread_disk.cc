#include "src/platform/thread_disk.h"

#include <utility>

#include "src/platform/loop.h"

namespace timber {

// An operation on its way through a thread and back home. Owned by whoever it is with; on the way
// home by the mailbox.
struct ThreadDisk::Request : Task {
    explicit Request(IoOp& requested, Descriptor its_file)
        : Task(&run_home), op(requested), file(its_file) {
        // Where the home is a loop of ours it stays until the completion ran.
        if (op.home() == Loop::current()) counted_by = Loop::current();
        if (counted_by != nullptr) counted_by->operation_started();
    }

    static void run_home(Task& task) {
        const std::unique_ptr<Request> self(static_cast<Request*>(&task));
        if (self->counted_by != nullptr) self->counted_by->operation_finished();
        self->op.finish_on_loop(std::move(self->result));
    }

    IoOp& op;
    Descriptor file;
    Loop* counted_by = nullptr;
    Result<size_t> result = size_t{0};
};

ThreadDisk::ThreadDisk(std::string_view data_directory, size_t thread_count)
    : PosixDisk(data_directory) {
    TIMBER_ASSERT_OP(thread_count, >=, size_t{1});
    for (size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { work(); });
}

ThreadDisk::~ThreadDisk() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
}

void ThreadDisk::submit(IoOp& op) {
    const Descriptor file = descriptor(op.file());
    op.start();
    if (op.home() == nullptr) return;  // wait() does it
    auto request = std::make_unique<Request>(op, file);
    const MutexLock lock(mutex_);
    TIMBER_ASSERT(!stopping_);
    requests_.push_back(std::move(request));
    changed_.notify_one();
}

void ThreadDisk::wait(IoOp& op) {
    TIMBER_ASSERT(op.home() == nullptr);
    if (op.in_flight()) op.finish(transfer_blocking(op, descriptor(op.file())));
}

std::unique_ptr<ThreadDisk::Request> ThreadDisk::take_request() {
    const MutexLock lock(mutex_);
    while (requests_.empty() && !stopping_) changed_.wait(mutex_);
    if (requests_.empty()) return nullptr;
    std::unique_ptr<Request> request = std::move(requests_.front());
    requests_.pop_front();
    return request;
}

void ThreadDisk::work() {
    while (std::unique_ptr<Request> request = take_request()) {
        request->result = transfer_blocking(request->op, request->file);
        EventLoop* home = request->op.home();
        home->post(*request.release());
    }
}

}  // namespace timber
