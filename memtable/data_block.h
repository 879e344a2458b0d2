#pragma once
// The content of a data block: keys apart from values, so that a search walks over few cache lines.
//
//   head      kDataBlockHeadBytes, see FORMAT.md
//   restarts  per restart: where its keys and its values begin, 4 bytes each
//   keys      per entry: varint shared, varint unshared, varint value bytes, the unshared key bytes
//   trailers  per entry: sequence - base << 1 | remove, in as few bytes as the greatest needs
//   values    one after the other; zeros, up to kDataBlockSlackBytes in all
//
// "Shared" is exactly the number of bytes that a user key has in common with the one before it,
// 0 at a restart: the search below relies on it to tell, without looking at a key, that it still
// lies before the target.
//
// Thread:   DataBlock is a view of bytes that somebody else keeps; any thread.
// Failure:  bytes that are no such block are found out when parsed, or when the part that is wrong
//           is reached; nothing is read out of bounds.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "memtable/byte_buffer.h"
#include "memtable/internal_key.h"
#include "memtable/table_format.h"
#include "memtable/types.h"
#include "src/base/bytes.h"

namespace timber::memtable {

class DataBlockBuilder {
  public:
    explicit DataBlockBuilder(size_t restart_interval);

    // In the order of internal keys. `shared` is what the user key has in common with the one
    // before it (with nothing, for a block's first).
    void add(std::string_view user_key, size_t shared, uint64_t trailer, std::string_view value);
    bool empty() const { return trailers_.empty(); }
    // Of the block if it were finished now.
    size_t bytes() const;
    // What add() would add to that at most.
    static size_t bytes_of(std::string_view user_key, std::string_view value) {
        return user_key.size() + value.size() + 3 * 5 + sizeof(uint64_t) + kDataBlockRestartBytes;
    }
    // The block; good until the next add(), which begins another one.
    ByteView finish();

  private:
    size_t trailer_bytes() const;

    const size_t restart_interval_;
    ByteBuffer keys_;
    ByteBuffer values_;
    std::vector<uint64_t> trailers_;
    std::vector<uint32_t> restarts_;  // pairs
    uint64_t sequence_min_ = 0;
    uint64_t sequence_max_ = 0;
    ByteBuffer block_;
    bool finished_ = true;
};

class DataBlock {
  public:
    // An entry's key as it is stored.
    struct Entry {
        const char* unshared = nullptr;
        uint32_t shared_bytes = 0;
        uint32_t unshared_bytes = 0;
        uint32_t value_bytes = 0;
    };
    // Where an entry is stored.
    struct Place {
        const char* key = nullptr;
        const char* value = nullptr;
    };

    DataBlock() = default;
    // Nothing if the bytes are no data block.
    static std::optional<DataBlock> parse(std::string_view bytes);
    // From now on every entry is of this sequence.
    void override_sequence(Sequence sequence);

    uint32_t entries() const { return entries_; }
    uint32_t restarts() const { return restarts_; }
    uint32_t restart_interval() const { return restart_interval_; }
    uint64_t trailer(uint32_t entry) const {
        // Eight bytes can be read from any trailer on: the slack follows.
        uint64_t stored;
        std::memcpy(&stored, trailers_ + size_t{entry} * trailer_bytes_, sizeof stored);
        stored &= trailer_mask_;
        const uint64_t kind = static_cast<uint64_t>(EntryKind::kPut) - (stored & 1);
        return (sequence_base_ + (stored >> 1)) << 8 | kind;
    }

    // Of a restart, which must be one; nothing if it lies outside the block.
    bool place_of_restart(uint32_t restart, Place& place) const;
    // The entry at `place`, which then moves behind it. False if it reaches out of the block.
    bool read(Place& place, Entry& entry) const;

    // The last restart whose first entry lies before (user_key, trailer), 0 if none does; nothing
    // if the block is malformed.
    std::optional<uint32_t> restart_before(std::string_view user_key, uint64_t trailer) const;

    // The first entry of `user_key` whose trailer is at most `trailer`.
    enum class Outcome { kFound, kAbsent, kMalformed };
    struct Found {
        uint64_t trailer = 0;
        std::string_view value;
    };
    Outcome find(std::string_view user_key, uint64_t trailer, Found& found) const;

  private:
    const char* restart_places_ = nullptr;
    const char* keys_ = nullptr;
    const char* trailers_ = nullptr;  // where the keys end
    const char* values_ = nullptr;
    const char* values_end_ = nullptr;
    uint64_t sequence_base_ = 0;
    uint64_t trailer_mask_ = 0;
    uint32_t trailer_bytes_ = 0;
    uint32_t entries_ = 0;
    uint32_t restarts_ = 0;
    uint32_t restart_interval_ = 1;
};

namespace internal {
// A varint of at most 32 bits before `end`; null if it is malformed.
const char* read_long_varint(const char* at, const char* end, uint32_t& value);
}  // namespace internal

inline bool DataBlock::read(Place& place, Entry& entry) const {
    // Three bytes can be read anywhere in the keys: the slack follows.
    const auto first = static_cast<uint8_t>(place.key[0]);
    const auto second = static_cast<uint8_t>(place.key[1]);
    const auto third = static_cast<uint8_t>(place.key[2]);
    const char* at = place.key + 3;
    entry.shared_bytes = first;
    entry.unshared_bytes = second;
    entry.value_bytes = third;
    if ((first | second | third) >= 0x80) [[unlikely]] {
        at = internal::read_long_varint(place.key, trailers_, entry.shared_bytes);
        if (at != nullptr) at = internal::read_long_varint(at, trailers_, entry.unshared_bytes);
        if (at != nullptr) at = internal::read_long_varint(at, trailers_, entry.value_bytes);
        if (at == nullptr) return false;
    }
    if (trailers_ - at < static_cast<ptrdiff_t>(entry.unshared_bytes) ||
        values_end_ - place.value < static_cast<ptrdiff_t>(entry.value_bytes)) [[unlikely]]
        return false;
    entry.unshared = at;
    place.key = at + entry.unshared_bytes;
    place.value += entry.value_bytes;
    return true;
}

}  // namespace timber::memtable
