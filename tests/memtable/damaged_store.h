#pragma once
// A store that was shut down in good order, what it held, and a judge: given its files with some
// bytes changed, everything that comes of it is as it was, or is reported with file and offset.
//
// Thread:   the test's.
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "tests/memtable/store_fixture.h"
#include "tests/memtable/store_image.h"

namespace timber::memtable {

class DamagedStore {
  public:
    // How its last life ended.
    enum class Ending {
        kSettled,     // everything done, then closed
        kJustOpened,  // killed right after an opening: the manifest before is still whole
    };
    struct Outcomes {
        uint64_t harmless = 0;
        uint64_t reported = 0;    // by the opening
        uint64_t unreadable = 0;  // opened, and some reads fail

        uint64_t all() const { return harmless + reported + unreadable; }
    };
    // Bytes of a file that may have changed.
    struct Change {
        Place place;
        uint64_t bytes = 0;
    };
    // What must become of it.
    enum class Rule {
        kByParts,   // what the changed bytes are part of decides
        kReported,  // the store does not open
        kHarmless,
        kNeverWrong,
    };

    explicit DamagedStore(Ending ending = Ending::kSettled, uint64_t store_id = 7);

    const DiskImage& intact() const { return intact_; }
    // What it was some changes before; of the same life.
    const DiskImage& older() const { return older_; }
    const StoreImage& image() const { return *image_; }
    Random& random() { return random_; }

    // Opens the damaged store and compares what comes of it with what may.
    void expect_noticed(const DiskImage& damaged, const std::vector<Change>& changes,
                        const std::string& what);
    // The same for whole files; an error names a file whose path ends so.
    void expect(const DiskImage& damaged, Rule rule, const std::string& what,
                std::string_view file_named = "");

    Outcomes outcomes;

  private:
    struct Verdict {
        Rule rule = Rule::kHarmless;
        std::set<std::string> files;  // of which the error may tell
        std::set<Place> blocks;       // of tables: reads may fail for their sake
    };

    void build(StoreFixture& store, StoreFixture& source);
    Verdict judge(const DiskImage& damaged, const std::vector<Change>& changes) const;
    void check(const DiskImage& damaged, const Verdict& verdict, const std::string& what);
    void check_reported(const Status& opened, const Verdict& verdict, const std::string& what);
    // Whether all could be read.
    bool check_reads(StoreFixture& store, const Verdict& verdict);
    bool check_walks(StoreFixture& store, Family family, const Verdict& verdict);
    bool check_gets(StoreFixture& store, Family family, const Verdict& verdict);
    void check_blocks(StoreFixture& store, const Verdict& verdict);
    void check_goes_on(StoreFixture& store);
    // Whether a read of this key may fail so.
    bool may_fail(Family family, std::string_view key, const Error& error,
                  const Verdict& verdict) const;

    Random random_{7};
    DiskImage intact_;
    DiskImage older_;
    std::optional<StoreImage> image_;
    std::array<Contents, kFamilies> contents_;
};

}  // namespace timber::memtable
