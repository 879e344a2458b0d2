#include "tests/memtable/table_fixture.h"

#include "tests/memtable/support/awkward_keys.h"

namespace timber::memtable {

namespace {

std::string random_value(Random& random, bool large) {
    const size_t bytes = random.below(large ? 3000 : 40);
    std::string value(bytes, '\0');
    // Half of them shrink well.
    const bool plain = random.one_in(2);
    for (char& byte : value) byte = static_cast<char>(plain ? 'v' : random.next());
    return value;
}

std::string numbered_key(uint64_t number) {
    std::string key = std::to_string(number);
    return std::string(10 - key.size(), '0') + key;
}

}  // namespace

TableContent random_content(Random& random, size_t keys) {
    TableContent content;
    const bool awkward = random.one_in(2);
    const bool large = random.one_in(4);
    const uint64_t versions = random.one_in(3) ? 30 : random.between(1, 3);
    // Sequences far apart and close together.
    const uint64_t span = uint64_t{1} << random.between(0, 55);
    const uint64_t base = random.below(span) + 1;
    for (size_t i = 0; i < keys; ++i) {
        const std::string key =
            awkward ? awkward_key(random) : numbered_key(random.below(2 * keys));
        for (uint64_t k = random.below(versions) + 1; k > 0; --k) {
            const uint64_t sequence = base + random.below(span);
            // A sequence belongs to one operation.
            if (content.entries.contains(internal_key(key, sequence)) ||
                content.entries.contains(internal_key(key, sequence, EntryKind::kRemove)))
                continue;
            if (random.one_in(5))
                content.remove(key, sequence);
            else
                content.put(key, sequence, random_value(random, large));
        }
    }
    if (random.one_in(2)) return content;
    for (uint64_t i = random.below(6) + 1; i > 0; --i) {
        const std::string begin = awkward ? awkward_key(random) : numbered_key(random.below(keys));
        const std::string end = random.one_in(6) ? "" : begin + awkward_key(random) + "x";
        content.removes.push_back({begin, end, Sequence(base + random.below(span))});
    }
    return content;
}

TableOptions random_table_options(Random& random) {
    TableOptions options;
    options.block_bytes = random.one_in(2) ? 256 << random.below(6) : random.between(256, 20'000);
    options.restart_interval = random.one_in(3) ? random.between(1, 4) : random.between(1, 40);
    options.compression = static_cast<Compression>(random.below(3));
    options.filter_bits_per_key = random.one_in(4) ? 0 : random.one_in(3) ? 20 : 10;
    options.direct = random.one_in(2);
    return options;
}

Result<TableSummary> TableMachine::write(const std::string& path, const TableContent& content,
                                         const TableOptions& options,
                                         TableWriter::Identity identity) {
    TIMBER_TRY(const auto writer, TableWriter::create(disk_, path, identity, options));
    for (const RangeRemove& remove : content.removes)
        writer->add_range_remove(remove.begin, remove.end, remove.sequence);
    for (const auto& [key, value] : content.entries) TIMBER_CHECK(writer->add(key, value));
    return writer->finish();
}

TableSummary TableMachine::written(const std::string& path, const TableContent& content,
                                   const TableOptions& options) {
    TableSummary summary;
    job([&] {
        Result<TableSummary> written = write(path, content, options);
        ASSERT_TRUE(written.ok()) << written.error().to_string();
        summary = *written;
    });
    return summary;
}

Result<std::shared_ptr<TableReader>> TableMachine::open(const std::string& path,
                                                        uint64_t file_bytes,
                                                        std::optional<Sequence> sequence_override) {
    return TableReader::open(disk_, path,
                             {.id = kIdentity.id,
                              .family = kIdentity.family,
                              .file_bytes = file_bytes,
                              .sequence_override = sequence_override},
                             cache_);
}

TableReader& TableMachine::opened(const std::string& path, uint64_t file_bytes) {
    job([&] {
        Result<std::shared_ptr<TableReader>> reader = open(path, file_bytes);
        ASSERT_TRUE(reader.ok()) << reader.error().to_string();
        reader_ = *reader;
    });
    return *reader_;
}

void TableMachine::close() {
    job([&] { reader_.reset(); });
}

std::vector<std::pair<std::string, std::string>> walk(EntryIterator& iterator) {
    std::vector<std::pair<std::string, std::string>> seen;
    for (iterator.seek_to_first(); iterator.valid(); iterator.next())
        seen.emplace_back(iterator.key(), iterator.value());
    return seen;
}

}  // namespace timber::memtable
