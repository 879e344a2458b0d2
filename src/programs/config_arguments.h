#pragma once
// A configuration from a command line: a file, flags for every setting, and the short flags that
// people type.
//
// Thread:  the main thread; reads the file.
// Failure: kInvalidArgument or kNotFound, with a text for the person at the keyboard.
#include <span>
#include <string>
#include <vector>

#include "src/server/config.h"

namespace timber::programs {

struct ConfigArguments {
    server::Config config{};
    std::vector<std::string> words{};  // flags without a value that `switches` names, in order
};

// `switches` are flags that the caller knows and that take no value.
Result<ConfigArguments> parse_config_arguments(std::span<char* const> arguments,
                                               std::span<const std::string_view> switches);
// The lines of --help about settings.
std::string config_help();
// For --help: all settings, by section.
std::string settings_help();

}  // namespace timber::programs
