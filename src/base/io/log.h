#pragma once
// What the server tells its operator, through spdlog: one line an event, control bytes as \xNN.
//
//   log_info("log opened: {} batches in {} segments", batches, segments);
//
// Formatting is fmt's, checked at compile time; spdlog itself stays in log.cc. Tests may set a
// level or catch the lines. The lines' time stamps are the one use of a clock outside the Clock
// seam; nothing reads them back.
#include <fmt/core.h>

#include <functional>
#include <string_view>
#include <utility>

namespace timber {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

// Lines below `level` are dropped. kInfo from the start.
void set_log_level(LogLevel level);
LogLevel log_level();
// Lines go to `sink` instead of standard error; an empty function restores that.
void set_log_sink(std::function<void(LogLevel, std::string_view line)> sink);

void log_line(LogLevel level, std::string_view line);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    if (log_level() <= LogLevel::kDebug)
        log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    if (log_level() <= LogLevel::kInfo)
        log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    if (log_level() <= LogLevel::kWarning)
        log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    if (log_level() <= LogLevel::kError)
        log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace timber
