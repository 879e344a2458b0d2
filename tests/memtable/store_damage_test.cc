// Damage: each byte of a store flipped, each sector and block zeroed, swapped with another, or
// replaced by what it was before; files cut, lost, swapped with each other, and those of another
// store in their place. All of it is reported with file and offset or harmless; a damaged block
// fails only the reads that need it.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "memtable/manifest_format.h"
#include "tests/memtable/damaged_store.h"

namespace timber::memtable {
namespace {

using Ending = DamagedStore::Ending;
using Rule = DamagedStore::Rule;
using Part = StoreImage::Part;

// How much of what looks all the same is tried.
enum class Budget { kQuick, kFull };
enum class Files { kTables, kOthers };

struct Subject {
    const char* name;
    Files files;
    Ending ending;
};

constexpr Subject kSubjects[] = {
    {"Tables", Files::kTables, Ending::kSettled},
    {"Manifest", Files::kOthers, Ending::kSettled},
    {"ManifestJustOpened", Files::kOthers, Ending::kJustOpened},
};

void PrintTo(const Subject& subject, std::ostream* to) { *to << subject.name; }

class StoreDamage : public testing::TestWithParam<Subject> {
  protected:
    StoreDamage() : store(GetParam().ending) {}
    void TearDown() override {
        std::printf("%llu damages harmless, %llu reported, %llu make something unreadable\n",
                    static_cast<unsigned long long>(store.outcomes.harmless),
                    static_cast<unsigned long long>(store.outcomes.reported),
                    static_cast<unsigned long long>(store.outcomes.unreadable));
        EXPECT_GT(store.outcomes.reported, 0u);
        const bool tables = GetParam().files == Files::kTables;
        EXPECT_EQ(store.outcomes.unreadable > 0, tables);
        // Every page of a table has something to it.
        if (!tables) {
            EXPECT_GT(store.outcomes.harmless, 0u);
        }
    }

    void flip_bytes(Budget budget);
    void zero(size_t unit);
    void go_back(size_t unit);
    // Neighbours, and one in `one_in` of all other pairs.
    void swap_units(size_t unit, uint64_t one_in);

    DamagedStore store;

  private:
    using Visit = std::function<void(const Place&)>;
    void each_unit(size_t unit, const Visit& visit) const;
    uint64_t sameness(const Place& place, Budget budget) const;
    ByteView intact(const Place& place, size_t bytes) const {
        return ByteView(store.image().files().at(place.file).bytes).subspan(place.offset, bytes);
    }
};

std::string text_of(const Place& place) { return place.file + " " + std::to_string(place.offset); }

bool is_of(Files files, const std::string& path) {
    // The reserve is not read at all; whole files of it are swapped below.
    if (path.ends_with("RESERVE")) return false;
    return path.ends_with(".sst") == (files == Files::kTables);
}

void StoreDamage::each_unit(size_t unit, const Visit& visit) const {
    for (const auto& [path, file] : store.image().files()) {
        if (!is_of(GetParam().files, path)) continue;
        for (uint64_t offset = 0; offset + unit <= file.bytes.size(); offset += unit)
            visit({path, offset});
    }
}

// How many neighbours of this byte say the same about damage.
uint64_t StoreDamage::sameness(const Place& place, Budget budget) const {
    constexpr uint64_t kInNothing = 251;
    constexpr uint64_t kInNothingFull = 7;
    constexpr uint64_t kInside = 29;
    constexpr uint64_t kEdgeBytes = 16;
    const StoreImage::Span span = store.image().span_at(place);
    if (span.part == Part::kNothing) return budget == Budget::kQuick ? kInNothing : kInNothingFull;
    if (span.part == Part::kSlot || budget == Budget::kFull) return 1;
    const bool at_edge = place.offset - span.begin < kEdgeBytes || span.end - place.offset <= 4;
    // Blocks are many, and all alike.
    if (at_edge) return span.part == Part::kDataBlock ? 3 : 1;
    return kInside;
}

void StoreDamage::flip_bytes(Budget budget) {
    each_unit(1, [&](const Place& place) {
        if (place.offset % sameness(place, budget) != 0) return;
        const uint64_t bit = store.random().below(9);
        const auto mask = bit == 8 ? std::byte{0xff} : std::byte{1} << static_cast<int>(bit);
        const std::byte flipped = intact(place, 1)[0] ^ mask;
        DiskImage damaged = store.intact();
        damaged.overwrite(place.file, place.offset, {&flipped, 1});
        store.expect_noticed(damaged, {{place, 1}}, "flip " + text_of(place));
    });
}

void StoreDamage::zero(size_t unit) {
    const std::vector<std::byte> zeros(unit);
    each_unit(unit, [&](const Place& place) {
        DiskImage damaged = store.intact();
        damaged.overwrite(place.file, place.offset, zeros);
        store.expect_noticed(damaged, {{place, unit}}, "zero " + text_of(place));
    });
}

void StoreDamage::go_back(size_t unit) {
    each_unit(unit, [&](const Place& place) {
        if (!store.older().exists(place.file)) return;
        const std::vector<std::byte> before = store.older().bytes(place.file);
        if (before.size() < place.offset + unit) return;
        DiskImage damaged = store.intact();
        damaged.overwrite(place.file, place.offset, ByteView(before).subspan(place.offset, unit));
        store.expect_noticed(damaged, {{place, unit}}, "older " + text_of(place));
    });
}

void StoreDamage::swap_units(size_t unit, uint64_t one_in) {
    std::vector<Place> places;
    each_unit(unit, [&](const Place& place) { places.push_back(place); });
    for (size_t left = 0; left < places.size(); ++left) {
        for (size_t right = left + 1; right < places.size(); ++right) {
            // A slot and a record in each other's place are two damages at once.
            const auto is_current = [](const Place& place) {
                return place.file.ends_with("CURRENT");
            };
            if (is_current(places[left]) != is_current(places[right])) continue;
            if (right != left + 1 && !store.random().one_in(one_in)) continue;
            DiskImage damaged = store.intact();
            damaged.overwrite(places[left].file, places[left].offset, intact(places[right], unit));
            damaged.overwrite(places[right].file, places[right].offset, intact(places[left], unit));
            store.expect_noticed(
                damaged, {{places[left], unit}, {places[right], unit}},
                "swap " + text_of(places[left]) + " with " + text_of(places[right]));
        }
    }
}

TEST_P(StoreDamage, FlippedBytesAreNoticed) { flip_bytes(Budget::kQuick); }
TEST_P(StoreDamage, ZeroedSectorsAreNoticed) { zero(kSectorBytes); }
TEST_P(StoreDamage, ZeroedBlocksAreNoticed) { zero(kTablePageBytes); }
TEST_P(StoreDamage, SwappedSectorsAreNoticed) { swap_units(kSectorBytes, 100); }
TEST_P(StoreDamage, SwappedBlocksAreNoticed) { swap_units(kTablePageBytes, 2); }

// Not one byte left out that means something: minutes, so at the full budget only.
TEST_P(StoreDamage, DISABLED_EveryFlippedByteIsNoticed) { flip_bytes(Budget::kFull); }

INSTANTIATE_TEST_SUITE_P(Subjects, StoreDamage, testing::ValuesIn(kSubjects),
                         [](const auto& subject) { return std::string(subject.param.name); });

// What a file's content was before. Tables never change, so this is about the rest.
class StoreGoesBack : public StoreDamage {};

TEST_P(StoreGoesBack, SectorsThatWentBackAreNoticed) { go_back(kSectorBytes); }
TEST_P(StoreGoesBack, BlocksThatWentBackAreNoticed) { go_back(kManifestBlockBytes); }

INSTANTIATE_TEST_SUITE_P(Subjects, StoreGoesBack, testing::Values(kSubjects[1], kSubjects[2]),
                         [](const auto& subject) { return std::string(subject.param.name); });

// Whole files.
class StoreFileDamage : public testing::TestWithParam<Ending> {
  protected:
    StoreFileDamage() : store(GetParam()) {}

    // Whether the store needs what is in it.
    bool matters(const std::string& path) const {
        return path.ends_with(".sst") || path.ends_with("CURRENT") ||
               path == store.image().live_manifest();
    }
    Rule rule_of(const std::string& path) const {
        return matters(path) ? Rule::kReported : Rule::kHarmless;
    }
    // The file's end, as far as it means something.
    uint64_t meaning_end(const std::string& path) const {
        const auto& spans = store.image().files().at(path).spans;
        return spans.empty() ? 0 : spans.back().end;
    }
    void put_in_place(const std::string& path, const std::vector<std::byte>& content, Rule rule,
                      const std::string& what) {
        if (content == store.image().files().at(path).bytes) return;
        DiskImage damaged = store.intact();
        damaged.put_file(path, content);
        store.expect(damaged, rule, what + " in the place of " + path);
    }

    DamagedStore store;
};

TEST_P(StoreFileDamage, ALostFileIsReportedOrNotNeeded) {
    for (const auto& [path, file] : store.image().files()) {
        DiskImage damaged = store.intact();
        damaged.remove_file(path);
        store.expect(damaged, rule_of(path), path + " lost", matters(path) ? path : "");
    }
}

TEST_P(StoreFileDamage, ACutFileIsReportedOrNotNeeded) {
    for (const auto& [path, file] : store.image().files()) {
        std::set<uint64_t> ends = {0, 1, file.bytes.size() / 2, file.bytes.size() - 1};
        for (uint64_t end = kSectorBytes; end < file.bytes.size(); end += kSectorBytes)
            ends.insert(end);
        for (const StoreImage::Span& span : file.spans) ends.insert({span.begin, span.end});
        for (const uint64_t end : ends) {
            if (end >= file.bytes.size()) continue;
            DiskImage damaged = store.intact();
            damaged.cut(path, end);
            // Zeros that nobody will miss: a manifest is allocated ahead.
            const bool only_zeros =
                path == store.image().live_manifest() && end >= meaning_end(path);
            store.expect(damaged, only_zeros ? Rule::kHarmless : rule_of(path),
                         path + " cut to " + std::to_string(end), matters(path) ? path : "");
        }
    }
}

TEST_P(StoreFileDamage, ALongerFileIsReportedOrHarmless) {
    for (const auto& [path, file] : store.image().files()) {
        for (const size_t more : {size_t{1}, size_t{kFooterBytes}, kTablePageBytes}) {
            std::vector<std::byte> content = file.bytes;
            content.resize(content.size() + more);
            put_in_place(path, content, path.ends_with(".sst") ? Rule::kReported : Rule::kHarmless,
                         "itself and zeros");
        }
    }
}

TEST_P(StoreFileDamage, FilesInEachOthersPlaceAreReported) {
    const auto& files = store.image().files();
    for (const auto& [left, left_file] : files) {
        for (const auto& [right, right_file] : files) {
            put_in_place(left, right_file.bytes, rule_of(left), right);
            if (left >= right || left_file.bytes == right_file.bytes) continue;
            DiskImage damaged = store.intact();
            damaged.put_file(left, right_file.bytes);
            damaged.put_file(right, left_file.bytes);
            const bool report = matters(left) || matters(right);
            store.expect(damaged, report ? Rule::kReported : Rule::kHarmless,
                         left + " and " + right + " swapped");
        }
    }
}

TEST_P(StoreFileDamage, AnotherStoresFilesAreReported) {
    const DamagedStore other(GetParam(), 8);
    for (const auto& [path, file] : other.image().files()) {
        if (!store.image().files().contains(path)) continue;
        // A manifest that stands ready is not overwritten if it is another store's.
        const bool manifest = path.find("manifest-") != std::string::npos;
        put_in_place(path, file.bytes, manifest ? Rule::kReported : rule_of(path),
                     "another store's " + path);
    }
    // All tables of the other store, as orphans.
    DiskImage both = store.intact();
    for (const std::string& path : other.image().tables()) {
        if (!both.exists(path)) both.put_file(path, other.image().files().at(path).bytes);
    }
    store.expect(both, Rule::kHarmless, "another store's tables beside ours");
}

TEST_P(StoreFileDamage, FilesThatWentBackAreReportedOrHarmless) {
    for (const auto& [path, file] : store.image().files()) {
        if (!store.older().exists(path)) continue;
        // A table is what it was; of the manifest, CURRENT knows how much there must be.
        const bool live = path == store.image().live_manifest();
        const Rule rule = live                        ? Rule::kReported
                          : path.ends_with("CURRENT") ? Rule::kNeverWrong
                                                      : Rule::kHarmless;
        put_in_place(path, store.older().bytes(path), rule, "what it was before");
    }
}

INSTANTIATE_TEST_SUITE_P(Endings, StoreFileDamage,
                         testing::Values(Ending::kSettled, Ending::kJustOpened),
                         [](const auto& ending) {
                             return std::string(ending.param == Ending::kSettled ? "Settled"
                                                                                 : "JustOpened");
                         });

// Work on damaged files: what cannot be read is not written anew as if it had never been.
class StoreWorkOnDamage : public testing::Test {
  protected:
    StoreWorkOnDamage() {
        EXPECT_TRUE(store.open());
        store.put_many("k", 200);
        store.flush();
        store.settle();
        store.run();
        expected = store.contents();
    }
    // Flips a byte in the middle of the first block of some table; nothing of it is in the cache.
    void damage_a_block() {
        store.close();
        DiskImage image = store.settled_image();
        damaged = "store/" + store.table_files().at(0);
        image.flip_bit(damaged, 8 * 300);
        store.restart_on(image);
        ASSERT_TRUE(store.open());
    }
    size_t readable_keys() {
        size_t readable = 0;
        for (const auto& [key, value] : expected) {
            const auto got = store.get(key);
            if (got.ok()) {
                EXPECT_EQ(got.value(), value);
                ++readable;
            } else {
                EXPECT_TRUE(fails(Status(got.error()), ErrorCode::kCorrupted, damaged));
                EXPECT_EQ(got.error().offset, 0u);
            }
        }
        return readable;
    }

    StoreFixture store;
    Contents expected;
    std::string damaged;
};

TEST_F(StoreWorkOnDamage, ACompactionStopsAndNothingIsLost) {
    damage_a_block();
    const size_t readable = readable_keys();
    EXPECT_LT(readable, expected.size());
    EXPECT_GT(readable, expected.size() / 2);
    const AnswerRef compaction = store.begin_compact();
    store.world().run_until([&] { return store.store().condition() == Condition::kTrouble; });
    EXPECT_EQ(store.store().condition(), Condition::kTrouble);
    EXPECT_FALSE(compaction->done);
    const std::optional<Error> error = store.store().condition_error();
    ASSERT_TRUE(error);
    EXPECT_TRUE(fails(Status(*error), ErrorCode::kCorrupted, damaged));
    EXPECT_EQ(error->offset, 0u);
    EXPECT_EQ(readable_keys(), readable);
    // Writes and flushes go on.
    store.put("new", "value");
    store.flush();
    EXPECT_EQ(store.get("new").value(), "value");
}

TEST_F(StoreWorkOnDamage, AnExportFailsAndLeavesNoFile) {
    damage_a_block();
    const auto exported = store.export_range({});
    ASSERT_FALSE(exported.ok());
    EXPECT_TRUE(fails(Status(exported.error()), ErrorCode::kCorrupted, damaged));
    store.run();
    for (const std::string& path : store.disk().image().paths())
        EXPECT_FALSE(path.contains("export")) << path;
}

TEST_F(StoreWorkOnDamage, ADamagedFileIsNotIngested) {
    StoreFixture source(50);
    ASSERT_TRUE(source.open());
    source.put_many("m", 30);
    const auto files = source.export_range({"m", "n"}).value();
    ASSERT_EQ(files.size(), 1u);
    for (uint64_t at = 0; at < files[0].file_bytes; at += 37) {
        IngestRequest request{.range = {"m", "n"}, .files = store.bring(source, files)};
        const FileNumber number = request.files.at(0).number;
        const std::string path = "store/" + store.table_files().back();
        store.world().run_job([&] {
            const FileHandle file = store.disk().open(path, {}).value();
            std::byte byte{};
            ASSERT_TRUE(await_read(store.disk(), file, path, at, {&byte, 1}));
            byte ^= std::byte{1};
            ASSERT_TRUE(await_write(store.disk(), file, path, at, {&byte, 1}));
            store.disk().close(file);
        });
        const AnswerRef answer = store.wait(store.begin_ingest(std::move(request)));
        EXPECT_TRUE(fails(answer, ErrorCode::kCorrupted, path)) << at;
        store.store().discard_file(number);
        store.run();
    }
    EXPECT_EQ(store.contents(), expected);
}

}  // namespace
}  // namespace timber::memtable
