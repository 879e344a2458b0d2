#pragma once
// A new file that is written once, from its start to its end: collected in large chunks, each
// written behind while the next one fills.
//
// Thread:     jobs only; between settle() and the next call the thread may change.
// Lifetime:   the disk outlives it. Unless finish() succeeded, destruction removes the file.
// Invariants: TF1  offsets and sizes of writes are multiples of kDirectAlignment.
//             TF2  nothing is in flight when a call other than append() has returned.
// Failure:    the first error stays: every later call gives it again.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "src/base/aligned_buffer.h"
#include "src/base/checksum.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

class TableFileWriter {
  public:
    // The file must not exist.
    static Result<std::unique_ptr<TableFileWriter>> create(Disk& disk, std::string path,
                                                           bool direct);
    ~TableFileWriter();

    // Copies `bytes`.
    Status append(ByteView bytes);
    Status append_zeros(size_t count);
    // Of what was appended.
    uint64_t bytes() const { return written_bytes_ + filled_; }
    Status settle();
    // Writes what is left, syncs and closes. What was appended is a multiple of kDirectAlignment.
    Status finish();
    // Of everything; after finish().
    uint64_t checksum() const { return checksum_.value(); }
    // Closes and removes the file.
    void abandon();

    const std::string& path() const { return path_; }

  private:
    static constexpr size_t kChunkBytes = 1_MiB;

    struct Chunk {
        AlignedBuffer buffer;
        IoOp op;
        bool submitted = false;
    };

    TableFileWriter(Disk& disk, std::string path, FileHandle file)
        : disk_(disk), path_(std::move(path)), file_(file) {}

    Status write_chunk();
    void wait(Chunk& chunk);
    Status status() const;
    void close();

    Disk& disk_;
    const std::string path_;
    std::optional<FileHandle> file_;
    bool finished_ = false;
    std::array<Chunk, 2> chunks_;
    size_t current_ = 0;
    size_t filled_ = 0;           // of the current chunk
    uint64_t written_bytes_ = 0;  // of those before it
    Checksum64 checksum_;
    std::optional<Error> error_;
};

}  // namespace timber::memtable
