#pragma once
// timberkv-ctl's commands, and what they share.
//
// Thread: the main thread; the client has its own.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/client/client.h"

namespace timber::programs {

// For scripts: what happened, by number.
enum CtlExit : int {
    kCtlDone = 0,
    kCtlFailed = 1,    // surely not done
    kCtlUsage = 2,     // the command line makes no sense
    kCtlUnknown = 3,   // it may have been done, or may yet be
    kCtlNotFound = 4,  // get: there is no such key
};

enum class OutputFormat : uint8_t { kTable, kJson, kRaw };

struct CtlArguments {
    client::Options client{};
    std::optional<OutputFormat> output{};  // unset: what suits the command
    uint32_t limit = 100;
    uint32_t in_flight = 256;
    bool escaped = false;
    bool quiet = false;
    bool learner = false;
    std::vector<std::string> words{};  // the command and what follows it
};

// A command's end in failure: says so on standard error, and gives the exit code.
int report(const client::Answer& answer);
int usage_error(const std::string& what);

// With the endpoints' servers; each gives the exit code.
int get(client::Client& client, const CtlArguments& arguments);
int put(client::Client& client, const CtlArguments& arguments);
int remove(client::Client& client, const CtlArguments& arguments);
int scan(client::Client& client, const CtlArguments& arguments);
int load(client::Client& client, const CtlArguments& arguments);
int status(client::Client& client, const CtlArguments& arguments);
int transfer_leader(client::Client& client, const CtlArguments& arguments);
int member(client::Client& client, const CtlArguments& arguments);
// Without a server: `arguments` are the configuration's flags.
int format(int argc, char** argv);

}  // namespace timber::programs
