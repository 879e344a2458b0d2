// Short reads and writes, interruptions and errors, without a kernel.
#include "src/platform/transfer.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

namespace timber {

namespace {

constexpr Descriptor kBuffered = {.fd = -1, .direct = false};
constexpr Descriptor kDirect = {.fd = -1, .direct = true};

class TransferTest : public testing::Test {
  protected:
    IoOp& write_of(size_t bytes) {
        operation_.prepare_write(FileHandle(1), 1000, ByteView(memory_).first(bytes));
        return operation_;
    }
    IoOp& read_of(size_t bytes) {
        operation_.prepare_read(FileHandle(1), 1000, MutableBytes(memory_).first(bytes));
        return operation_;
    }
    // The kernel answers `answer`; the operation must go on, asking for `offset` and `bytes`.
    void expect_goes_on(Descriptor file, int64_t answer, uint64_t offset, size_t bytes) {
        EXPECT_FALSE(advance_transfer(operation_, file, answer).has_value());
        const TransferPart part = next_part(operation_);
        EXPECT_EQ(part.offset, offset);
        EXPECT_EQ(part.bytes, bytes);
        EXPECT_EQ(part.data, memory_.data() + (offset - 1000));
    }
    void expect_ends(Descriptor file, int64_t answer, size_t bytes) {
        const auto result = advance_transfer(operation_, file, answer);
        ASSERT_TRUE(result.has_value());
        EXPECT_EQ(result->value(), bytes);
    }
    void expect_fails(Descriptor file, int64_t answer, ErrorCode code) {
        const auto result = advance_transfer(operation_, file, answer);
        ASSERT_TRUE(result.has_value());
        ASSERT_FALSE(result->ok());
        EXPECT_EQ(result->error().code, code);
    }

    std::array<std::byte, 20'000> memory_;
    IoOp operation_;
};

TEST_F(TransferTest, ShortWriteGoesOnUntilAllIsWritten) {
    write_of(1000);
    expect_goes_on(kBuffered, 300, 1300, 700);
    expect_goes_on(kBuffered, 1, 1301, 699);
    expect_ends(kBuffered, 699, 1000);
}

TEST_F(TransferTest, ShortDirectWriteGoesOnAtABlock) {
    write_of(16384);
    expect_goes_on(kDirect, 4096 + 512, 1000 + 4096, 12288);
    expect_goes_on(kDirect, 8192, 1000 + 12288, 4096);
    expect_ends(kDirect, 4096, 16384);
}

TEST_F(TransferTest, WriteWithoutProgressFailsInsteadOfGoingOnForEver) {
    write_of(1000);
    expect_fails(kBuffered, 0, ErrorCode::kIoError);
    write_of(8192);
    expect_fails(kDirect, 512, ErrorCode::kIoError);
}

TEST_F(TransferTest, ShortReadGoesOnUntilTheEndOfTheFile) {
    read_of(1000);
    expect_goes_on(kBuffered, 400, 1400, 600);
    expect_ends(kBuffered, 0, 400);
}

TEST_F(TransferTest, FullReadEndsWithoutAskingForMore) {
    read_of(1000);
    expect_ends(kBuffered, 1000, 1000);
}

TEST_F(TransferTest, InterruptionAsksAgain) {
    write_of(1000);
    expect_goes_on(kBuffered, 300, 1300, 700);
    expect_goes_on(kBuffered, -EINTR, 1300, 700);
    expect_goes_on(kBuffered, -EAGAIN, 1300, 700);
    expect_ends(kBuffered, 700, 1000);
}

TEST_F(TransferTest, ErrorAfterAPartIsTheResult) {
    write_of(1000);
    expect_goes_on(kBuffered, 300, 1300, 700);
    expect_fails(kBuffered, -ENOSPC, ErrorCode::kNoSpace);
    read_of(1000);
    expect_fails(kBuffered, -EIO, ErrorCode::kIoError);
}

TEST_F(TransferTest, EmptyTransfersEndAtOnce) {
    write_of(0);
    expect_ends(kBuffered, 0, 0);
    read_of(0);
    expect_ends(kBuffered, 0, 0);
    operation_.prepare_sync(FileHandle(1));
    expect_ends(kBuffered, 0, 0);
}

}  // namespace

}  // namespace timber
