#include "benches/storage/log_watch.h"

#include <memory>

namespace timber::bench {

// An operation of ours for one of the log's. It deletes itself.
struct LogWatch::Watched {
    Watched(LogWatch& its_owner, IoOp& its_outer)
        : owner(its_owner),
          outer(its_outer),
          inner(*outer.home(), &done, this),
          start_ns(now_ns()) {
        if (outer.kind() == IoKind::kSync)
            inner.prepare_sync(outer.file());
        else
            inner.prepare_write(outer.file(), outer.offset(), {outer.data(), outer.bytes()}, true);
    }

    static void done(void* context, IoOp&) {
        const std::unique_ptr<Watched> self(static_cast<Watched*>(context));
        self->owner.writes_.push_back({self->start_ns, now_ns()});
        self->outer.finish_on_loop(self->inner.result());
    }

    LogWatch& owner;
    IoOp& outer;
    IoOp inner;
    const int64_t start_ns;
};

void LogWatch::submit(IoOp& op) {
    const bool changes = op.kind() == IoKind::kWrite || op.kind() == IoKind::kSync;
    if (!changes || !watches(op.file())) return inner_.submit(op);
    if (op.kind() == IoKind::kWrite) bytes_.fetch_add(op.bytes(), std::memory_order_relaxed);
    const bool durable = op.kind() == IoKind::kSync || op.durable();
    if (!durable || op.home() == nullptr) return inner_.submit(op);
    durable_.fetch_add(1, std::memory_order_relaxed);
    op.start();
    inner_.submit((new Watched(*this, op))->inner);
}

Result<FileHandle> LogWatch::open(std::string_view path, OpenOptions options) {
    TIMBER_TRY(const FileHandle file, inner_.open(path, options));
    if (path.starts_with(prefix_)) {
        const MutexLock lock(mutex_);
        files_.insert(file);
    }
    return file;
}

void LogWatch::close(FileHandle file) {
    {
        const MutexLock lock(mutex_);
        files_.erase(file);
    }
    inner_.close(file);
}

bool LogWatch::watches(FileHandle file) {
    const MutexLock lock(mutex_);
    return files_.contains(file);
}

}  // namespace timber::bench
