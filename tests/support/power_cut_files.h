#pragma once
// What the power cut and its disk ask of real files alike. Whatever fails here fails the test: the
// process stops and says what it was about.
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace timber {

[[noreturn]] inline void give_up(const char* what, const std::string& path) {
    std::fprintf(stderr, "power cut: %s %s: %s\n", what, path.c_str(), std::strerror(errno));
    std::abort();
}

inline uint64_t size_of(int fd) {
    struct stat status;
    if (::fstat(fd, &status) != 0) give_up("look at", "an open file");
    return static_cast<uint64_t>(status.st_size);
}

}  // namespace timber
