#include "memtable/version_edit.h"

#include "src/base/coding.h"

namespace timber::memtable {

namespace {

// Of a file.
constexpr uint8_t kLargestExclusive = 1;
constexpr uint8_t kOverride = 2;
// Which marks follow.
constexpr uint8_t kFlushed = 1;
constexpr uint8_t kLogFloor = 2;
constexpr uint8_t kSequenceLast = 4;
constexpr uint8_t kFileNext = 8;

// The least that one takes: what a count may claim of the bytes that are there.
constexpr size_t kRemovedBytesMin = 3;
constexpr size_t kAddedBytesMin = 3 + 1 + 16 + 6 + 2 + 2;

void put_text(std::vector<std::byte>& to, std::string_view text) {
    put_varint(to, text.size());
    put_bytes(to, as_bytes(text));
}

void put_file(std::vector<std::byte>& to, const FileMeta& file) {
    put_fixed(to, static_cast<uint8_t>(file.family));
    put_fixed(to, static_cast<uint8_t>((file.largest_exclusive ? kLargestExclusive : 0) |
                                       (file.sequence_override ? kOverride : 0)));
    put_varint(to, file.number.value());
    put_fixed(to, file.id.store);
    put_fixed(to, file.id.draw);
    put_varint(to, file.file_bytes);
    put_varint(to, file.entries);
    put_varint(to, file.removes);
    put_varint(to, file.range_removes);
    put_varint(to, file.key_bytes);
    put_varint(to, file.value_bytes);
    put_text(to, file.smallest);
    put_text(to, file.largest);
    put_varint(to, file.sequence_min.value());
    put_varint(to, file.sequence_max.value());
    if (file.sequence_override) put_varint(to, file.sequence_override->value());
}

// Reads an edit; what is wrong is told once, in `wrong`, and everything read after that is empty.
class EditReader {
  public:
    explicit EditReader(ByteView bytes) : reader_(bytes) {}

    Result<VersionEdit> read() {
        VersionEdit edit;
        for (uint64_t left = count(kRemovedBytesMin); left > 0 && good(); --left)
            edit.removed.push_back(removed());
        for (uint64_t left = count(kAddedBytesMin); left > 0 && good(); --left)
            edit.added.push_back(added());
        marks(edit);
        if (wrong_ == nullptr && !reader_.ok()) wrong_ = "is cut short";
        if (wrong_ == nullptr && !reader_.done()) wrong_ = "has bytes behind its end";
        if (wrong_ != nullptr)
            return make_error(ErrorCode::kCorrupted, std::string("the edit ") + wrong_);
        return edit;
    }

  private:
    bool good() const { return wrong_ == nullptr && reader_.ok(); }

    uint64_t count(size_t bytes_min) {
        const uint64_t counted = reader_.varint();
        if (counted > reader_.remaining() / bytes_min) wrong_ = "counts more files than it holds";
        return counted;
    }
    Family family() {
        const auto value = reader_.fixed<uint8_t>();
        if (value >= kFamilies) wrong_ = "names a family that does not exist";
        return static_cast<Family>(value % kFamilies);
    }
    uint8_t level() {
        const auto value = reader_.fixed<uint8_t>();
        if (value >= kLevels) wrong_ = "names a level that does not exist";
        return value;
    }
    std::string key() {
        const uint64_t bytes = reader_.varint();
        if (bytes > kKeyBytesMax) wrong_ = "holds a key over the limit";
        return std::string(as_text(reader_.bytes(bytes)));
    }
    Sequence sequence() {
        const Sequence value(reader_.varint());
        if (value > kSequenceMax) wrong_ = "holds a sequence over the limit";
        return value;
    }

    VersionEdit::Removed removed() {
        VersionEdit::Removed removed;
        removed.family = family();
        removed.level = level();
        removed.number = FileNumber(reader_.varint());
        return removed;
    }
    VersionEdit::Added added() {
        VersionEdit::Added added;
        FileMeta& file = added.file;
        added.level = level();
        file.family = family();
        const auto flags = reader_.fixed<uint8_t>();
        if ((flags & ~(kLargestExclusive | kOverride)) != 0) wrong_ = "has unknown flags";
        file.largest_exclusive = (flags & kLargestExclusive) != 0;
        file.number = FileNumber(reader_.varint());
        file.id.store = reader_.fixed<uint64_t>();
        file.id.draw = reader_.fixed<uint64_t>();
        file.file_bytes = reader_.varint();
        file.entries = reader_.varint();
        file.removes = reader_.varint();
        file.range_removes = reader_.varint();
        file.key_bytes = reader_.varint();
        file.value_bytes = reader_.varint();
        file.smallest = key();
        file.largest = key();
        file.sequence_min = sequence();
        file.sequence_max = sequence();
        if ((flags & kOverride) != 0) file.sequence_override = sequence();
        return added;
    }
    void marks(VersionEdit& edit) {
        const auto which = reader_.fixed<uint8_t>();
        if ((which & ~(kFlushed | kLogFloor | kSequenceLast | kFileNext)) != 0)
            wrong_ = "has unknown marks";
        if ((which & kFlushed) != 0) edit.flushed = sequence();
        if ((which & kLogFloor) != 0) edit.log_floor = LogMark(reader_.varint());
        if ((which & kSequenceLast) != 0) edit.sequence_last = sequence();
        if ((which & kFileNext) != 0) edit.file_next = FileNumber(reader_.varint());
    }

    ByteReader reader_;
    const char* wrong_ = nullptr;
};

}  // namespace

void encode(const VersionEdit& edit, std::vector<std::byte>& to) {
    put_varint(to, edit.removed.size());
    for (const VersionEdit::Removed& removed : edit.removed) {
        put_fixed(to, static_cast<uint8_t>(removed.family));
        put_fixed(to, removed.level);
        put_varint(to, removed.number.value());
    }
    put_varint(to, edit.added.size());
    for (const VersionEdit::Added& added : edit.added) {
        put_fixed(to, added.level);
        put_file(to, added.file);
    }
    put_fixed(to, static_cast<uint8_t>(
                      (edit.flushed ? kFlushed : 0) | (edit.log_floor ? kLogFloor : 0) |
                      (edit.sequence_last ? kSequenceLast : 0) | (edit.file_next ? kFileNext : 0)));
    if (edit.flushed) put_varint(to, edit.flushed->value());
    if (edit.log_floor) put_varint(to, edit.log_floor->value());
    if (edit.sequence_last) put_varint(to, edit.sequence_last->value());
    if (edit.file_next) put_varint(to, edit.file_next->value());
}

Result<VersionEdit> decode_version_edit(ByteView bytes) { return EditReader(bytes).read(); }

}  // namespace timber::memtable
