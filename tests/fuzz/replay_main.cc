// Runs a fuzz target over files and directories of files: its corpus, or an input that once failed.
//
// Linked to a fuzz target where there is no libFuzzer, so that the corpus is a test of every build.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

size_t replay(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) {
        size_t inputs = 0;
        for (const auto& entry : std::filesystem::directory_iterator(path))
            inputs += replay(entry.path());
        return inputs;
    }
    std::printf("%s\n", path.c_str());
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    size_t inputs = 0;
    for (int i = 1; i < argc; ++i) inputs += replay(argv[i]);
    std::printf("%zu inputs replayed\n", inputs);
    return inputs > 0 ? 0 : 1;
}
