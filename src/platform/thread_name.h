#pragma once
// Names threads for people who look at the process with ps, top or a debugger.
#include <string_view>

namespace timber {

// Names the calling thread; the kernel keeps 15 characters.
void set_thread_name(std::string_view name);

}  // namespace timber
