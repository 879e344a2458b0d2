#include "memtable/table_properties.h"

#include <utility>

#include "memtable/table_format.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

void put_text(std::vector<std::byte>& to, std::string_view text) {
    put_varint(to, text.size());
    put_bytes(to, as_bytes(text));
}

std::string_view read_text(ByteReader& reader) { return as_text(reader.bytes(reader.varint())); }

bool summary_is_possible(const TableSummary& summary) {
    const bool ordered = summary.largest_exclusive ? before_end(summary.smallest, summary.largest)
                                                   : summary.smallest <= summary.largest;
    return ordered && summary.removes <= summary.entries &&
           summary.sequence_min <= summary.sequence_max && summary.sequence_max <= kSequenceMax;
}

}  // namespace

std::vector<std::byte> encode_table_properties(const TableSummary& summary) {
    std::vector<std::byte> payload;
    put_varint(payload, summary.entries);
    put_varint(payload, summary.removes);
    put_varint(payload, summary.range_removes);
    put_varint(payload, summary.key_bytes);
    put_varint(payload, summary.value_bytes);
    put_varint(payload, summary.sequence_min.value());
    put_varint(payload, summary.sequence_max.value());
    put_fixed(payload, static_cast<uint8_t>(summary.largest_exclusive));
    put_text(payload, summary.smallest);
    put_text(payload, summary.largest);
    return payload;
}

Result<TableSummary> decode_table_properties(ByteView payload) {
    ByteReader reader(payload);
    TableSummary summary;
    summary.entries = reader.varint();
    summary.removes = reader.varint();
    summary.range_removes = reader.varint();
    summary.key_bytes = reader.varint();
    summary.value_bytes = reader.varint();
    summary.sequence_min = Sequence(reader.varint());
    summary.sequence_max = Sequence(reader.varint());
    const auto exclusive = reader.fixed<uint8_t>();
    summary.largest_exclusive = exclusive == 1;
    summary.smallest = read_text(reader);
    summary.largest = read_text(reader);
    if (!reader.done() || exclusive > 1 || !summary_is_possible(summary))
        return damaged("the properties are malformed");
    return summary;
}

std::vector<std::byte> encode_range_removes(const RangeRemoveSet& removes) {
    std::vector<std::byte> payload;
    put_varint(payload, removes.fragments().size());
    for (const RangeRemoveSet::Fragment& fragment : removes.fragments()) {
        put_text(payload, fragment.begin);
        put_text(payload, fragment.end);
        put_varint(payload, fragment.sequences.size());
        for (const Sequence sequence : fragment.sequences) put_varint(payload, sequence.value());
    }
    return payload;
}

Result<RangeRemoveSet> decode_range_removes(ByteView payload, std::optional<Sequence> sequence) {
    ByteReader reader(payload);
    const uint64_t count = reader.varint();
    std::vector<RangeRemoveSet::Fragment> fragments;
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
        RangeRemoveSet::Fragment& fragment = fragments.emplace_back();
        fragment.begin = read_text(reader);
        fragment.end = read_text(reader);
        const uint64_t sequences = reader.varint();
        for (uint64_t k = 0; k < sequences && reader.ok(); ++k)
            fragment.sequences.push_back(Sequence(reader.varint()));
        if (fragment.sequences.empty() || fragment.sequences.front() > kSequenceMax)
            return damaged("a range remove is malformed");
        if (sequence) fragment.sequences.assign(1, *sequence);
    }
    if (!reader.done()) return damaged("the range removes are malformed");
    std::optional<RangeRemoveSet> removes = RangeRemoveSet::from_fragments(std::move(fragments));
    if (!removes) return damaged("the range removes are malformed");
    return std::move(*removes);
}

}  // namespace timber::memtable
