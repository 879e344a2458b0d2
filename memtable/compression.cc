#include "memtable/compression.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>

#include "src/base/coding.h"

namespace timber::memtable {

namespace {

constexpr size_t kPlainRowMax = 16;
constexpr size_t kPlainTryEvery = 8;

struct FreeDecompression {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
};

// One for each thread: making one costs more than decompressing a block. Nothing waits while it is
// in use, so jobs that share a thread do not meet in it.
ZSTD_DCtx* zstd_decompression() {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompression> context(::ZSTD_createDCtx());
    return context.get();
}

Error damaged() { return make_error(ErrorCode::kCorrupted, "a block cannot be decompressed"); }

char* chars(std::byte* bytes) { return reinterpret_cast<char*>(bytes); }
const char* chars(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }

}  // namespace

struct Compressor::State {
    // Not on the stack, where a job may have little room. (As a stream, which need not clear its
    // table for each block, LZ4 is slower by a third: it then counts with wider places.)
    std::unique_ptr<LZ4_stream_t> lz4;
    ZSTD_CCtx* zstd = nullptr;

    ~State() { ::ZSTD_freeCCtx(zstd); }
};

Compressor::Compressor(Compression compression, int zstd_level)
    : compression_(compression), zstd_level_(zstd_level), state_(std::make_unique<State>()) {
    if (compression == Compression::kLz4) state_->lz4 = std::make_unique<LZ4_stream_t>();
    if (compression == Compression::kZstd) state_->zstd = ::ZSTD_createCCtx();
}

Compressor::~Compressor() = default;

size_t Compressor::compress(ByteView content, std::byte* to, size_t room) {
    switch (compression_) {
        case Compression::kNone: return 0;
        case Compression::kLz4: {
            const int bytes = ::LZ4_compress_fast_extState(
                state_->lz4.get(), chars(content.data()), chars(to),
                static_cast<int>(content.size()), static_cast<int>(room), 1);
            return static_cast<size_t>(std::max(bytes, 0));
        }
        case Compression::kZstd: {
            const size_t bytes = ::ZSTD_compressCCtx(state_->zstd, to, room, content.data(),
                                                     content.size(), zstd_level_);
            return ::ZSTD_isError(bytes) ? 0 : bytes;
        }
    }
    TIMBER_UNREACHABLE();
}

Compression Compressor::append(ByteView content, ByteBuffer& to) {
    // The algorithms are told to give up where an eighth is not saved.
    const size_t room = content.size() - content.size() / 8;
    const bool worth_trying = compression_ != Compression::kNone &&
                              (plain_row_ < kPlainRowMax || plain_row_ % kPlainTryEvery == 0);
    if (worth_trying && room > kVarintBytesMax) {
        std::byte* payload = to.room(room);
        const size_t prefix = store_varint(payload, content.size());
        const size_t bytes = compress(content, payload + prefix, room - prefix);
        if (bytes != 0) {
            plain_row_ = 0;
            to.commit(prefix + bytes);
            return compression_;
        }
    }
    ++plain_row_;
    to.append(content);
    return Compression::kNone;
}

Result<size_t> decompressed_bytes(ByteView payload, size_t bytes_max) {
    ByteReader reader(payload);
    const uint64_t bytes = reader.varint();
    if (!reader.ok() || bytes == 0 || bytes > bytes_max) return damaged();
    return static_cast<size_t>(bytes);
}

Status decompress_block(Compression compression, ByteView payload, MutableBytes to) {
    ByteReader reader(payload);
    reader.varint();
    const ByteView packed = reader.bytes(reader.remaining());
    switch (compression) {
        case Compression::kNone: return damaged();
        case Compression::kLz4: {
            const int bytes =
                ::LZ4_decompress_safe(chars(packed.data()), chars(to.data()),
                                      static_cast<int>(packed.size()), static_cast<int>(to.size()));
            if (bytes < 0 || static_cast<size_t>(bytes) != to.size()) return damaged();
            return {};
        }
        case Compression::kZstd: {
            const size_t bytes = ::ZSTD_decompressDCtx(zstd_decompression(), to.data(), to.size(),
                                                       packed.data(), packed.size());
            if (::ZSTD_isError(bytes) || bytes != to.size()) return damaged();
            return {};
        }
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::memtable
