#include "memtable/read_ahead.h"

#include <algorithm>

namespace timber::memtable {

ReadAhead::Window* ReadAhead::window_of(size_t block) {
    for (Window& window : windows_)
        if (window.holds(block)) return &window;
    return nullptr;
}

bool ReadAhead::holds(size_t block) const {
    return std::ranges::any_of(windows_, [&](const Window& window) { return window.holds(block); });
}

void ReadAhead::wait(Window& window) {
    if (!window.waiting) return;
    table_.disk().wait(window.op);
    window.waiting = false;
}

void ReadAhead::settle() {
    for (Window& window : windows_) wait(window);
}

Result<ByteView> ReadAhead::stored(size_t block) {
    TIMBER_ASSERT(holds(block));
    Window& window = *window_of(block);
    wait(window);
    if (!window.op.result()) {
        // Asked for again, it is read again.
        window.end = window.first;
        return with_place(window.op.result().error(), table_.path(), window.op);
    }
    const uint64_t offset = table_.index().offset(block);
    const size_t there = *window.op.result();
    const size_t from = std::min<size_t>(offset - window.offset, there);
    const size_t bytes = std::min<size_t>(table_.index().bytes(block), there - from);
    return ByteView(window.buffer.data() + from, bytes);
}

std::optional<size_t> ReadAhead::next_unasked(size_t block, bool forward) {
    const Window* window = window_of(block);
    if (window == nullptr) return std::nullopt;
    if (!forward && window->first == 0) return std::nullopt;
    const size_t next = forward ? window->end : window->first - 1;
    if (next >= table_.index().blocks() || holds(next)) return std::nullopt;
    return next;
}

bool ReadAhead::in_second_half(size_t block, bool forward) const {
    const auto window =
        std::ranges::find_if(windows_, [&](const Window& each) { return each.holds(block); });
    TIMBER_ASSERT(window != windows_.end());
    const size_t before = block - window->first;
    const size_t behind = window->end - 1 - block;
    return forward ? before >= behind : behind >= before;
}

void ReadAhead::ask(size_t block, bool forward, size_t bytes) {
    const TableIndex& index = table_.index();
    Window& window = windows_[oldest_];
    oldest_ = (oldest_ + 1) % windows_.size();
    wait(window);
    size_t first = block;
    size_t end = block + 1;
    if (forward) {
        while (end < index.blocks() && index.offset(end + 1) - index.offset(first) <= bytes) ++end;
    } else {
        while (first > 0 && index.offset(end) - index.offset(first - 1) <= bytes) --first;
    }
    window.first = first;
    window.end = end;
    window.offset = round_down(index.offset(first), kDirectAlignment);
    const size_t size = round_up(index.offset(end), kDirectAlignment) - window.offset;
    window.buffer.reserve(size);
    window.op.prepare_read(table_.file(), window.offset, window.buffer.first(size));
    table_.disk().submit(window.op);
    window.waiting = true;
}

}  // namespace timber::memtable
