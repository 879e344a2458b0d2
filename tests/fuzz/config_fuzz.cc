// A configuration file of arbitrary bytes is taken or refused with a reason; what is taken prints
// as a file that is taken again and means the same.
#include <cstdint>
#include <string>

#include "src/base/assert.h"
#include "src/server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    server::Config config;
    const auto set = server::set_from_toml(config, text, "f");
    if (!set) {
        TIMBER_ASSERT(set.error().detail.starts_with("f:"));
        return 0;
    }
    TIMBER_MAYBE(server::validate(config).ok());
    const std::string printed = server::print_toml(config);
    server::Config again;
    TIMBER_ASSERT(server::set_from_toml(again, printed, "f").ok());
    TIMBER_ASSERT(server::print_toml(again) == printed);
    return 0;
}
