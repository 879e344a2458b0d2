#include "benches/frame/machine.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace timber::bench {

namespace {

constexpr uint64_t kSectorBytes = 512;  // of the kernel's counters, whatever the device's are

// Places in a block device's `stat` file.
enum StatField : size_t {
    kStatReads = 0,
    kStatSectorsRead = 2,
    kStatWrites = 4,
    kStatSectorsWritten = 6,
    kStatFieldsMin = 11,
    kStatFlushes = 15,
};

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// The value of the first line "key : value" of a file in /proc.
std::string proc_field(const std::string& path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(':');
        if (colon == std::string::npos || !line.starts_with(key)) continue;
        const size_t value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string::npos ? "" : line.substr(value);
    }
    return {};
}

// What a command prints in its first line; empty if it fails.
std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return {};
    std::array<char, 256> line{};
    const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
    const bool succeeded = ::pclose(pipe) == 0;
    std::string text = read && succeeded ? line.data() : "";
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

// The commit of the repository that the running program was built in.
std::string commit_of_program() {
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::string folder = program.parent_path();
    const std::string found = output_of("git -C '" + folder +
                                        "' describe --always --dirty --abbrev=12 --exclude '*' "
                                        "2>/dev/null");
    return found.empty() ? "unknown" : found;
}

std::string date_now() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return {text.data(), length};
}

// The file system's type, from the longest mount point above `directory`.
std::string file_system_of(const std::string& directory) {
    std::error_code ignored;
    const std::string path = std::filesystem::canonical(directory, ignored);
    std::ifstream mounts("/proc/self/mounts");
    std::string best_point, best_type;
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string device, point, type;
        fields >> device >> point >> type;
        const bool above = point == "/" || path == point || path.starts_with(point + "/");
        if (above && point.size() >= best_point.size()) {
            best_point = point;
            best_type = type;
        }
    }
    return best_type;
}

bool direct_io_in(const std::string& directory) {
    const std::string path = directory + "/direct_io_probe";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0644);
    if (file < 0) return false;
    ::close(file);
    ::unlink(path.c_str());
    return true;
}

}  // namespace

std::optional<BlockDevice> BlockDevice::under(const std::string& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0) return std::nullopt;
    const std::string link = "/sys/dev/block/" + std::to_string(major(about.st_dev)) + ":" +
                             std::to_string(minor(about.st_dev));
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::canonical(link, error);
    if (error) return std::nullopt;
    return BlockDevice(folder, folder.filename());
}

std::optional<DeviceCount> BlockDevice::count() const {
    return parse_device_stat(first_line(folder_ + "/stat"));
}

std::string BlockDevice::queue_setting(const std::string& file) const {
    const std::string own = first_line(folder_ + "/queue/" + file);
    if (!own.empty()) return own;
    // A partition's queue is that of the disk above it.
    return first_line(folder_ + "/../queue/" + file);
}

std::optional<DeviceCount> parse_device_stat(const std::string& line) {
    std::istringstream fields(line);
    std::vector<uint64_t> values;
    for (uint64_t value = 0; fields >> value;) values.push_back(value);
    if (values.size() < kStatFieldsMin) return std::nullopt;
    // Writes include flushes, which newer kernels also count by themselves.
    const uint64_t flushes = values.size() > kStatFlushes ? values[kStatFlushes] : 0;
    return DeviceCount{.bytes_written = values[kStatSectorsWritten] * kSectorBytes,
                       .writes = values[kStatWrites] - std::min(flushes, values[kStatWrites]),
                       .bytes_read = values[kStatSectorsRead] * kSectorBytes,
                       .reads = values[kStatReads],
                       .flushes = flushes};
}

Machine describe_machine(const std::string& directory) {
    Machine machine;
    machine.commit = commit_of_program();
    machine.date = date_now();
    machine.cpu = proc_field("/proc/cpuinfo", "model name");
    machine.cores = std::thread::hardware_concurrency();
    machine.memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                           static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    utsname names{};
    if (::uname(&names) == 0) machine.kernel = names.release;
    if (const auto device = BlockDevice::under(directory)) {
        machine.disk = device->name();
        machine.write_cache = device->queue_setting("write_cache");
        machine.fua = device->queue_setting("fua") == "1";
        machine.scheduler = device->queue_setting("scheduler");
    }
    machine.file_system = file_system_of(directory);
    machine.direct_io = direct_io_in(directory);
    return machine;
}

void drop_caches() {
    ::sync();
    drop_clean_pages();
}

void drop_clean_pages() { std::ofstream("/proc/sys/vm/drop_caches") << "1\n"; }

int64_t process_cpu_ns() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto ns_of = [](const timeval& time) {
        return time.tv_sec * kNsPerSecond + time.tv_usec * kNsPerUs;
    };
    return ns_of(used.ru_utime) + ns_of(used.ru_stime);
}

uint64_t process_rss_bytes() {
    std::ifstream file("/proc/self/statm");
    uint64_t pages_all = 0, pages_resident = 0;
    file >> pages_all >> pages_resident;
    return pages_resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace timber::bench
