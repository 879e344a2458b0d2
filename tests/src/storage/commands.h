#pragma once
// What entries say in tests of the storage engine, and what applying them does.
//
// A payload is a list of commands, each a letter, fields with a length before them:
//   p family key value   put          d family key   remove
//   r family begin end   remove a range
//   s text               the Region's state becomes text
//   t index term         the log before and at index is given up
#include <string>
#include <string_view>

#include "src/base/coding.h"
#include "src/storage/storage_engine.h"

namespace timber::storage {

class Commands {
  public:
    Commands& put(memtable::Family family, std::string_view key, std::string_view value) {
        begin('p', family);
        return text(key).text(value);
    }
    Commands& remove(memtable::Family family, std::string_view key) {
        begin('d', family);
        return text(key);
    }
    Commands& remove_range(memtable::Family family, std::string_view from, std::string_view to) {
        begin('r', family);
        return text(from).text(to);
    }
    Commands& region_state(std::string_view state) {
        begin('s', memtable::Family::kDefault);
        return text(state);
    }
    Commands& truncate(TruncatedState truncated) {
        begin('t', memtable::Family::kDefault);
        put_varint(bytes_, truncated.index.value());
        put_varint(bytes_, truncated.term.value());
        return *this;
    }
    raft::Payload payload() const { return raft::Payload::copy_of(ByteView(bytes_)); }

  private:
    void begin(char letter, memtable::Family family) {
        put_fixed(bytes_, letter);
        put_fixed(bytes_, static_cast<uint8_t>(family));
    }
    Commands& text(std::string_view text) {
        put_varint(bytes_, text.size());
        put_bytes(bytes_, as_bytes(text));
        return *this;
    }
    std::vector<std::byte> bytes_;
};

class CommandApplier : public Applier {
  public:
    Status apply(RegionId, const raft::Entry& entry, AppliedState& state,
                 memtable::WriteBatch& effects) override {
        ++applied;
        ByteReader reader(entry.payload.bytes());
        while (reader.remaining() > 0) {
            const auto letter = reader.fixed<char>();
            const auto family = static_cast<memtable::Family>(reader.fixed<uint8_t>());
            const auto text = [&] { return as_text(reader.bytes(reader.varint())); };
            if (letter == 'p') {
                const std::string_view key = text();
                effects.put(family, key, text());
            } else if (letter == 'd') {
                effects.remove(family, text());
            } else if (letter == 'r') {
                const std::string_view from = text();
                effects.remove_range(family, from, text());
            } else if (letter == 's') {
                state.region_state = std::string(text());
            } else if (letter == 't') {
                const raft::LogIndex index(reader.varint());
                const raft::Term term(reader.varint());
                // One that was proposed before a later one, and committed behind it, is void.
                if (index > state.truncated.index && index < entry.index)
                    state.truncated = {index, term};
            } else {
                return make_error(ErrorCode::kCorrupted, "an unknown command");
            }
        }
        if (!reader.done()) return make_error(ErrorCode::kCorrupted, "a torn command");
        return {};
    }

    uint64_t applied = 0;
};

}  // namespace timber::storage
