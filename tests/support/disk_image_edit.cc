// Changes to an image from outside: damage, and files put there by a test.
#include "src/base/io/disk.h"
#include "tests/support/disk_image.h"

namespace timber {

void DiskImage::settle() {
    for (auto& [node, directory] : directories_) {
        for (auto& [name, slot] : directory) {
            slot.durable = slot.current;
            slot.versions.clear();
        }
        std::erase_if(directory, [](const auto& each) { return !each.second.current; });
    }
    forget_unreachable({});
    for (const auto& [node, file] : files_) {
        if (!file->settled()) mutable_file(node).settle();
    }
}

void DiskImage::overwrite(std::string_view path, uint64_t offset, ByteView bytes) {
    DiskFile& target = mutable_file(file_at(path));
    target.write(next_change(), offset, bytes);
    target.persist(offset, bytes.size());
}

void DiskImage::flip_bit(std::string_view path, uint64_t bit) {
    std::byte byte{};
    TIMBER_ASSERT(file(file_at(path)).read(bit / 8, {&byte, 1}) == 1);
    byte ^= std::byte{1} << (bit % 8);
    overwrite(path, bit / 8, {&byte, 1});
}

void DiskImage::swap_sectors(std::string_view path, uint64_t left_sector, uint64_t right_sector) {
    std::vector<std::byte> left(kSectorBytes);
    std::vector<std::byte> right(kSectorBytes);
    const DiskFile& source = file(file_at(path));
    left.resize(source.read(left_sector * kSectorBytes, left));
    right.resize(source.read(right_sector * kSectorBytes, right));
    TIMBER_ASSERT_OP(left.size(), ==, right.size());
    overwrite(path, left_sector * kSectorBytes, right);
    overwrite(path, right_sector * kSectorBytes, left);
}

void DiskImage::cut(std::string_view path, uint64_t bytes) {
    DiskFile& target = mutable_file(file_at(path));
    target.truncate(next_change(), bytes);
    target.settle();
}

void DiskImage::remove_file(std::string_view path) {
    const Result<Place> place = place_of(path);
    file_at(path);
    directories_.at(place->directory).erase(place->name);
    forget_unreachable({});
}

void DiskImage::put_file(std::string_view path, ByteView bytes) {
    for (size_t slash = path.find('/', 1); slash != std::string_view::npos;
         slash = path.find('/', slash + 1))
        TIMBER_ASSERT(make_directory(path.substr(0, slash)).ok());
    if (!exists(path)) TIMBER_ASSERT(create_file(path).ok());
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const Result<Place> place = place_of(path.substr(0, end));
        persist_entry(place->directory, place->name, last_change_, true);
        if (end == std::string_view::npos) break;
    }
    cut(path, 0);
    overwrite(path, 0, bytes);
}

}  // namespace timber
