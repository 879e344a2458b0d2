#include "memtable/directory_sync.h"

namespace timber::memtable {

uint64_t DirectorySync::failures() const {
    const MutexLock lock(mutex_);
    return failures_;
}

Status DirectorySync::sync_once() {
    uint64_t number = 0;
    {
        const MutexLock lock(mutex_);
        number = ++begun_;
        running_.insert(number);
    }
    Status synced = disk_.sync_directory(directory_);
    const MutexLock lock(mutex_);
    running_.erase(number);
    if (!synced) ++failures_;
    return synced;
}

Status DirectorySync::sync(uint64_t failures_before) {
    TIMBER_CHECK(sync_once());
    // Another's may have failed before this one succeeded and not have told yet: those that had
    // begun by now must end. What begins later is too late to harm. Syncs are rare, and a further
    // one is as good a way to wait as any.
    uint64_t last = 0;
    {
        const MutexLock lock(mutex_);
        last = begun_;
    }
    for (;;) {
        {
            const MutexLock lock(mutex_);
            if (failures_ != failures_before)
                return file_error(ErrorCode::kIoError, directory_,
                                  "another sync of the directory failed: which of its new names "
                                  "are durable is in doubt");
            if (running_.empty() || *running_.begin() > last) return {};
        }
        TIMBER_CHECK(sync_once());
    }
}

}  // namespace timber::memtable
