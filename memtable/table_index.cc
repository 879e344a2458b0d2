#include "memtable/table_index.h"

#include <algorithm>

#include "memtable/internal_key.h"
#include "memtable/key_compare.h"
#include "memtable/table_format.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

// Of all separators together: what the offsets into them can count.
constexpr uint64_t kSeparatorBytesMax = 1_GiB;

}  // namespace

std::string shortest_separator(std::string_view left, std::string_view right) {
    TIMBER_ASSERT(left < right);
    const size_t common = common_prefix(left, right);
    // A prefix of `right` that reaches behind the first difference lies behind `left`; it is a
    // separator if it is not all of `right`.
    if (common == left.size()) return std::string(left);
    if (common + 1 < right.size()) return std::string(right.substr(0, common + 1));
    // No byte lies between "ab1" and "ab2": "ab1..." with a byte raised is what is left.
    std::string separator(left);
    const size_t first =
        static_cast<uint8_t>(left[common]) + 1 < static_cast<uint8_t>(right[common]) ? common
                                                                                     : common + 1;
    for (size_t at = first; at < separator.size(); ++at) {
        if (static_cast<uint8_t>(separator[at]) == 0xff) continue;
        separator[at] = static_cast<char>(static_cast<uint8_t>(separator[at]) + 1);
        separator.resize(at + 1);
        break;
    }
    return separator;
}

void TableIndexBuilder::add(uint64_t bytes, std::string_view last,
                            std::optional<std::string_view> next) {
    TIMBER_ASSERT_OP(bytes % kBlockAlignment, ==, 0u);
    const std::string_view user_key = user_key_of(last);
    if (!next) {
        append(user_key, std::nullopt, bytes);
    } else if (user_key_of(*next) == user_key) {
        append(user_key, trailer_of(last), bytes);
    } else {
        append(shortest_separator(user_key, user_key_of(*next)), std::nullopt, bytes);
    }
}

void TableIndexBuilder::append(std::string_view separator, std::optional<uint64_t> trailer,
                               uint64_t bytes) {
    const size_t shared = common_prefix(separator_last_, separator);
    put_varint(entries_, shared);
    put_varint(entries_, (separator.size() - shared) << 1 | uint64_t{trailer.has_value()});
    put_bytes(entries_, as_bytes(separator.substr(shared)));
    if (trailer) put_fixed(entries_, *trailer);
    put_varint(entries_, bytes / kBlockAlignment);
    separator_last_ = separator;
    separator_bytes_ += separator.size();
    ++blocks_;
}

std::vector<std::byte> TableIndexBuilder::finish() const {
    std::vector<std::byte> payload;
    payload.reserve(bytes());
    put_varint(payload, blocks_);
    put_varint(payload, separator_bytes_);
    put_bytes(payload, entries_);
    return payload;
}

Result<TableIndex> TableIndex::decode(ByteView payload, uint64_t data_bytes) {
    ByteReader reader(payload);
    const uint64_t blocks = reader.varint();
    const uint64_t separator_bytes = reader.varint();
    // A block takes three bytes in the index at least.
    if (!reader.ok() || blocks > reader.remaining() / 3) return damaged("the index is cut short");
    if (separator_bytes > std::min(kSeparatorBytesMax, blocks * kKeyBytesMax))
        return damaged("the index is impossibly large");
    TableIndex index;
    index.blocks_ = blocks;
    index.offsets_.reserve(blocks + 1);
    std::string keys;
    keys.reserve(separator_bytes);
    std::vector<std::string_view> separators;
    separators.reserve(blocks);
    uint64_t offset = 0;
    std::string_view last;
    for (uint64_t block = 0; block < blocks; ++block) {
        const uint64_t shared = reader.varint();
        const uint64_t size = reader.varint();
        const std::string_view unshared = as_text(reader.bytes(size >> 1));
        const bool is_exact = (size & 1) != 0;
        const auto trailer = is_exact ? reader.fixed<uint64_t>() : 0;
        const uint64_t units = reader.varint();
        if (!reader.ok() || shared > last.size() ||
            shared + unshared.size() > separator_bytes - keys.size())
            return damaged("an entry of the index is malformed");
        if (units == 0 || units > data_bytes / kOffsetUnitBytes - offset)
            return damaged("the index reaches behind the data blocks");
        // There is room, so the views stay good.
        const size_t at = keys.size();
        keys.append(last.substr(0, shared)).append(unshared);
        const std::string_view separator = std::string_view(keys).substr(at);
        const bool repeats = block > 0 && separator == last;
        if (block > 0 && separator < last) return damaged("the index is not in order");
        if (repeats && (index.exacts_.empty() || index.exacts_.back().block != block - 1))
            return damaged("the index names a key twice");
        if (is_exact) {
            if (repeats && index.exacts_.back().trailer <= trailer)
                return damaged("the index is not in order");
            index.exacts_.push_back({static_cast<uint32_t>(block), trailer});
        }
        index.offsets_.push_back(static_cast<uint32_t>(offset));
        offset += units;
        separators.push_back(separator);
        last = separator;
    }
    index.offsets_.push_back(static_cast<uint32_t>(offset));
    if (!reader.done() || offset * kOffsetUnitBytes != data_bytes || keys.size() != separator_bytes)
        return damaged("the index does not fit the data blocks");
    index.strip_common(separators);
    return index;
}

void TableIndex::strip_common(const std::vector<std::string_view>& separators) {
    if (separators.empty()) {
        rest_ends_.push_back(0);
        return;
    }
    // In order, so what the first and the last have in common all have.
    common_ = separators.front().substr(0, common_prefix(separators.front(), separators.back()));
    size_t bytes = 0;
    for (const std::string_view separator : separators) bytes += separator.size() - common_.size();
    rests_.reserve(bytes);
    prefixes_.reserve(blocks_);
    rest_ends_.reserve(blocks_ + 1);
    for (const std::string_view separator : separators) {
        const std::string_view rest = separator.substr(common_.size());
        rest_ends_.push_back(static_cast<uint32_t>(rests_.size()));
        prefixes_.push_back(ordered_prefix(rest));
        rests_.append(rest);
    }
    rest_ends_.push_back(static_cast<uint32_t>(rests_.size()));
}

// The first block whose separator's rest is at or behind `sought`.
size_t TableIndex::find_rest(std::string_view sought) const {
    const uint64_t prefix = ordered_prefix(sought);
    // Without branches: a mispredicted one costs more than the halves that it saves.
    const uint64_t* base = prefixes_.data();
    size_t count = prefixes_.size();
    while (count > 1) {
        const size_t half = count / 2;
        base = base[half - 1] < prefix ? base + half : base;
        count -= half;
    }
    const auto low = static_cast<size_t>(base - prefixes_.data()) + (*base < prefix ? 1 : 0);
    if (low == blocks_ || prefixes_[low] != prefix || rest(low) >= sought) return low;
    const auto end =
        std::upper_bound(prefixes_.begin() + static_cast<ptrdiff_t>(low), prefixes_.end(), prefix);
    size_t first = low + 1;
    auto last = static_cast<size_t>(end - prefixes_.begin());
    while (first < last) {
        const size_t middle = first + (last - first) / 2;
        if (rest(middle) < sought)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

const TableIndex::Exact* TableIndex::exact(size_t block) const {
    const auto found = std::ranges::lower_bound(exacts_, block, {}, &Exact::block);
    return found != exacts_.end() && found->block == block ? &*found : nullptr;
}

size_t TableIndex::find(std::string_view user_key, uint64_t trailer) const {
    if (blocks_ == 0) return 0;
    const int order = user_key.substr(0, common_.size()).compare(common_);
    if (order != 0) return order < 0 ? 0 : blocks_;
    const std::string_view sought = user_key.substr(common_.size());
    size_t block = find_rest(sought);
    if (exacts_.empty() || block == blocks_ || rest(block) != sought) return block;
    // Its versions may go on over several blocks: past those that end with newer ones.
    const auto first = std::ranges::lower_bound(exacts_, block, {}, &Exact::block);
    for (auto at = first; at != exacts_.end() && at->block == block && at->trailer > trailer;
         ++at) {
        ++block;
        if (block == blocks_ || rest(block) != sought) break;
    }
    return block;
}

std::string TableIndex::separator(size_t block) const {
    TIMBER_ASSERT_OP(block, <, blocks_);
    return common_ + std::string(rest(block));
}

size_t TableIndex::memory_bytes() const {
    return common_.capacity() + rests_.capacity() + prefixes_.capacity() * sizeof(uint64_t) +
           rest_ends_.capacity() * sizeof(uint32_t) + offsets_.capacity() * sizeof(uint32_t) +
           exacts_.capacity() * sizeof(Exact);
}

}  // namespace timber::memtable
