// A table's index on arbitrary bytes: what decodes covers the data blocks without a gap, and its
// searches answer as a walk over all separators does.
//
// The first four bytes say how long the data blocks are, in units of kBlockAlignment.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "memtable/table_format.h"
#include "memtable/table_index.h"
#include "src/base/coding.h"

namespace timber::memtable {
namespace {

constexpr size_t kBlocksLookedAt = 64;

// The first block whose separator is at or behind `key`.
size_t first_at_or_behind(const TableIndex& index, std::string_view key) {
    size_t block = 0;
    while (block < index.blocks() && index.separator(block) < key) ++block;
    return block;
}

void check_search(const TableIndex& index, const std::string& key) {
    TIMBER_ASSERT_OP(index.find(key, UINT64_MAX), ==, first_at_or_behind(index, key));
    // An older version lies in the same block or behind.
    TIMBER_ASSERT_OP(index.find(key, 0), >=, index.find(key, UINT64_MAX));
    TIMBER_ASSERT_OP(index.find(key, 0), <=, index.blocks());
}

void check(const TableIndex& index, uint64_t data_bytes) {
    uint64_t end = 0;
    for (size_t block = 0; block < index.blocks(); ++block) {
        TIMBER_ASSERT_OP(index.offset(block), ==, end);
        TIMBER_ASSERT_OP(index.bytes(block), >, 0u);
        end += index.bytes(block);
    }
    TIMBER_ASSERT_OP(end, ==, data_bytes);
    check_search(index, "");
    for (size_t block = 0; block < std::min(index.blocks(), kBlocksLookedAt); ++block) {
        std::string key = index.separator(block);
        check_search(index, key);
        check_search(index, key + '\0');
        if (!key.empty()) key.pop_back();
        check_search(index, key);
    }
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    ByteReader reader(ByteView(reinterpret_cast<const std::byte*>(data), size));
    const uint64_t data_bytes = uint64_t{reader.fixed<uint32_t>()} * kBlockAlignment;
    if (!reader.ok()) return 0;
    const auto index = TableIndex::decode(reader.bytes(reader.remaining()), data_bytes);
    if (index) check(*index, data_bytes);
    return 0;
}
