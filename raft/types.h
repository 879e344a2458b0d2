#pragma once
// The value types of the consensus core: ids, entries and what is kept on disk.
//
// Thread:   plain values. A Payload's bytes are immutable and may be read on any thread.
// Lifetime: a Payload keeps its buffer alive; every other type owns what it holds.
// Failure:  decode_conf_change() gives an Error for bytes that are not a change.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/base/strong_id.h"

namespace timber::raft {

// A node of the group; 0 is nobody.
using NodeId = StrongId<struct NodeIdTag, uint64_t>;
// An election's number; 0 comes before the first.
using Term = StrongId<struct TermTag, uint64_t>;
// A place in the log; the first entry has 1, and 0 is the place before it.
using LogIndex = StrongId<struct LogIndexTag, uint64_t>;
// The number of one Write of one life of a node. It never names an entry, see Ready.
using WriteNumber = StrongId<struct WriteNumberTag, uint64_t>;
// The driver's name for one read; unique among the reads of one node that are open.
using ReadId = StrongId<struct ReadIdTag, uint64_t>;
// Microseconds of a clock that keeps running while the process or the machine is suspended.
using BootTimeUs = StrongId<struct BootTimeTag, uint64_t>;

inline constexpr NodeId kNobody{0};

// Terms and indices above these come from nonsense, never from a cluster's life. They leave room
// so that sums of two valid ones, and a valid one and a count of entries, cannot overflow.
inline constexpr Term kTermMax{uint64_t{1} << 60};
inline constexpr LogIndex kLogIndexMax{uint64_t{1} << 60};
// No node is so many elections behind another. One message with a damaged term would otherwise
// take a group to kTermMax at once, where it can never elect a leader again.
inline constexpr uint64_t kTermLeapMax = uint64_t{1} << 40;

// Immutable bytes, shared. Copying a Payload shares the buffer, so an entry travels from the client
// through the log, the messages, the disk queue and the state machine without its bytes being
// copied. Owners of a buffer are those, and whatever larger buffer it is a slice of.
class Payload {
  public:
    Payload() = default;
    // A slice of a buffer that `owner` keeps alive, for instance a received network frame.
    template <typename Owner>
    Payload(const std::shared_ptr<Owner>& owner, ByteView bytes)
        : data_(owner, bytes.data()), size_(bytes.size()) {}

    static Payload copy_of(ByteView bytes);
    static Payload copy_of(std::string_view text) { return copy_of(as_bytes(text)); }

    ByteView bytes() const { return {data_.get(), size_}; }
    std::string_view text() const { return as_text(bytes()); }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Compares the bytes, and not where they are.
    friend bool operator==(const Payload& left, const Payload& right) {
        return left.text() == right.text();
    }

  private:
    std::shared_ptr<const std::byte> data_;
    size_t size_ = 0;
};

enum class EntryType : uint8_t {
    kNormal,      // a command of the driver; empty is the entry that opens a leader's term
    kConfChange,  // the payload is an encoded ConfChange
};

struct Entry {
    Term term;
    LogIndex index;
    EntryType type = EntryType::kNormal;
    Payload payload{};

    friend bool operator==(const Entry&, const Entry&) = default;
};

// What an entry counts for in limits of bytes: its payload and a fixed share for the rest.
inline constexpr size_t kEntryOverheadBytes = 32;
inline size_t entry_bytes(const Entry& entry) { return entry.payload.size() + kEntryOverheadBytes; }

// What a node must not forget. `commit` is worth keeping: see the note at Write.
struct HardState {
    Term term{};
    NodeId vote{};
    LogIndex commit{};

    friend bool operator==(const HardState&, const HardState&) = default;
};

// Who belongs to the group. Each list is sorted and has no duplicates.
// `voters_outgoing` is not empty only while a joint change is under way: then a majority of both
// lists is needed. Nothing starts a joint change yet; everything that counts majorities, and
// everything that is stored or sent, has room for one.
struct ConfState {
    std::vector<NodeId> voters{};
    std::vector<NodeId> learners{};
    std::vector<NodeId> voters_outgoing{};

    friend bool operator==(const ConfState&, const ConfState&) = default;
    bool has_voter(NodeId id) const {
        return std::ranges::binary_search(voters, id) ||
               std::ranges::binary_search(voters_outgoing, id);
    }
    bool has_member(NodeId id) const {
        return has_voter(id) || std::ranges::binary_search(learners, id);
    }
};

struct SnapshotMetadata {
    LogIndex index{};
    Term term{};
    ConfState conf_state{};

    friend bool operator==(const SnapshotMetadata&, const SnapshotMetadata&) = default;
};

// The state of the group after `metadata.index`. What `data` holds is the driver's affair: the
// state itself, or where to find it.
struct Snapshot {
    SnapshotMetadata metadata{};
    Payload data{};

    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Immutable and shared by the message that carries it, the write that installs it and the log.
using SnapshotPointer = std::shared_ptr<const Snapshot>;

enum class ConfChangeType : uint8_t {
    kAddVoter,    // adds a voter, or promotes a learner
    kAddLearner,  // adds a member that receives the log and has no vote; demotes a voter
    kRemove,
};

// One change of membership, of one member.
struct ConfChange {
    ConfChangeType type = ConfChangeType::kAddVoter;
    NodeId node{};
    Payload context{};  // the driver's own; the core carries it along

    friend bool operator==(const ConfChange&, const ConfChange&) = default;
};

// The payload of an entry of type kConfChange, and back.
Payload encode_conf_change(const ConfChange& change);
Result<ConfChange> decode_conf_change(const Payload& payload);

}  // namespace timber::raft
