#include "src/platform/thread_name.h"

#include <pthread.h>

#include <string>

namespace timber {

constexpr size_t kThreadNameCharactersMax = 15;

void set_thread_name(std::string_view name) {
    // It is for people only: nothing depends on whether it worked.
    (void)::pthread_setname_np(::pthread_self(),
                               std::string(name.substr(0, kThreadNameCharactersMax)).c_str());
}

}  // namespace timber
