#pragma once
// What the children of this process that have ended took of the processor, in seconds.
//
// Thread: any.
#include <sys/resource.h>

namespace timber {

inline double child_seconds() {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace timber
