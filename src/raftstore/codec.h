#pragma once
// The vocabulary of the raftstore's formats: varints, texts with their length, ids, and the parts
// that several formats share (peers, Regions). FORMAT.md draws them.
//
// Encoder appends to one buffer and hands it over without a copy. Decoder reads untrusted bytes:
// every read checks what remains, and after a failure everything that follows reads as zero, so a
// whole structure is read and asked about once, by finish().
//
// Thread:   one at a time.
// Lifetime: views that a Decoder gives point into its input.
// Failure:  finish() gives kCorrupted for what was cut short or carries too much, kNewerFormat for
// a
//           version or kind that is not known here.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/raft.h"
#include "src/base/coding.h"
#include "src/base/result.h"
#include "src/raftstore/region.h"

namespace timber::raftstore {

class Encoder {
  public:
    explicit Encoder(size_t bytes_expected = 0) { bytes_.reserve(bytes_expected); }

    void u8(uint8_t value) { put_fixed(bytes_, value); }
    void fixed32(uint32_t value) { put_fixed(bytes_, value); }
    void fixed64(uint64_t value) { put_fixed(bytes_, value); }
    void varint(uint64_t value) { put_varint(bytes_, value); }
    template <typename Tag>
    void id(StrongId<Tag, uint64_t> value) {
        varint(value.value());
    }
    void text(std::string_view text) {
        varint(text.size());
        put_bytes(bytes_, as_bytes(text));
    }
    void payload(const raft::Payload& payload) { text(payload.text()); }
    void epoch(const RegionEpoch& epoch);
    void peer(const PeerMeta& peer);
    void region(const Region& region);

    std::vector<std::byte>& bytes() { return bytes_; }
    std::string take_string() const { return std::string(as_text(bytes_)); }
    // The buffer itself, shared by whoever holds a part of the payload.
    raft::Payload take_payload() {
        auto buffer = std::make_shared<const std::vector<std::byte>>(std::move(bytes_));
        return raft::Payload(buffer, ByteView(*buffer));
    }

  private:
    std::vector<std::byte> bytes_;
};

class Decoder {
  public:
    // `what` names the structure in errors: a literal.
    Decoder(const char* what, ByteView bytes) : what_(what), reader_(bytes) {}

    uint8_t u8() { return reader_.fixed<uint8_t>(); }
    uint32_t fixed32() { return reader_.fixed<uint32_t>(); }
    uint64_t fixed64() { return reader_.fixed<uint64_t>(); }
    uint64_t varint() { return reader_.varint(); }
    template <typename Id>
    Id id() {
        return Id(reader_.varint());
    }
    std::string_view text() { return as_text(reader_.bytes(reader_.varint())); }
    // A value of an enum with the values 0 to `last`.
    template <typename Enum>
    Enum choice(Enum last) {
        const uint8_t value = u8();
        if (value > static_cast<uint8_t>(last)) unknown();
        return ok() ? static_cast<Enum>(value) : Enum{};
    }
    // How many items of at least `item_bytes_min` follow; 0 and a failure if there is no room for
    // them, so that nothing is allocated on a liar's word, or if they are more than `items_max`:
    // what is a byte here may be fifty in memory.
    size_t count(size_t item_bytes_min, size_t items_max = SIZE_MAX);
    // The first byte of every format.
    void version(uint8_t newest);
    RegionEpoch epoch();
    // Where a Store is reached: a text of kAddressBytesMax at most.
    std::string address();
    PeerMeta peer();
    Region region();

    size_t remaining() const { return reader_.remaining(); }
    bool ok() const { return reader_.ok() && !malformed_ && !unknown_; }
    // What was read makes no sense.
    void malformed() { malformed_ = true; }
    // It is of a kind that a later version may know.
    void unknown() { unknown_ = true; }
    // Everything was read, and nothing failed.
    Status finish() const;

  private:
    const char* what_;
    ByteReader reader_;
    bool malformed_ = false;
    bool unknown_ = false;
};

}  // namespace timber::raftstore
