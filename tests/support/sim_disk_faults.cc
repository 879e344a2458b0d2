#include "tests/support/sim_disk_faults.h"

namespace timber {

std::string_view to_string(DiskOperation operation) {
    switch (operation) {
        case DiskOperation::kRead: return "read";
        case DiskOperation::kWrite: return "write";
        case DiskOperation::kSync: return "sync";
        case DiskOperation::kAllocate: return "allocate";
        case DiskOperation::kOpen: return "open";
        case DiskOperation::kClose: return "close";
        case DiskOperation::kSize: return "size";
        case DiskOperation::kTruncate: return "truncate";
        case DiskOperation::kRename: return "rename";
        case DiskOperation::kRemove: return "remove";
        case DiskOperation::kMakeDirectory: return "make_directory";
        case DiskOperation::kList: return "list";
        case DiskOperation::kSyncDirectory: return "sync_directory";
        case DiskOperation::kLock: return "lock";
        case DiskOperation::kFreeSpace: return "free_space";
    }
    TIMBER_UNREACHABLE();
}

static std::optional<FaultKind> draw_random_fault(DiskOperation operation,
                                                  const SimDiskOptions& options, Random& random) {
    const auto hit = [&random](uint64_t per_million) {
        // Faults that are switched off draw nothing.
        return per_million > 0 && random.below(1'000'000) < per_million;
    };
    const bool read = operation == DiskOperation::kRead;
    const bool write = operation == DiskOperation::kWrite;
    if (read && hit(options.read_errors_per_million)) return FaultKind::kError;
    if (read && hit(options.read_bit_flips_per_million)) return FaultKind::kBitFlip;
    if (write && hit(options.write_errors_per_million)) return FaultKind::kError;
    if (write && hit(options.write_bit_flips_per_million)) return FaultKind::kBitFlip;
    if (write && hit(options.misdirected_writes_per_million)) return FaultKind::kMisdirect;
    if (write && hit(options.lost_writes_per_million)) return FaultKind::kLose;
    const bool sync =
        operation == DiskOperation::kSync || operation == DiskOperation::kSyncDirectory;
    if (sync && hit(options.sync_errors_per_million)) return FaultKind::kError;
    if (hit(options.stalls_per_million)) return FaultKind::kStall;
    return std::nullopt;
}

std::optional<Fault> FaultPlan::next_planned(DiskOperation operation, std::string_view path) {
    std::optional<Fault> found;
    for (Planned& planned : planned_) {
        const Fault& fault = planned.fault;
        if (fault.operation != operation) continue;
        if (path.find(fault.path_contains) == std::string_view::npos) continue;
        ++planned.matched;
        if (planned.matched < fault.nth || planned.matched - fault.nth >= fault.count) continue;
        if (!found) found = fault;
    }
    return found;
}

std::optional<Fault> FaultPlan::next(DiskOperation operation, std::string_view path,
                                     const SimDiskOptions& options, Random& random) {
    std::optional<Fault> fault = next_planned(operation, path);
    if (!fault) {
        const auto kind = draw_random_fault(operation, options, random);
        if (kind) fault = Fault{.operation = operation, .kind = *kind};
    }
    if (fault) ++met_[static_cast<size_t>(fault->kind)];
    return fault;
}

}  // namespace timber
