// The one place where a user of the client waits.
#include "src/client/client.h"
#include "src/server/outcome_wait.h"

namespace timber::client {

Answer Client::wait(const std::function<void(Done)>& start) {
    server::OutcomeWait<Answer> answered;
    start([&](Answer answer) { answered.give(std::move(answer)); });
    return answered.take();
}

}  // namespace timber::client
