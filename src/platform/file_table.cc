#include "src/platform/file_table.h"

#include <unistd.h>

namespace timber {

namespace {

// A handle: slot in the low half, age in the high half.
// A slot: descriptor + 1 (0: free), a bit for direct, the age.
constexpr uint32_t kSlotBits = 16;
constexpr uint32_t kSlotMask = (uint32_t{1} << kSlotBits) - 1;
static_assert(kOpenFilesMax == kSlotMask + 1);
constexpr uint32_t kDirectBit = 31;
constexpr uint32_t kAgeShift = 32;
constexpr uint32_t kDescriptorMask = (uint32_t{1} << kDirectBit) - 1;

struct Slot {
    uint16_t age = 0;
    std::optional<Descriptor> file;
};

uint64_t encode(const Slot& slot) {
    uint64_t word = uint64_t{slot.age} << kAgeShift;
    if (slot.file) {
        word |= static_cast<uint32_t>(slot.file->fd) + 1;
        if (slot.file->direct) word |= uint64_t{1} << kDirectBit;
    }
    return word;
}

Slot decode(uint64_t word) {
    Slot slot = {.age = static_cast<uint16_t>(word >> kAgeShift), .file = std::nullopt};
    const auto descriptor = static_cast<uint32_t>(word) & kDescriptorMask;
    if (descriptor != 0) {
        slot.file = Descriptor{.fd = static_cast<int>(descriptor - 1),
                               .direct = (word >> kDirectBit & 1) != 0};
    }
    return slot;
}

uint32_t slot_number(FileHandle handle) { return handle.value() & kSlotMask; }

// The slot of an open handle.
Slot require_open(uint64_t word, FileHandle handle) {
    const Slot slot = decode(word);
    TIMBER_ASSERT(slot.file.has_value());
    TIMBER_ASSERT_OP(slot.age, ==, handle.value() >> kSlotBits);
    return slot;
}

}  // namespace

FileTable::FileTable() : slots_(std::make_unique<std::atomic<uint64_t>[]>(kOpenFilesMax)) {}

FileTable::~FileTable() {
    const MutexLock lock(mutex_);
    for (uint32_t number = 0; number < used_end_; ++number) {
        const Slot slot = decode(slots_[number]);
        if (slot.file) ::close(slot.file->fd);
    }
}

std::optional<FileHandle> FileTable::add(Descriptor file) {
    const MutexLock lock(mutex_);
    uint32_t number;
    if (!free_.empty()) {
        number = free_.back();
        free_.pop_back();
    } else if (used_end_ < kOpenFilesMax) {
        number = used_end_++;
    } else {
        return std::nullopt;
    }
    Slot slot = decode(slots_[number].load(std::memory_order_relaxed));
    TIMBER_ASSERT(!slot.file.has_value());
    ++slot.age;
    slot.file = file;
    slots_[number].store(encode(slot), std::memory_order_release);
    return FileHandle(uint32_t{slot.age} << kSlotBits | number);
}

Descriptor FileTable::get(FileHandle handle) const {
    const uint64_t word = slots_[slot_number(handle)].load(std::memory_order_acquire);
    return *require_open(word, handle).file;
}

Descriptor FileTable::take(FileHandle handle) {
    const MutexLock lock(mutex_);
    std::atomic<uint64_t>& word = slots_[slot_number(handle)];
    Slot slot = require_open(word.load(std::memory_order_relaxed), handle);
    const Descriptor file = *slot.file;
    slot.file.reset();
    word.store(encode(slot), std::memory_order_release);
    free_.push_back(slot_number(handle));
    return file;
}

}  // namespace timber
