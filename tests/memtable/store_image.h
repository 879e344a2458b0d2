#pragma once
// A store's files as a test looks at them: which bytes mean what, as FORMAT.md draws them.
//
// Thread:   any.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/table_format.h"
#include "memtable/table_index.h"
#include "tests/support/disk_image.h"

namespace timber::memtable {

// A place in one of the store's files.
struct Place {
    std::string file;
    uint64_t offset = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
};

class StoreImage {
  public:
    // What a byte is part of.
    enum class Part : uint8_t {
        kNothing,    // padding, zeros, files whose content nobody reads
        kSlot,       // of CURRENT
        kManifest,   // the live one: its header and records
        kDataBlock,  // of a table
        kTableMeta,  // everything else of a table that is not padding
    };
    struct Span {
        uint64_t begin = 0;
        uint64_t end = 0;
        Part part = Part::kNothing;
    };
    struct File {
        std::vector<std::byte> bytes;
        std::vector<Span> spans;  // sorted; between them is nothing
        // Of a table.
        std::optional<TableFooter> footer;
        std::optional<TableIndex> index;
    };

    // Of an undamaged store.
    explicit StoreImage(const DiskImage& image, std::string directory = "store");

    // By path; empty files left out.
    const std::map<std::string, File>& files() const { return files_; }
    // The span that holds the byte; one of kNothing and without bounds if none does.
    Span span_at(const Place& place) const;
    // Which manifest CURRENT names.
    const std::string& live_manifest() const { return live_manifest_; }
    std::vector<std::string> tables() const;

    // The block that a search for the newest version of `key` looks at in this table.
    std::optional<Place> block_of(const std::string& table, std::string_view key) const;

  private:
    void read_current(File& file);
    void read_manifest(File& file);
    void read_table(File& file);

    const std::string directory_;
    std::string live_manifest_;
    std::map<std::string, File> files_;
};

}  // namespace timber::memtable
