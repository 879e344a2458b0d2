#pragma once
// The faults that kv_torture plays. Each leaves all servers running, and the way between them free.
//
// Thread: the main one.
#include <span>
#include <string_view>

#include "tests/process/torture_rig.h"

namespace timber::process {

struct Fault {
    enum Needs : uint8_t { kNothing, kProxy, kTortureDisk, kSmallDisk };

    std::string_view name;
    std::string_view what;  // for --help
    void (*play)(TortureRig&);
    Needs needs = kNothing;
};

std::span<const Fault> faults();
const Fault* find_fault(std::string_view name);

}  // namespace timber::process
