#include "memtable/file_keeper.h"

#include <utility>

#include "src/base/mistake.h"

namespace timber::memtable {

FileKeeper::FileKeeper(std::string directory, FileNumbers& numbers, FileRemover& remover,
                       std::vector<FileNumber> orphans)
    : directory_(std::move(directory)),
      numbers_(numbers),
      remover_(remover),
      orphans_(orphans.begin(), orphans.end()) {}

void FileKeeper::start() {
    if (TIMBER_MISTAKE(store_orphans_removed_early)) finish_recovery();
}

Store::ReservedFile FileKeeper::reserve() {
    const FileNumber number = numbers_.take();
    reserved_.insert(number);
    return {.number = number, .path = join_path(directory_, table_file_name(number))};
}

void FileKeeper::keep(FileNumber number) {
    numbers_.skip(number);
    orphans_.erase(number);
    reserved_.insert(number);
}

void FileKeeper::discard(FileNumber number) {
    // Not ours to remove: never given out, or part of the version since.
    if (reserved_.erase(number) == 0) return;
    remover_.remove(number);
}

void FileKeeper::taken(FileNumber number) {
    reserved_.erase(number);
    orphans_.erase(number);
}

void FileKeeper::finish_recovery() {
    if (!recovering_) return;
    recovering_ = false;
    remover_.release_found();
    for (const FileNumber number : orphans_) remover_.remove(number);
    orphans_.clear();
}

}  // namespace timber::memtable
