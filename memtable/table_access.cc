#include "memtable/table_access.h"

namespace timber::memtable {
namespace {

class OpenTables final : public TableAccess {
  public:
    std::unique_ptr<EntryIterator> new_iterator(const TableFile& file,
                                                const TableReadOptions& options) const override {
        return file.reader().new_iterator(options);
    }
    Result<std::optional<TableReader::Found>> find(const TableFile& file, std::string_view key,
                                                   Sequence visible,
                                                   const TableReadOptions& options,
                                                   PinnedValue& value) const override {
        return file.reader().find(key, visible, options, value);
    }
    const RangeRemoveSet& range_removes(const TableFile& file) const override {
        return file.reader().range_removes();
    }
    uint64_t offset_of(const TableFile& file, std::string_view key) const override {
        return file.reader().offset_of(key);
    }
    std::optional<std::string> middle_key(const TableFile& file, std::string_view begin,
                                          std::string_view end) const override {
        return file.reader().middle_key(begin, end);
    }
};

}  // namespace

const TableAccess& open_tables() {
    static const OpenTables tables;
    return tables;
}

}  // namespace timber::memtable
