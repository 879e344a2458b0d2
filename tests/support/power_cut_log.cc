#include "tests/support/power_cut_log.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "src/base/assert.h"

namespace timber {

struct PowerCutLog::Shared {
    std::atomic<uint32_t> active;
    std::atomic<uint64_t> end[2];
};

// Followed by image, path, path_to.
struct PowerCutLog::Header {
    uint64_t bytes;  // header and payload, rounded up
    uint64_t sequence;
    uint32_t dropped;
    PowerCutKind kind;
    uint64_t file;
    uint64_t offset;
    uint64_t length;
    uint64_t old_size;
    uint64_t replaced;
    uint64_t image_bytes;
    uint32_t path_bytes;
    uint32_t path_to_bytes;
};

namespace {

constexpr size_t kSharedBytes = 4096;
constexpr size_t kRecordAlignment = 8;

}  // namespace

PowerCutLog::PowerCutLog(size_t bytes, PowerCutMemory memory)
    : half_bytes_(round_up(bytes, kSharedBytes)) {
    static_assert(sizeof(Shared) <= kSharedBytes);
    const size_t mapped_bytes = kSharedBytes + 2 * half_bytes_;
    const bool anonymous = memory.file < 0;
    if (!anonymous)
        TIMBER_ASSERT(::ftruncate(memory.file, static_cast<off_t>(memory.offset + mapped_bytes)) ==
                      0);
    void* mapped = ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_NORESERVE | (anonymous ? MAP_ANONYMOUS : 0), memory.file,
                          static_cast<off_t>(memory.offset));
    TIMBER_ASSERT(mapped != MAP_FAILED);
    shared_ = static_cast<Shared*>(mapped);
}

PowerCutLog::~PowerCutLog() { ::munmap(shared_, kSharedBytes + 2 * half_bytes_); }

std::byte* PowerCutLog::half(unsigned number) const {
    return reinterpret_cast<std::byte*>(shared_) + kSharedBytes + number * half_bytes_;
}

PowerCutLog::Header& PowerCutLog::header_at(size_t position) const {
    return *reinterpret_cast<Header*>(half(shared_->active) + position);
}

void PowerCutLog::attach() {
    live_.clear();
    sequence_next_ = 1;
    const uint64_t end = shared_->end[shared_->active];
    for (size_t position = 0; position < end; position += header_at(position).bytes) {
        const Header& header = header_at(position);
        if (header.dropped == 0) live_[header.sequence] = position;
        sequence_next_ = header.sequence + 1;
    }
}

size_t PowerCutLog::put(unsigned number, size_t position, const Header& header,
                        ByteView payload) const {
    std::byte* to = half(number) + position;
    std::memcpy(to, &header, sizeof(header));
    if (!payload.empty()) std::memcpy(to + sizeof(header), payload.data(), payload.size());
    return position + header.bytes;
}

uint64_t PowerCutLog::append(const PowerCutRecord& record) {
    const size_t payload_bytes = record.image.size() + record.path.size() + record.path_to.size();
    const Header header = {.bytes = round_up(sizeof(Header) + payload_bytes, kRecordAlignment),
                           .sequence = sequence_next_,
                           .dropped = 0,
                           .kind = record.kind,
                           .file = record.file,
                           .offset = record.offset,
                           .length = record.length,
                           .old_size = record.old_size,
                           .replaced = record.replaced,
                           .image_bytes = record.image.size(),
                           .path_bytes = static_cast<uint32_t>(record.path.size()),
                           .path_to_bytes = static_cast<uint32_t>(record.path_to.size())};
    make_room(header.bytes);
    const unsigned active = shared_->active;
    const size_t position = shared_->end[active];
    const size_t next = put(active, position, header, record.image);
    std::byte* names = half(active) + position + sizeof(Header) + record.image.size();
    if (!record.path.empty()) std::memcpy(names, record.path.data(), record.path.size());
    names += record.path.size();
    if (!record.path_to.empty()) std::memcpy(names, record.path_to.data(), record.path_to.size());
    shared_->end[active].store(next, std::memory_order_release);
    live_[sequence_next_] = position;
    return sequence_next_++;
}

void PowerCutLog::drop(uint64_t sequence) {
    const auto found = live_.find(sequence);
    if (found == live_.end()) return;
    header_at(found->second).dropped = 1;
    live_.erase(found);
}

void PowerCutLog::clear() {
    shared_->end[shared_->active] = 0;
    attach();
}

void PowerCutLog::visit(const Visitor& visitor) const {
    for (const auto& [sequence, position] : live_) {
        const Header& header = header_at(position);
        const std::byte* payload = reinterpret_cast<const std::byte*>(&header) + sizeof(Header);
        const auto text = [&](size_t from, size_t bytes) {
            return as_text(ByteView(payload + from, bytes));
        };
        visitor(sequence,
                {.kind = header.kind,
                 .file = header.file,
                 .offset = header.offset,
                 .length = header.length,
                 .old_size = header.old_size,
                 .replaced = header.replaced,
                 .image = ByteView(payload, header.image_bytes),
                 .path = text(header.image_bytes, header.path_bytes),
                 .path_to = text(header.image_bytes + header.path_bytes, header.path_to_bytes)});
    }
}

void PowerCutLog::make_room(size_t bytes) {
    const auto fits = [&] { return shared_->end[shared_->active] + bytes <= half_bytes_; };
    if (fits()) return;
    move_to_other_half();
    if (fits()) return;
    std::fprintf(stderr, "power-cut log: no room for %zu bytes beside %zu live records in %zu\n",
                 bytes, live_.size(), half_bytes_);
    std::abort();
}

// The other half counts from the moment that `active` names it: until then the old one is whole.
void PowerCutLog::move_to_other_half() {
    const unsigned other = 1 - shared_->active;
    size_t end = 0;
    std::map<uint64_t, size_t> moved;
    for (const auto& [sequence, position] : live_) {
        const Header& header = header_at(position);
        const auto* payload = reinterpret_cast<const std::byte*>(&header) + sizeof(Header);
        moved[sequence] = end;
        end = put(other, end, header, ByteView(payload, header.bytes - sizeof(Header)));
    }
    shared_->end[other].store(end, std::memory_order_release);
    shared_->active.store(other, std::memory_order_release);
    live_ = std::move(moved);
}

}  // namespace timber
