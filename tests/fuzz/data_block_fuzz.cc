// A data block on arbitrary bytes: walks and searches end, and read nothing outside. A block built
// anew of the entries that were found answers as a sorted list of them does.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "memtable/data_block.h"
#include "memtable/data_block_cursor.h"
#include "memtable/key_compare.h"
#include "src/base/assert.h"

namespace timber::memtable {
namespace {

constexpr size_t kEntriesMax = 2000;

struct Entry {
    std::string key;  // internal
    std::string value;
};
using Entries = std::vector<Entry>;

Entries walk(const DataBlock& block) {
    Entries entries;
    DataBlockCursor cursor;
    cursor.enter(block);
    for (cursor.to_first(); cursor.valid() && entries.size() < kEntriesMax; cursor.next())
        entries.push_back({std::string(cursor.key()), std::string(cursor.value())});
    return entries;
}

void search(const DataBlock& block, std::string_view key) {
    DataBlockCursor cursor;
    cursor.enter(block);
    cursor.seek(key);
    for (int steps = 0; cursor.valid() && steps < 40; ++steps)
        steps % 3 == 2 ? cursor.next() : cursor.prev();
    DataBlock::Found found;
    TIMBER_MAYBE(block.find(user_key_of(key), trailer_of(key), found) ==
                 DataBlock::Outcome::kFound);
}

void walk_back(const DataBlock& block) {
    DataBlockCursor cursor;
    cursor.enter(block);
    size_t steps = 0;
    for (cursor.to_last(); cursor.valid() && steps < kEntriesMax; cursor.prev()) ++steps;
}

// Sorted and each once, as a writer would add them.
void make_honest(Entries& entries) {
    std::ranges::stable_sort(entries, [](const Entry& left, const Entry& right) {
        return compare_internal(left.key, right.key) < 0;
    });
    const auto same = [](const Entry& left, const Entry& right) { return left.key == right.key; };
    entries.erase(std::ranges::unique(entries, same).begin(), entries.end());
    // Of a kind and a sequence that an entry may have.
    std::erase_if(entries, [](const Entry& entry) { return !parse_internal_key(entry.key); });
}

void check_twin(const Entries& entries, size_t interval) {
    if (entries.empty()) return;
    DataBlockBuilder builder(interval);
    std::string_view last;
    for (const Entry& entry : entries) {
        const std::string_view user_key = user_key_of(entry.key);
        builder.add(user_key, common_prefix(last, user_key), trailer_of(entry.key), entry.value);
        last = user_key;
    }
    const ByteView bytes = builder.finish();
    const std::vector<std::byte> copy(bytes.begin(), bytes.end());
    const DataBlock block = DataBlock::parse(as_text(copy)).value();
    const Entries seen = walk(block);
    TIMBER_ASSERT(std::ranges::equal(seen, entries, [](const Entry& left, const Entry& right) {
        return left.key == right.key && left.value == right.value;
    }));
    DataBlockCursor cursor;
    cursor.enter(block);
    for (const Entry& entry : entries) {
        DataBlock::Found found;
        TIMBER_ASSERT(block.find(user_key_of(entry.key), trailer_of(entry.key), found) ==
                      DataBlock::Outcome::kFound);
        TIMBER_ASSERT_OP(found.trailer, ==, trailer_of(entry.key));
        TIMBER_ASSERT(found.value == entry.value);
        cursor.seek(entry.key);
        TIMBER_ASSERT(cursor.valid() && cursor.key() == entry.key);
    }
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::optional<DataBlock> block = DataBlock::parse(input);
    if (!block) return 0;
    Entries entries = walk(*block);
    walk_back(*block);
    for (size_t at = 0; at < std::min<size_t>(entries.size(), 50); ++at)
        search(*block, entries[at].key);
    for (size_t at = kTrailerBytes; at < std::min<size_t>(size, 100); at += 7)
        search(*block, input.substr(0, at));
    make_honest(entries);
    check_twin(entries, size % 20 + 1);
    block->override_sequence(Sequence(9));
    TIMBER_ASSERT_OP(walk(*block).size(), <=, kEntriesMax);
    return 0;
}
