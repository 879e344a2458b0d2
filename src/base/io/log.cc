#include "src/base/io/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "src/base/mutex.h"

namespace timber {

namespace {

std::atomic<LogLevel> level_now = LogLevel::kInfo;
Mutex sink_mutex;
std::function<void(LogLevel, std::string_view)> sink_now TIMBER_GUARDED_BY(sink_mutex);

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> instance = [] {
        auto made = spdlog::stderr_color_mt("timber");
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
        made->set_level(spdlog::level::debug);
        made->flush_on(spdlog::level::info);
        return made;
    }();
    return *instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug: return spdlog::level::debug;
        case LogLevel::kInfo: return spdlog::level::info;
        case LogLevel::kWarning: return spdlog::level::warn;
        case LogLevel::kError: return spdlog::level::err;
        case LogLevel::kOff: return spdlog::level::off;
    }
    return spdlog::level::off;
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

// What a stranger sent may be part of a line. It must not end the line, or speak to the terminal.
std::string escaped(std::string_view line) {
    std::string text;
    for (const char c : line) {
        if (is_control(c)) {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            text += c;
        }
    }
    return text;
}

void write_line(LogLevel level, std::string_view line) {
    const MutexLock lock(sink_mutex);
    if (sink_now) {
        sink_now(level, line);
    } else {
        logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
    }
}

}  // namespace

void set_log_level(LogLevel level) { level_now.store(level, std::memory_order_relaxed); }

LogLevel log_level() { return level_now.load(std::memory_order_relaxed); }

void set_log_sink(std::function<void(LogLevel, std::string_view)> sink) {
    const MutexLock lock(sink_mutex);
    sink_now = std::move(sink);
}

void log_line(LogLevel level, std::string_view line) {
    if (std::ranges::any_of(line, is_control)) {
        write_line(level, escaped(line));
    } else {
        write_line(level, line);
    }
}

}  // namespace timber
