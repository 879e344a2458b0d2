#include "memtable/write_batch.h"

#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber::memtable {
namespace {

// An operation: kind and family in one byte, the lengths of key and value as varints, key, value.
constexpr size_t kHeadBytesMax = 1 + 2 * kVarintBytesMax;
constexpr unsigned kFamilyShift = 4;

// Of a length that append() wrote.
uint64_t read_varint(const std::byte*& at) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<uint64_t>(*at++);
        value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return value;
    }
}

Status check_operation(const WriteBatch::Operation& operation, size_t number) {
    const bool range = operation.kind == WriteBatch::Kind::kRemoveRange;
    const size_t value_bytes_max = range ? kKeyBytesMax : kValueBytesMax;
    if (operation.key.size() <= kKeyBytesMax && operation.value.size() <= value_bytes_max)
        return {};
    return make_error(ErrorCode::kTooLarge,
                      "operation " + std::to_string(number) + " of the batch: a key of " +
                          std::to_string(operation.key.size()) + " bytes (at most " +
                          std::to_string(kKeyBytesMax) + ") with " +
                          (range ? "an end" : "a value") + " of " +
                          std::to_string(operation.value.size()) + " (at most " +
                          std::to_string(value_bytes_max) + ")");
}

}  // namespace

void WriteBatch::put(Family family, std::string_view key, std::string_view value) {
    append(Kind::kPut, family, key, value);
}

void WriteBatch::remove(Family family, std::string_view key) {
    append(Kind::kRemove, family, key, {});
}

void WriteBatch::remove_range(Family family, std::string_view begin, std::string_view end) {
    append(Kind::kRemoveRange, family, begin, end);
}

void WriteBatch::clear() {
    bytes_.clear();
    operations_ = 0;
}

Status WriteBatch::check_limits() const {
    if (bytes_.size() > kBatchBytesMax)
        return make_error(ErrorCode::kTooLarge, "a batch of " + std::to_string(bytes_.size()) +
                                                    " bytes in " + std::to_string(operations_) +
                                                    " operations (at most " +
                                                    std::to_string(kBatchBytesMax) + ")");
    size_t number = 0;
    for (size_t at = 0; at < bytes_.size(); ++number)
        TIMBER_CHECK(check_operation(decode(at), number));
    TIMBER_ASSERT_OP(number, ==, operations_);
    return {};
}

void WriteBatch::append(Kind kind, Family family, std::string_view key, std::string_view value) {
    std::byte head[kHeadBytesMax];
    head[0] = static_cast<std::byte>(static_cast<unsigned>(family) << kFamilyShift |
                                     static_cast<unsigned>(kind));
    size_t head_bytes = 1;
    head_bytes += store_varint(head + head_bytes, key.size());
    head_bytes += store_varint(head + head_bytes, value.size());

    const size_t at = bytes_.size();
    bytes_.resize(at + head_bytes + key.size() + value.size());
    std::byte* to = bytes_.data() + at;
    copy_bytes({head, head_bytes}, to);
    copy_bytes(as_bytes(key), to + head_bytes);
    copy_bytes(as_bytes(value), to + head_bytes + key.size());
    ++operations_;
}

WriteBatch::Operation WriteBatch::decode(size_t& at) const {
    TIMBER_ASSERT_OP(at, <, bytes_.size());
    const std::byte* from = bytes_.data() + at;
    const auto head = static_cast<unsigned>(*from++);
    const uint64_t key_bytes = read_varint(from);
    const uint64_t value_bytes = read_varint(from);
    const auto* text = reinterpret_cast<const char*>(from);
    at = static_cast<size_t>(from - bytes_.data()) + key_bytes + value_bytes;
    TIMBER_ASSERT_OP(at, <=, bytes_.size());
    return {static_cast<Kind>(head & ((1u << kFamilyShift) - 1)),
            static_cast<Family>(head >> kFamilyShift),
            {text, key_bytes},
            {text + key_bytes, value_bytes}};
}

}  // namespace timber::memtable
