#include "src/base/io/disk.h"

namespace timber {

void IoOp::prepare(IoKind kind, FileHandle file, uint64_t offset, std::byte* data, uint64_t bytes) {
    TIMBER_ASSERT(!in_flight_);
    kind_ = kind;
    durable_ = false;
    file_ = file;
    offset_ = offset;
    bytes_ = bytes;
    data_ = data;
    scratch = {};
}

void IoOp::prepare_read(FileHandle file, uint64_t offset, MutableBytes into) {
    prepare(IoKind::kRead, file, offset, into.data(), into.size());
}

void IoOp::prepare_write(FileHandle file, uint64_t offset, ByteView from, bool durable) {
    // A write only reads its buffer; one field serves both directions.
    prepare(IoKind::kWrite, file, offset, const_cast<std::byte*>(from.data()), from.size());
    durable_ = durable;
}

void IoOp::prepare_sync(FileHandle file) { prepare(IoKind::kSync, file, 0, nullptr, 0); }

void IoOp::prepare_allocate(FileHandle file, uint64_t offset, uint64_t bytes) {
    prepare(IoKind::kAllocate, file, offset, nullptr, bytes);
}

void IoOp::finish(Result<size_t> result) {
    TIMBER_ASSERT(in_flight_);
    result_ = std::move(result);
    if (home_ != nullptr) {
        home_->post(*this);
    } else {
        in_flight_ = false;
    }
}

void IoOp::finish_on_loop(Result<size_t> result) {
    TIMBER_ASSERT(in_flight_);
    TIMBER_ASSERT(home_ != nullptr);
    TIMBER_ASSERT(home_->on_loop_thread());
    result_ = std::move(result);
    run_done(*this);
}

void IoOp::run_done(Task& task) {
    auto& op = static_cast<IoOp&>(task);
    op.in_flight_ = false;
    op.done_(op.context_, op);
}

Error with_place(Error error, std::string_view path, const IoOp& op) {
    error.file = path;
    if (op.kind() != IoKind::kSync) error.offset = op.offset();
    return error;
}

Result<size_t> await(Disk& disk, IoOp& op, std::string_view path) {
    disk.submit(op);
    disk.wait(op);
    if (!op.result()) return with_place(op.result().error(), path, op);
    return *op.result();
}

Result<size_t> await_read(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                          MutableBytes into) {
    IoOp op;
    op.prepare_read(file, offset, into);
    return await(disk, op, path);
}

static Status await_nothing(Disk& disk, IoOp& op, std::string_view path) {
    TIMBER_CHECK(await(disk, op, path));
    return {};
}

Status await_write(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                   ByteView from, bool durable) {
    IoOp op;
    op.prepare_write(file, offset, from, durable);
    return await_nothing(disk, op, path);
}

Status await_sync(Disk& disk, FileHandle file, std::string_view path) {
    IoOp op;
    op.prepare_sync(file);
    return await_nothing(disk, op, path);
}

Status await_allocate(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                      uint64_t bytes) {
    IoOp op;
    op.prepare_allocate(file, offset, bytes);
    return await_nothing(disk, op, path);
}

std::string join_path(std::string_view directory, std::string_view name) {
    std::string path(directory);
    if (!path.empty() && path.back() != '/') path += '/';
    path += name;
    return path;
}

std::string parent_path(std::string_view path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    if (slash == 0) return "/";
    return std::string(path.substr(0, slash));
}

}  // namespace timber
