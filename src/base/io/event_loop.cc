#include "src/base/io/event_loop.h"

#include <memory>

namespace timber {

namespace {

struct FunctionTask : Task {
    explicit FunctionTask(std::move_only_function<void()> wrapped)
        : Task(&run_and_delete), function(std::move(wrapped)) {}

    static void run_and_delete(Task& task) {
        const std::unique_ptr<FunctionTask> self(static_cast<FunctionTask*>(&task));
        self->function();
    }

    std::move_only_function<void()> function;
};

}  // namespace

void EventLoop::post(std::move_only_function<void()> function) {
    post(*std::make_unique<FunctionTask>(std::move(function)).release());
}

}  // namespace timber
