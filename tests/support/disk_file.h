#pragma once
// One simulated file: what reads see, what is durable, and every step between the two.
//
// Each change (a write, an allocation, a truncation) leaves the page as it was right after it, as a
// version, until a sync covers it. After a power cut, each sector is what it was at its durable
// state or after any one of the later changes to it; so two unsynced writes give four outcomes, and
// a sector is never half of one write and half of another. The size is likewise one of those that
// the file had since it was last durable; data that survived behind it is cut off.
//
// Thread:     the world's.
// Invariants: F1  a page without versions is the same page in the readable and the durable state.
//             F2  versions of a page are in the order of their changes.
//             F3  no page lies wholly behind the readable size.
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "src/base/bytes.h"
#include "tests/support/disk_page.h"
#include "tests/support/disk_survival.h"

namespace timber {

class DiskFile {
  public:
    uint64_t size() const { return size_; }
    uint64_t durable_size() const { return durable_size_; }
    bool settled() const { return versions_.empty() && sizes_.empty(); }
    // Bytes copied; fewer than asked for at the end of the file.
    size_t read(uint64_t offset, MutableBytes into) const;
    uint64_t pages_allocated() const { return pages_allocated_; }
    // How many pages of the range are holes.
    uint64_t holes_within(uint64_t offset, uint64_t bytes) const;

    // The changes. Each takes effect for readers at once and is not durable.

    // Only the sectors that `survival`, if given, lets survive.
    void write(ChangeId change, uint64_t offset, ByteView bytes,
               const Survival* survival = nullptr);
    void allocate(ChangeId change, uint64_t offset, uint64_t bytes);
    void truncate(ChangeId change, uint64_t bytes);

    // Makes every change up to `last` durable, but for those in doubt.
    void sync(ChangeId last);
    // A sync or a write failed: no later sync will make these changes durable.
    void doubt(ChangeId first, ChangeId last);
    // Makes everything durable, also what is in doubt.
    void settle();
    // For the report of a death: something behind this change is durable already.
    void mark_overtaken(ChangeId change);
    // Makes the sectors of the range durable, and size and allocation as far as reading them needs.
    void persist(uint64_t offset, uint64_t bytes);

    // Adds the changes that a power cut decides about.
    void collect_open(std::vector<ChangeId>& open) const;
    void lose_power(const Survival& survival, DeathReport& report);

    uint64_t readable_fingerprint() const;
    // Also over what is durable and what is not.
    uint64_t fingerprint() const;
    void check_invariants() const;

  private:
    enum class VersionKind : uint8_t { kData, kAllocation, kTruncation };

    // A page as it was right after a change.
    struct PageVersion {
        ChangeId change;
        VersionKind kind;
        bool in_doubt = false;
        bool overtaken = false;
        SectorMask mask;  // the sectors that changed
        PageRef after;
        // The write that the page is part of, for tearing it.
        uint64_t first_sector = 0;  // of the file
        uint64_t sectors = 0;
    };
    using PageVersions = std::vector<PageVersion>;

    // The size as it was right after a change.
    struct SizeVersion {
        ChangeId change;
        bool truncation = false;
        bool in_doubt = false;
        uint64_t bytes;
    };

    void grow(ChangeId change, uint64_t bytes);
    // The page's bytes for a change; undefined before it if the change writes the `whole` page.
    std::byte* change_page(uint64_t page, bool whole);
    void drop_page(uint64_t page);
    void persist_truncations();
    // Moves the newest version that `covers` accepts of each sector in `mask` to the durable state,
    // and forgets it and the older ones.
    void persist_page(uint64_t page, PageVersions& versions, SectorMask mask,
                      const std::function<bool(const PageVersion&)>& covers);
    // The sectors of a page of which some written state survived, or the newest was lost.
    struct PageLoss {
        SectorMask kept = 0;
        SectorMask lost = 0;
        bool overtaken = false;
    };
    PageLoss lose_page(uint64_t page, const PageVersions& versions, const Survival& survival);
    size_t sizes_surviving(const Survival& survival) const;
    void forget_sizes_until(size_t count);

    uint64_t size_ = 0;
    PageList pages_;
    uint64_t pages_allocated_ = 0;
    uint64_t durable_size_ = 0;
    ChangeId durable_size_change_;
    PageList durable_pages_;
    // Between the two.
    std::map<uint64_t, PageVersions> versions_;
    std::vector<SizeVersion> sizes_;
};

}  // namespace timber
