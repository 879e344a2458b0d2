#pragma once
// Compression of blocks. A compressed payload is the size of the content as a varint, then what the
// algorithm made of it.
//
// Thread:   a Compressor belongs to one at a time; decompress_block() from any.
// Failure:  decompress_block() is total: any bytes give the content or say what is wrong with them.
#include <memory>

#include "memtable/byte_buffer.h"
#include "memtable/options.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

class Compressor {
  public:
    Compressor(Compression compression, int zstd_level);
    ~Compressor();

    // Appends the payload of `content` to `to`, and says how it is compressed: not at all where
    // that would not save an eighth, so that no reader pays for nothing.
    Compression append(ByteView content, ByteBuffer& to);

  private:
    // What the algorithm keeps from block to block: memory, no content.
    struct State;

    // How many bytes it took, 0 if it did not fit into `room`.
    size_t compress(ByteView content, std::byte* to, size_t room);

    Compression compression_;
    int zstd_level_;
    std::unique_ptr<State> state_;
    // Content that did not shrink is seldom alone: after a row of such blocks, most are not tried.
    size_t plain_row_ = 0;
};

// The size of the content that `payload` says it holds, at most `bytes_max`.
Result<size_t> decompressed_bytes(ByteView payload, size_t bytes_max);
// Decompresses to `to`, which is exactly as long as decompressed_bytes() says.
Status decompress_block(Compression compression, ByteView payload, MutableBytes to);

}  // namespace timber::memtable
