#pragma once
// What a bench ran on, and what the operating system counted meanwhile.
//
// Thread: any.
#include <cstdint>
#include <optional>
#include <string>

#include "benches/frame/subject.h"

namespace timber::bench {

struct Machine {
    std::string commit;  // of the source; "unknown" outside its repository
    std::string date;    // when the run began, UTC
    std::string cpu;
    uint32_t cores = 0;
    uint64_t memory_bytes = 0;
    std::string kernel;
    std::string disk;         // device name; empty if the files are on none (tmpfs)
    std::string write_cache;  // as the kernel says: "write back" or "write through"
    bool fua = false;         // the device writes through its cache where asked to
    std::string scheduler;
    std::string file_system;
    bool direct_io = false;
};

// The machine as seen from `directory`, which exists.
Machine describe_machine(const std::string& directory);

// The block device under a path, and its counters: everything that anyone wrote to it.
class BlockDevice {
  public:
    // None if the path is on no block device of its own.
    static std::optional<BlockDevice> under(const std::string& path);

    // "vda", or "vda1" for a partition.
    const std::string& name() const { return name_; }
    std::optional<DeviceCount> count() const;
    // A file below the queue folder of the whole disk, such as "write_cache"; empty if unreadable.
    std::string queue_setting(const std::string& file) const;

  private:
    BlockDevice(std::string folder, std::string name)
        : folder_(std::move(folder)), name_(std::move(name)) {}

    std::string folder_;  // in /sys
    std::string name_;
};

// The counters of one line of a block device's `stat` file; none if it is no such line.
std::optional<DeviceCount> parse_device_stat(const std::string& line);

// Everything written out, nothing cached. Where the machine does not let us, only direct reads are
// cold, and buffered readers look better than they are.
void drop_caches();
// The same, for whoever has synced what is to be cold: what others write is not waited for.
void drop_clean_pages();

// Processor time of this process so far, user and system.
int64_t process_cpu_ns();
// Memory of this process in RAM.
uint64_t process_rss_bytes();

}  // namespace timber::bench
