#include "tests/memtable/damaged_store.h"

#include <algorithm>

#include "memtable/manifest_format.h"
#include "memtable/table_reader.h"

namespace timber::memtable {

namespace {

using Part = StoreImage::Part;

constexpr std::string_view kCurrentPath = "store/CURRENT";

// Small blocks, tables and manifests: every byte of them is to be flipped.
void make_small(Options& options, uint64_t store_id) {
    options.store_id = store_id;
    options.memory_table_bytes = 32_KiB;
    options.manifest_bytes_max = kManifestFileBytesMin;
    for (FamilyOptions& family : options.families) {
        family.table_bytes_target = 8_KiB;
        family.compression.fill(Compression::kLz4);
    }
    options.families[index_of(Family::kWrite)].compression.fill(Compression::kZstd);
    options.families[index_of(Family::kLock)].compression.fill(Compression::kNone);
    options.families[index_of(Family::kLock)].filter_bits_per_key = 0;
}

}  // namespace

DamagedStore::DamagedStore(Ending ending, uint64_t store_id) {
    StoreFixture store;
    StoreFixture source(100);
    make_small(store.options, store_id);
    make_small(source.options, store_id + 1000);
    build(store, source);
    for (const Family family : kAllFamilies) contents_[index_of(family)] = store.contents(family);
    store.close();
    // Before anything else runs: the manifest of the life before is made blank in the background.
    if (ending == Ending::kJustOpened) TIMBER_ASSERT(store.open().ok());
    intact_ = store.settled_image();
    image_.emplace(intact_);
}

// Tables on several levels of every family, with range removes, and with an ingest's.
void DamagedStore::build(StoreFixture& store, StoreFixture& source) {
    TIMBER_ASSERT(store.open().ok());
    store.put_many("a", 120, 60);
    store.put_many("w", 90, 80, 1, Family::kWrite);
    store.compact();
    store.compact(Family::kWrite);
    store.put_many("l", 40, 30, 1, Family::kLock);
    store.remove_range("a0040", "a0050");
    store.remove_range("w0010", "w0012", Family::kWrite);
    store.flush();
    store.settle();
    store.run();
    older_ = store.settled_image();
    TIMBER_ASSERT(source.open().ok());
    source.put_many("i", 60, 60);
    source.put_many("i", 10, 20, 1, Family::kWrite);
    IngestRequest ingest{.range = {"i", "j"},
                         .files = store.bring(source, source.export_range({"i", "j"}).value())};
    ingest.rows.put(Family::kMeta, "applied", "17");
    TIMBER_ASSERT(store.wait(store.begin_ingest(std::move(ingest)))->ok());
    for (int version = 2; version <= 12; ++version) store.put("a0007", std::to_string(version));
    for (size_t number = 0; number < 120; number += 9)
        store.put(StoreFixture::many_key("a", number), std::string(300, 'z'));
    store.remove("a0100");
    store.put("m", "", Family::kMeta);
    store.flush();
    store.settle();
    store.run();
}

DamagedStore::Verdict DamagedStore::judge(const DiskImage& damaged,
                                          const std::vector<Change>& changes) const {
    Verdict verdict;
    bool report = false;
    for (const Change& change : changes) {
        const std::vector<std::byte> now = damaged.bytes(change.place.file);
        const std::vector<std::byte>& before = image_->files().at(change.place.file).bytes;
        for (uint64_t at = change.place.offset; at < change.place.offset + change.bytes; ++at) {
            if (now[at] == before[at]) continue;
            const StoreImage::Span span = image_->span_at({change.place.file, at});
            switch (span.part) {
                case Part::kNothing: break;
                case Part::kSlot: break;  // judged below
                case Part::kDataBlock:
                    verdict.blocks.insert({change.place.file, span.begin});
                    break;
                case Part::kManifest:
                case Part::kTableMeta:
                    report = true;
                    verdict.files.insert(change.place.file);
                    break;
            }
        }
    }
    // One readable slot is enough.
    const std::vector<std::byte> current = damaged.bytes(kCurrentPath);
    size_t readable = 0;
    for (size_t at = 0; at < kCurrentFileBytes; at += kManifestBlockBytes)
        readable +=
            decode_current_slot(ByteView(current).subspan(at, kManifestBlockBytes), "", at).ok();
    if (readable == 0) {
        report = true;
        verdict.files.insert(std::string(kCurrentPath));
    }
    if (report) verdict.rule = Rule::kReported;
    return verdict;
}

void DamagedStore::expect_noticed(const DiskImage& damaged, const std::vector<Change>& changes,
                                  const std::string& what) {
    check(damaged, judge(damaged, changes), what);
}

void DamagedStore::expect(const DiskImage& damaged, Rule rule, const std::string& what,
                          std::string_view file_named) {
    Verdict verdict{.rule = rule};
    if (!file_named.empty()) verdict.files.insert(std::string(file_named));
    check(damaged, verdict, what);
}

void DamagedStore::check(const DiskImage& damaged, const Verdict& verdict,
                         const std::string& what) {
    SCOPED_TRACE(what);
    StoreFixture store(1000 + outcomes.all(), {}, damaged);
    make_small(store.options, 7);
    const Status opened = store.open();
    if (!opened) {
        ++outcomes.reported;
        return check_reported(opened, verdict, what);
    }
    EXPECT_NE(verdict.rule, Rule::kReported) << "it went unnoticed";
    check_blocks(store, verdict);
    const bool all_read = check_reads(store, verdict);
    ++(all_read ? outcomes.harmless : outcomes.unreadable);
    if (random_.one_in(16)) check_goes_on(store);
}

void DamagedStore::check_reported(const Status& opened, const Verdict& verdict,
                                  const std::string& what) {
    const Error& error = opened.error();
    EXPECT_NE(verdict.rule, Rule::kHarmless) << error.to_string();
    EXPECT_FALSE(error.file.empty()) << error.to_string();
    EXPECT_FALSE(error.detail.empty()) << what;
    if (verdict.files.empty()) return;
    const bool names_it = std::ranges::any_of(
        verdict.files, [&](const std::string& file) { return error.file.ends_with(file); });
    EXPECT_TRUE(names_it) << error.to_string();
}

bool DamagedStore::may_fail(Family family, std::string_view key, const Error& error,
                            const Verdict& verdict) const {
    if (error.code != ErrorCode::kCorrupted || !error.offset) return false;
    const Place place{error.file, *error.offset};
    if (!verdict.blocks.contains(place)) return false;
    if (image_->files().at(place.file).footer->family != family) return false;
    return key.empty() || image_->block_of(place.file, key) == place;
}

bool DamagedStore::check_gets(StoreFixture& store, Family family, const Verdict& verdict) {
    bool all_read = true;
    PinnedValue value;
    const auto check_get = [&](const std::string& key, const std::string* expected) {
        const Result<bool> found = store.store().get({}, family, key, value);
        if (!found) {
            all_read = false;
            EXPECT_TRUE(may_fail(family, key, found.error(), verdict))
                << key << ": " << found.error().to_string();
            return;
        }
        EXPECT_EQ(*found, expected != nullptr) << key;
        if (*found && expected != nullptr) {
            EXPECT_EQ(value.view(), *expected) << key;
        }
    };
    for (const auto& [key, expected] : contents_[index_of(family)]) {
        check_get(key, &expected);
        check_get(key + "-", nullptr);
    }
    // Under a range remove.
    check_get("a0044", nullptr);
    return all_read;
}

bool DamagedStore::check_walks(StoreFixture& store, Family family, const Verdict& verdict) {
    const Contents& expected = contents_[index_of(family)];
    const auto iterator = store.store().new_iterator({}, family);
    const auto ended_well = [&](bool at_end) {
        const Status status = iterator->status();
        if (status) {
            EXPECT_TRUE(at_end) << "the walk ended early";
            return true;
        }
        EXPECT_TRUE(may_fail(family, {}, status.error(), verdict)) << status.error().to_string();
        return false;
    };
    auto at = expected.begin();
    for (iterator->seek_to_first(); iterator->valid(); iterator->next(), ++at) {
        if (at == expected.end() || iterator->key() != at->first ||
            iterator->value() != at->second) {
            ADD_FAILURE() << "a walk shows " << iterator->key();
            return true;
        }
    }
    const bool forward = ended_well(at == expected.end());
    auto back = expected.rbegin();
    for (iterator->seek_to_last(); iterator->valid(); iterator->prev(), ++back) {
        if (back == expected.rend() || iterator->key() != back->first ||
            iterator->value() != back->second) {
            ADD_FAILURE() << "a walk back shows " << iterator->key();
            return true;
        }
    }
    return ended_well(back == expected.rend()) && forward;
}

bool DamagedStore::check_reads(StoreFixture& store, const Verdict& verdict) {
    bool all_read = true;
    store.world().run_job([&] {
        for (const Family family : kAllFamilies) {
            all_read = check_walks(store, family, verdict) && all_read;
            all_read = check_gets(store, family, verdict) && all_read;
        }
    });
    return all_read;
}

// Each damaged block is found by whoever reads it, also one that hides behind a range remove.
void DamagedStore::check_blocks(StoreFixture& store, const Verdict& verdict) {
    store.world().run_job([&] {
        BlockCache cache(64_KiB);
        std::set<std::string> tables;
        for (const Place& block : verdict.blocks) tables.insert(block.file);
        for (const std::string& table : tables) {
            const StoreImage::File& file = image_->files().at(table);
            const auto reader = TableReader::open(store.disk(), table,
                                                  {.id = file.footer->id,
                                                   .family = file.footer->family,
                                                   .file_bytes = file.bytes.size()},
                                                  cache);
            ASSERT_TRUE(reader.ok()) << reader.error().to_string();
            const Status verified = (*reader)->verify();
            ASSERT_FALSE(verified.ok()) << table << " went unnoticed";
            EXPECT_TRUE(may_fail(file.footer->family, {}, verified.error(), verdict))
                << verified.error().to_string();
        }
    });
}

void DamagedStore::check_goes_on(StoreFixture& store) {
    store.put("z", "goes on");
    store.flush();
    EXPECT_EQ(store.get("z").value(), "goes on");
    store.reopen();
    EXPECT_EQ(store.get("z").value(), "goes on");
}

}  // namespace timber::memtable
