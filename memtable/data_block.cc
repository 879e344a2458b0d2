#include "memtable/data_block.h"

#include <algorithm>
#include <bit>

#include "memtable/key_compare.h"
#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

// Places in the head.
constexpr size_t kBaseAt = 0;
constexpr size_t kKeysBytesAt = 8;
constexpr size_t kValuesBytesAt = 12;
constexpr size_t kEntriesAt = 16;
constexpr size_t kIntervalAt = 20;
constexpr size_t kTrailerBytesAt = 22;
static_assert(kTrailerBytesAt + 2 == kDataBlockHeadBytes);

// Zeros behind the values.
constexpr size_t slack_bytes(size_t values_bytes) {
    return values_bytes < kDataBlockSlackBytes ? kDataBlockSlackBytes - values_bytes : 0;
}

uint64_t mask_of(size_t bytes) {
    return bytes == 0 ? 0 : ~uint64_t{0} >> (64 - 8 * static_cast<unsigned>(bytes));
}

size_t bytes_needed(uint64_t value) { return (static_cast<size_t>(std::bit_width(value)) + 7) / 8; }

template <typename T>
T load_from(const char* from) {
    return load<T>(reinterpret_cast<const std::byte*>(from));
}

}  // namespace

DataBlockBuilder::DataBlockBuilder(size_t restart_interval) : restart_interval_(restart_interval) {
    TIMBER_ASSERT_OP(restart_interval, >=, 1u);
    TIMBER_ASSERT_OP(restart_interval, <=, kRestartIntervalMax);
}

void DataBlockBuilder::add(std::string_view user_key, size_t shared, uint64_t trailer,
                           std::string_view value) {
    if (finished_) {
        keys_.clear();
        values_.clear();
        trailers_.clear();
        restarts_.clear();
        sequence_min_ = sequence_max_ = trailer >> 8;
        finished_ = false;
    }
    if (trailers_.size() % restart_interval_ == 0) {
        restarts_.push_back(static_cast<uint32_t>(keys_.size()));
        restarts_.push_back(static_cast<uint32_t>(values_.size()));
        shared = 0;
    }
    const size_t unshared = user_key.size() - shared;
    std::byte* const key = keys_.room(3 * kVarintBytesMax + unshared);
    std::byte* to = key;
    to += store_varint(to, shared);
    to += store_varint(to, unshared);
    to += store_varint(to, value.size());
    copy_bytes(as_bytes(user_key.substr(shared)), to);
    keys_.commit(static_cast<size_t>(to - key) + unshared);
    values_.append(as_bytes(value));
    trailers_.push_back(trailer);
    sequence_min_ = std::min(sequence_min_, trailer >> 8);
    sequence_max_ = std::max(sequence_max_, trailer >> 8);
}

size_t DataBlockBuilder::trailer_bytes() const {
    if (sequence_min_ != sequence_max_) return bytes_needed((sequence_max_ - sequence_min_) << 1);
    const bool any_remove = std::ranges::any_of(
        trailers_, [](uint64_t trailer) { return (trailer & 0xff) != uint64_t{1}; });
    return any_remove ? 1 : 0;
}

size_t DataBlockBuilder::bytes() const {
    const size_t trailer_width =
        sequence_min_ == sequence_max_ ? 1 : bytes_needed((sequence_max_ - sequence_min_) << 1);
    return kDataBlockHeadBytes + restarts_.size() * sizeof(uint32_t) + keys_.size() +
           trailers_.size() * trailer_width + values_.size() + slack_bytes(values_.size());
}

ByteView DataBlockBuilder::finish() {
    TIMBER_ASSERT(!finished_ && !empty());
    const size_t width = trailer_bytes();
    const size_t restarts_bytes = restarts_.size() * sizeof(uint32_t);
    const size_t trailers_at = kDataBlockHeadBytes + restarts_bytes + keys_.size();
    const size_t values_at = trailers_at + trailers_.size() * width;
    const size_t slack = slack_bytes(values_.size());
    const size_t bytes = values_at + values_.size() + slack;
    block_.clear();
    std::byte* to = block_.room(bytes + sizeof(uint64_t));
    store(to + kBaseAt, sequence_min_);
    store(to + kKeysBytesAt, static_cast<uint32_t>(keys_.size()));
    store(to + kValuesBytesAt, static_cast<uint32_t>(values_.size()));
    store(to + kEntriesAt, static_cast<uint32_t>(trailers_.size()));
    store(to + kIntervalAt, static_cast<uint16_t>(restart_interval_));
    store(to + kTrailerBytesAt, static_cast<uint16_t>(width));
    copy_bytes(std::as_bytes(std::span(restarts_)), to + kDataBlockHeadBytes);
    copy_bytes(keys_.view(), to + kDataBlockHeadBytes + restarts_bytes);
    // Whole words are stored, each over the end of the one before; the values come last.
    for (size_t i = 0; i < trailers_.size(); ++i) {
        const bool remove = (trailers_[i] & 0xff) == static_cast<uint64_t>(EntryKind::kRemove);
        store(to + trailers_at + i * width,
              ((trailers_[i] >> 8) - sequence_min_) << 1 | uint64_t{remove});
    }
    copy_bytes(values_.view(), to + values_at);
    std::fill_n(to + bytes - slack, slack, std::byte{0});
    block_.commit(bytes);
    finished_ = true;
    return block_.view();
}

std::optional<DataBlock> DataBlock::parse(std::string_view bytes) {
    if (bytes.size() < kDataBlockHeadBytes) return std::nullopt;
    const char* head = bytes.data();
    DataBlock block;
    block.sequence_base_ = load_from<uint64_t>(head + kBaseAt);
    const uint64_t keys_bytes = load_from<uint32_t>(head + kKeysBytesAt);
    const uint64_t values_bytes = load_from<uint32_t>(head + kValuesBytesAt);
    block.entries_ = load_from<uint32_t>(head + kEntriesAt);
    block.restart_interval_ = load_from<uint16_t>(head + kIntervalAt);
    block.trailer_bytes_ = load_from<uint16_t>(head + kTrailerBytesAt);
    if (block.entries_ == 0 || block.restart_interval_ == 0 ||
        block.trailer_bytes_ > sizeof(uint64_t))
        return std::nullopt;
    block.restarts_ = (block.entries_ - 1) / block.restart_interval_ + 1;
    const uint64_t restarts_bytes = uint64_t{block.restarts_} * kDataBlockRestartBytes;
    const uint64_t trailers_bytes = uint64_t{block.entries_} * block.trailer_bytes_;
    if (kDataBlockHeadBytes + restarts_bytes + keys_bytes + trailers_bytes + values_bytes +
            slack_bytes(values_bytes) !=
        bytes.size())
        return std::nullopt;
    block.restart_places_ = head + kDataBlockHeadBytes;
    block.keys_ = block.restart_places_ + restarts_bytes;
    block.trailers_ = block.keys_ + keys_bytes;
    block.values_ = block.trailers_ + trailers_bytes;
    block.values_end_ = block.values_ + values_bytes;
    block.trailer_mask_ = mask_of(block.trailer_bytes_);
    return block;
}

void DataBlock::override_sequence(Sequence sequence) {
    sequence_base_ = sequence.value();
    trailer_mask_ &= 1;
}

bool DataBlock::place_of_restart(uint32_t restart, Place& place) const {
    const char* from = restart_places_ + size_t{restart} * kDataBlockRestartBytes;
    const auto key_at = load_from<uint32_t>(from);
    const auto value_at = load_from<uint32_t>(from + sizeof(uint32_t));
    if (key_at >= static_cast<uint64_t>(trailers_ - keys_) ||
        value_at > static_cast<uint64_t>(values_end_ - values_))
        return false;
    place = {keys_ + key_at, values_ + value_at};
    return true;
}

std::optional<uint32_t> DataBlock::restart_before(std::string_view user_key,
                                                  uint64_t trailer_sought) const {
    uint32_t low = 0;
    uint32_t high = restarts_;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        Place place;
        Entry entry;
        if (!place_of_restart(middle, place) || !read(place, entry) || entry.shared_bytes != 0)
            return std::nullopt;
        const int order = compare_keys({entry.unshared, entry.unshared_bytes}, user_key);
        const bool before =
            order < 0 || (order == 0 && trailer(middle * restart_interval_) > trailer_sought);
        (before ? low : high) = middle;
    }
    return low;
}

DataBlock::Outcome DataBlock::find(std::string_view user_key, uint64_t trailer_sought,
                                   Found& found) const {
    const std::optional<uint32_t> restart = restart_before(user_key, trailer_sought);
    Place place;
    if (!restart || !place_of_restart(*restart, place)) return Outcome::kMalformed;
    // The bytes that the last entry looked at, which lies before what is sought, has in common
    // with `user_key`.
    size_t matched = 0;
    uint32_t until_restart = 0;
    for (uint32_t at = *restart * restart_interval_; at < entries_; ++at, --until_restart) {
        const char* value = place.value;
        Entry entry;
        if (!read(place, entry)) return Outcome::kMalformed;
        if (until_restart == 0) {
            if (entry.shared_bytes != 0) return Outcome::kMalformed;
            until_restart = restart_interval_;
            matched = 0;
        }
        // Where it differs from its predecessor behind the place where that one differs from the
        // target, it lies before the target too; where before that place, behind the target.
        if (entry.shared_bytes > matched) continue;
        if (entry.shared_bytes < matched) return Outcome::kAbsent;
        const std::string_view rest = user_key.substr(matched);
        const std::string_view unshared(entry.unshared, entry.unshared_bytes);
        const size_t common = common_prefix(unshared, rest);
        matched += common;
        if (common == unshared.size()) {
            if (common < rest.size()) continue;
            const uint64_t stored = trailer(at);
            if (stored > trailer_sought) continue;
            found = {stored, {value, entry.value_bytes}};
            return Outcome::kFound;
        }
        if (common == rest.size()) return Outcome::kAbsent;
        if (static_cast<uint8_t>(unshared[common]) > static_cast<uint8_t>(rest[common]))
            return Outcome::kAbsent;
    }
    return Outcome::kAbsent;
}

namespace internal {

const char* read_long_varint(const char* at, const char* end, uint32_t& value) {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (at >= end) return nullptr;
        const auto byte = static_cast<uint8_t>(*at++);
        result |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) {
            if (result > UINT32_MAX) return nullptr;
            value = static_cast<uint32_t>(result);
            return at;
        }
    }
    return nullptr;
}

}  // namespace internal

}  // namespace timber::memtable
