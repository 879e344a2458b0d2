#include "memtable/table_file.h"

#include <algorithm>
#include <utility>

#include "src/base/mistake.h"

namespace timber::memtable {

Result<std::unique_ptr<TableFileWriter>> TableFileWriter::create(Disk& disk, std::string path,
                                                                 bool direct) {
    TIMBER_TRY(const FileHandle file,
               disk.open(path, {.create = true, .exclusive = true, .direct = direct}));
    return std::unique_ptr<TableFileWriter>(new TableFileWriter(disk, std::move(path), file));
}

TableFileWriter::~TableFileWriter() {
    if (!finished_) abandon();
}

Status TableFileWriter::status() const {
    if (error_) return *error_;
    return {};
}

void TableFileWriter::wait(Chunk& chunk) {
    if (!chunk.submitted) return;
    disk_.wait(chunk.op);
    chunk.submitted = false;
    if (!chunk.op.result() && !error_)
        error_ = with_place(chunk.op.result().error(), path_, chunk.op);
}

// Submits the current chunk, which ends at a multiple of the alignment, and goes on in the other.
Status TableFileWriter::write_chunk() {
    Chunk& chunk = chunks_[current_];
    TIMBER_ASSERT_OP(filled_ % kDirectAlignment, ==, 0u);
    const MutableBytes content = chunk.buffer.first(filled_);
    checksum_.update(content);
    chunk.op.prepare_write(*file_, written_bytes_, content);
    disk_.submit(chunk.op);
    chunk.submitted = true;
    written_bytes_ += filled_;
    filled_ = 0;
    current_ = 1 - current_;
    wait(chunks_[current_]);
    return status();
}

Status TableFileWriter::append(ByteView bytes) {
    TIMBER_CHECK(status());
    TIMBER_ASSERT(file_.has_value());
    while (!bytes.empty()) {
        Chunk& chunk = chunks_[current_];
        chunk.buffer.reserve(kChunkBytes);
        const size_t count = std::min(bytes.size(), kChunkBytes - filled_);
        copy_bytes(bytes.first(count), chunk.buffer.data() + filled_);
        filled_ += count;
        bytes = bytes.subspan(count);
        if (filled_ == kChunkBytes) TIMBER_CHECK(write_chunk());
    }
    return {};
}

Status TableFileWriter::append_zeros(size_t count) {
    static constexpr std::array<std::byte, kDirectAlignment> kZeros{};
    for (; count > kZeros.size(); count -= kZeros.size()) TIMBER_CHECK(append(kZeros));
    return append(ByteView(kZeros).first(count));
}

Status TableFileWriter::settle() {
    for (Chunk& chunk : chunks_) wait(chunk);
    return status();
}

Status TableFileWriter::finish() {
    TIMBER_CHECK(status());
    if (filled_ > 0) TIMBER_CHECK(write_chunk());
    TIMBER_CHECK(settle());
    if (!TIMBER_MISTAKE(store_table_not_synced)) {
        if (Status synced = await_sync(disk_, *file_, path_); !synced) {
            error_ = synced.error();
            return synced;
        }
    }
    close();
    finished_ = true;
    return {};
}

void TableFileWriter::close() {
    static_cast<void>(settle().ok());
    if (file_) disk_.close(*file_);
    file_.reset();
}

void TableFileWriter::abandon() {
    close();
    if (std::exchange(finished_, true)) return;
    if (!error_) error_ = file_error(ErrorCode::kClosed, path_, "the file was given up");
    // Nothing refers to it; if it stays, it is an orphan that the next start removes.
    static_cast<void>(disk_.remove(path_).ok());
}

}  // namespace timber::memtable
