#include "memtable/table_opener.h"

namespace timber::memtable {

Version::OpenFile table_opener(Disk& disk, std::string directory, BlockCache& cache,
                               ObsoleteFiles* obsolete, bool direct) {
    return [&disk, directory = std::move(directory), &cache, obsolete,
            direct](const FileMeta& meta) -> Result<TableFileRef> {
        TIMBER_TRY(std::shared_ptr<TableReader> reader,
                   TableReader::open(disk, join_path(directory, table_file_name(meta.number)),
                                     {.id = meta.id,
                                      .family = meta.family,
                                      .file_bytes = meta.file_bytes,
                                      .sequence_override = meta.sequence_override,
                                      .direct = direct},
                                     cache));
        return std::make_shared<const TableFile>(meta, std::move(reader), obsolete);
    };
}

}  // namespace timber::memtable
