#pragma once
// A log's files as a test looks at them: which blocks hold which groups, and what they claim.
//
// A LogImage remembers the log as it was; what damage changed is judged against that.
//
// Thread:   any.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "logengine/format.h"
#include "tests/support/disk_image.h"

namespace timber::logengine {

// A place in one of the log's files.
struct Place {
    std::string file;
    uint64_t offset = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
};

// A whole group that stands in its own place.
struct GroupInImage {
    Place place;
    GroupHeader header;
    uint64_t end() const { return place.offset + header.total_bytes; }
};

// The paths of superblock and segments in `image`, sorted.
std::vector<std::string> log_files(const DiskImage& image);
std::vector<Witness> witnesses_of(const DiskImage& image);

class LogImage {
  public:
    explicit LogImage(const DiskImage& image);

    const std::map<std::string, std::vector<std::byte>>& files() const { return files_; }
    // Every group of its segment's present life, in the order of the log.
    const std::vector<GroupInImage>& groups() const { return groups_; }
    // How many neighbours of this byte say the same about damage: 1 in headers and small groups,
    // more inside of payloads and where nothing is.
    uint64_t sameness(const Place& place) const;

    // What a damaged twin of the image may come to, as FORMAT.md promises.
    struct Verdict {
        std::optional<Lsn> first_lost;  // of the oldest group with a changed byte
        Lsn claimed_lsn;                // the largest that some readable header or witness claims
    };
    // `changed` names the blocks that may differ, by their beginnings.
    Verdict judge(const DiskImage& damaged, const std::set<Place>& changed) const;

  private:
    Lsn claim_of(const Place& block, ByteView bytes) const;

    LogId log_id_;
    Lsn epoch_claim_;
    std::map<std::string, std::vector<std::byte>> files_;
    std::map<Place, Lsn> claims_;
    std::vector<GroupInImage> groups_;
};

}  // namespace timber::logengine
