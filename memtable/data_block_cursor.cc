#include "memtable/data_block_cursor.h"

#include <algorithm>

#include "memtable/key_compare.h"
#include "src/base/assert.h"

namespace timber::memtable {

void DataBlockCursor::enter(const DataBlock& block) {
    block_ = block;
    valid_ = malformed_ = in_slots_ = false;
    slots_interval_ = kNoInterval;
    if (key_buffer_ == nullptr) grow_key(0);
}

void DataBlockCursor::grow_key(size_t bytes) {
    const size_t capacity = std::max<size_t>(256, 2 * (bytes + kKeySlackBytes));
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (key_bytes_ > 0) std::memcpy(grown.get(), key_buffer_.get(), key_bytes_);
    key_buffer_ = std::move(grown);
    key_capacity_ = capacity;
}

void DataBlockCursor::fail() {
    valid_ = false;
    malformed_ = true;
}

bool DataBlockCursor::go_to_restart(uint32_t restart) {
    in_slots_ = false;
    at_ = restart * block_.restart_interval();
    until_restart_ = 0;
    key_bytes_ = 0;
    return block_.place_of_restart(restart, place_);
}

void DataBlockCursor::to_first() {
    if (!go_to_restart(0) || !read_entry()) return fail();
    show();
}

void DataBlockCursor::to_last() {
    const uint32_t last = block_.entries() - 1;
    if (!fill_slots(last / block_.restart_interval())) return fail();
    show_slot(last);
}

void DataBlockCursor::seek(std::string_view target) {
    const std::string_view user_key = user_key_of(target);
    const uint64_t sought = trailer_of(target);
    const std::optional<uint32_t> restart = block_.restart_before(user_key, sought);
    if (!restart || !go_to_restart(*restart)) return fail();
    // As in DataBlock::find, which tells why keys are skipped unseen.
    size_t matched = 0;
    for (; at_ < block_.entries(); ++at_) {
        if (until_restart_ == 0) matched = 0;
        if (!read_entry()) return fail();
        if (entry_.shared_bytes > matched) continue;
        if (entry_.shared_bytes < matched) return show();
        const std::string_view rest = user_key.substr(matched);
        const std::string_view unshared(entry_.unshared, entry_.unshared_bytes);
        const size_t common = common_prefix(unshared, rest);
        matched += common;
        if (common == unshared.size()) {
            if (common < rest.size() || block_.trailer(at_) > sought) continue;
            return show();
        }
        if (common == rest.size() ||
            static_cast<uint8_t>(unshared[common]) > static_cast<uint8_t>(rest[common]))
            return show();
    }
    valid_ = false;
}

bool DataBlockCursor::fill_slots(uint32_t interval) {
    if (slots_interval_ == interval) return true;
    slots_interval_ = kNoInterval;
    if (!go_to_restart(interval)) return false;
    slots_.clear();
    slot_keys_.clear();
    const uint32_t end = std::min(block_.entries() - at_, block_.restart_interval()) + at_;
    for (uint32_t entry = at_; entry < end; ++entry) {
        if (!read_entry()) return false;
        const uint64_t trailer = block_.trailer(entry);
        slots_.push_back({slot_keys_.size(), key_bytes_ + kTrailerBytes, value_, place_});
        slot_keys_.append(key_buffer_.get(), key_bytes_);
        slot_keys_.append(reinterpret_cast<const char*>(&trailer), sizeof trailer);
    }
    slots_interval_ = interval;
    return true;
}

void DataBlockCursor::show_slot(uint32_t at) {
    const Slot& slot = slots_[at % block_.restart_interval()];
    at_ = at;
    in_slots_ = true;
    key_ = std::string_view(slot_keys_).substr(slot.key_at, slot.key_bytes);
    value_ = slot.value;
    valid_ = true;
}

void DataBlockCursor::leave_slots() {
    const Slot& slot = slots_[at_ % block_.restart_interval()];
    place_ = slot.behind;
    key_bytes_ = slot.key_bytes - kTrailerBytes;
    // There is room: the slots were filled through this buffer.
    std::memcpy(key_buffer_.get(), slot_keys_.data() + slot.key_at, key_bytes_);
    until_restart_ = block_.restart_interval() - 1 - at_ % block_.restart_interval();
    in_slots_ = false;
}

void DataBlockCursor::prev() {
    TIMBER_ASSERT(valid_);
    if (at_ == 0) {
        valid_ = false;
        return;
    }
    const uint32_t before = at_ - 1;
    if (!fill_slots(before / block_.restart_interval())) return fail();
    show_slot(before);
}

}  // namespace timber::memtable
