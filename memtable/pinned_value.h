#pragma once
// A value that was read, without a copy: a view together with whatever keeps its bytes in place (a
// block of the cache, a memory table). May be used again for the next read.
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace timber::memtable {

class PinnedValue {
  public:
    std::string_view view() const { return view_; }
    std::string to_string() const { return std::string(view_); }

    // `owner` keeps the bytes of `view` where they are; its owners are this value and whatever it
    // was taken from (the cache, the list of memory tables), because either may let go first.
    void pin(std::string_view view, std::shared_ptr<const void> owner) {
        view_ = view;
        owner_ = std::move(owner);
    }
    void clear() {
        view_ = {};
        owner_.reset();
    }

  private:
    std::string_view view_;
    std::shared_ptr<const void> owner_;
};

}  // namespace timber::memtable
