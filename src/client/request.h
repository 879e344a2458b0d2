#pragma once
// One request of a client, over all its tries.
//
// Thread: one at a time; handed from callback to callback.
#include <optional>
#include <string>

#include "src/client/client.h"
#include "src/client/messages.h"

namespace timber::client {

struct PendingRequest {
    Method method{};
    const char* path = "";
    std::string body{};
    Client::Done done{};
    std::optional<std::string> only_at{};  // asked of this server and no other, and not judged
    Instant deadline{};
    Duration delay{};  // before the next try
    uint32_t tries = 0;
    // Why the last try was not the last word.
    std::string last_error{};
    // A try of a write ended with its outcome unknown, and was sent again because the caller said
    // so: whatever later tries say, it is not surely undone any more.
    bool in_doubt = false;
};

}  // namespace timber::client
