#pragma once
// The Disk seam: files and directories.
//
// Two kinds of operations:
//  - Data operations (read, write, sync, allocate) are IoOp objects, submitted and completed
//    asynchronously, from an event loop or from a job. Any number may be in flight; the disk may
//    carry them out in any order, unless one is submitted after the other's completion.
//  - File operations (open, rename, list, ...) are plain calls that wait, so only jobs
//    (executor.h) may make them. In the simulator each is a point where other jobs run and where
//    the machine may crash.
//
// What is durable when, as on real disks:
//  - a write: after a later sync() of the file, or at its own completion if it was `durable`;
//    either also makes the file's size and allocation durable as far as reading that data needs;
//  - a created, renamed or removed name: after a later sync_directory() of its directory. Syncing
//    the file does not make its name durable; syncing the directory does not make the file's
//    content or size durable;
//  - a failed write or sync leaves the affected bytes in doubt for ever: the file must not be
//    trusted for durability again in this process.
//
// Direct files (OpenOptions::direct) bypass the page cache: offset, size and memory of every read
// and write are multiples of kDirectAlignment. On a disk or file system without direct I/O the
// flag is ignored, which Disk::direct_io_supported() tells.
//
// Thread:     file operations from any job; an IoOp from the event loop named as its home, or,
//             without home, from a job. A FileHandle may be used by several threads at once.
// Lifetime:   an IoOp and its buffer belong to the caller and stay put until it completed. The
//             disk outlives all of its users.
// Failure:    every operation gives a Result; kNoSpace and kCrashed are told apart from other
//             failures. Short reads happen only at the end of the file, short writes never: the
//             implementations go on until all is written or an error stands.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/task.h"
#include "src/base/result.h"
#include "src/base/strong_id.h"

namespace timber {

class Disk;

// Bytes; enough for every file system we know of.
inline constexpr size_t kDirectAlignment = 4096;
// What a power cut may tear apart: each sector of a write is there or not.
inline constexpr size_t kSectorBytes = 512;

using FileHandle = StrongId<struct FileHandleTag, uint32_t>;

struct OpenOptions {
    bool create = false;     // make the file if there is none
    bool exclusive = false;  // with create: fail with kAlreadyExists if there is one
    bool read_only = false;
    bool direct = false;  // see above
};

enum class IoKind : uint8_t {
    kRead,      // at most `bytes` into `data` from `offset`
    kWrite,     // `bytes` from `data` at `offset`
    kSync,      // every completed write of the file
    kAllocate,  // reserve space for [offset, offset + bytes) and extend the size to cover it
};

// One data operation. A field of its owner. Fill in the request (the prepare functions), submit,
// wait for the completion, read the result; then it may be used again.
class IoOp : private Task {
  public:
    using Done = void (*)(void* context, IoOp& op);

    // For a loop: `done(context, op)` runs on `home` once the operation is over.
    IoOp(EventLoop& home, Done done, void* context)
        : Task(&run_done), home_(&home), done_(done), context_(context) {}
    // For a job, which waits for it with Disk::wait.
    IoOp() : Task(&run_done) {}
    ~IoOp() { TIMBER_ASSERT(!in_flight_); }

    void prepare_read(FileHandle file, uint64_t offset, MutableBytes into);
    // `durable`: the completion means that the bytes are on stable storage.
    void prepare_write(FileHandle file, uint64_t offset, ByteView from, bool durable = false);
    void prepare_sync(FileHandle file);
    void prepare_allocate(FileHandle file, uint64_t offset, uint64_t bytes);

    bool in_flight() const { return in_flight_; }
    // The result, between completion and the next prepare: bytes read or written (0 for the other
    // kinds), or why it failed. The error names no file; whoever knows the path adds it.
    const Result<size_t>& result() const {
        TIMBER_ASSERT(!in_flight_);
        return result_;
    }

    // The request; for implementations of Disk.
    IoKind kind() const { return kind_; }
    FileHandle file() const { return file_; }
    uint64_t offset() const { return offset_; }
    uint64_t bytes() const { return bytes_; }
    std::byte* data() const { return data_; }
    bool durable() const { return durable_; }
    EventLoop* home() const { return home_; }

    // For implementations of Disk. start() when it is submitted; then exactly one of finish()
    // (gives the result and posts the completion home; for a job, the implementation wakes the
    // waiter after it), or finish_on_loop() (the same, on the home loop's own thread, between two
    // tasks: runs the completion at once).
    void start() {
        TIMBER_ASSERT(!in_flight_);
        in_flight_ = true;
    }
    void finish(Result<size_t> result);
    void finish_on_loop(Result<size_t> result);

    // For implementations of Disk: room for their own bookkeeping while the operation is in
    // flight.
    struct Scratch {
        uint64_t transferred = 0;
        void* pointer = nullptr;
        uint64_t number = 0;
    };
    Scratch scratch;

  private:
    static void run_done(Task& task);
    void prepare(IoKind kind, FileHandle file, uint64_t offset, std::byte* data, uint64_t bytes);

    IoKind kind_ = IoKind::kSync;
    bool durable_ = false;
    bool in_flight_ = false;
    FileHandle file_;
    uint64_t offset_ = 0;
    uint64_t bytes_ = 0;
    std::byte* data_ = nullptr;
    EventLoop* home_ = nullptr;
    Done done_ = nullptr;
    void* context_ = nullptr;
    Result<size_t> result_ = size_t{0};
};

class Disk {
  public:
    virtual ~Disk() = default;

    // Starts a data operation. From the operation's home loop, or from a job if it has none. Never
    // completes within the call.
    virtual void submit(IoOp& op) = 0;
    // From a job, for an operation without a home that was submitted by the same job: returns when
    // it is over.
    virtual void wait(IoOp& op) = 0;

    // File operations: from jobs only.
    virtual Result<FileHandle> open(std::string_view path, OpenOptions options) = 0;
    // Closing does not sync. The handle must have no operation in flight.
    virtual void close(FileHandle file) = 0;
    virtual Result<uint64_t> size(FileHandle file) = 0;
    virtual Status truncate(FileHandle file, uint64_t bytes) = 0;
    // Replaces `to` if it exists, atomically.
    virtual Status rename(std::string_view from, std::string_view to) = 0;
    virtual Status remove(std::string_view path) = 0;
    // Makes a directory; one that exists is fine. The parent must exist.
    virtual Status make_directory(std::string_view path) = 0;
    // Names of the entries of a directory without `.` and `..`, sorted.
    virtual Result<std::vector<std::string>> list(std::string_view directory) = 0;
    virtual Status sync_directory(std::string_view directory) = 0;
    // Takes the exclusive lock of an open file until it is closed or the process dies; kLocked if
    // another holder, in this process or another, has it.
    virtual Status lock(FileHandle file) = 0;
    // The same, but waits for the holder. For files that only a process on its way out can still
    // hold: after SIGKILL the kernel may be at work for a while on writes that were in flight, and
    // they would land on top of what its successor writes. Such a write holds the lock of its file.
    // The simulator's deaths leave nothing in flight, so there this is lock().
    virtual Status lock_after_holder(FileHandle file) { return lock(file); }
    // Bytes that can still be allocated on the file system that holds `directory`.
    virtual Result<uint64_t> free_space(std::string_view directory) = 0;

    virtual bool direct_io_supported() const = 0;
};

// Straight-line data operations, for jobs: submit and wait. Each names `path` in its error.
// Gives how many bytes were read: fewer than asked for only at the end of the file.
Result<size_t> await_read(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                          MutableBytes into);
Status await_write(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                   ByteView from, bool durable = false);
Status await_sync(Disk& disk, FileHandle file, std::string_view path);
Status await_allocate(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                      uint64_t bytes);
// Submits, waits, and gives the operation's result with `path` in its error.
Result<size_t> await(Disk& disk, IoOp& op, std::string_view path);

// `error` with the file and place that `op` was about.
Error with_place(Error error, std::string_view path, const IoOp& op);

std::string join_path(std::string_view directory, std::string_view name);
// The directory part of `path`, "." if it has none.
std::string parent_path(std::string_view path);

}  // namespace timber
