// Records and rows: there and back, and every damaged byte string an error.
#include "src/storage/record_format.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace timber::storage {
namespace {

AppliedState some_state() {
    return {.applied = raft::LogIndex(300),
            .applied_term = raft::Term(7),
            .truncated = {raft::LogIndex(200), raft::Term(6)},
            .region_state = std::string("\0members", 8)};
}

SnapshotInstall some_install() {
    SnapshotInstall install{.state = some_state(), .range = {"a", ""}};
    install.state.truncated = {install.state.applied, install.state.applied_term};
    install.files = {{memtable::FileNumber(12), memtable::Family::kLock, {3, 4}, 5000, 99}};
    return install;
}

TEST(RecordFormat, ProgressComesBack) {
    const RegionProgress progress{ChangeNumber(3),
                                  {raft::Term(9), raft::NodeId(2), raft::LogIndex(77)},
                                  raft::LogIndex(90),
                                  raft::Term(8),
                                  raft::LogIndex(70)};
    const auto bytes = encode_progress(progress);
    EXPECT_LE(bytes.size(), kProgressBytesMax);
    EXPECT_EQ(*decode_progress(bytes), progress);
}

TEST(RecordFormat, ChangesComeBack) {
    const RegionChange created = RegionCreated{some_state()};
    const RegionChange destroyed = RegionDestroyed{{"k", "l"}, "tombstone"};
    const RegionChange install = some_install();
    EXPECT_EQ(std::get<RegionCreated>(*decode_change(kCreatedRecord, encode_change(created))).state,
              some_state());
    const auto end =
        std::get<RegionDestroyed>(*decode_change(kDestroyedRecord, encode_change(destroyed)));
    EXPECT_EQ(end.range, (memtable::KeyRange{"k", "l"}));
    EXPECT_EQ(end.region_state, "tombstone");
    const auto installed =
        std::get<SnapshotInstall>(*decode_change(kInstallRecord, encode_change(install)));
    EXPECT_EQ(installed.state, some_install().state);
    EXPECT_EQ(installed.files, some_install().files);
}

TEST(RecordFormat, RowsComeBackInTheOrderOfRegions) {
    const RegionRow row{ChangeNumber(2), false, some_state()};
    EXPECT_EQ(*decode_row(encode_row(row)), row);
    EXPECT_LT(region_row_key(RegionId(255)), region_row_key(RegionId(256)));
    EXPECT_EQ(parse_region_row_key(region_row_key(RegionId(1234567))), RegionId(1234567));
    EXPECT_FALSE(parse_region_row_key("r123"));
    EXPECT_FALSE(parse_region_row_key("i"));
}

TEST(RecordFormat, LaterVersionIsToldApartFromDamage) {
    auto bytes = encode_progress({.change = ChangeNumber(1)});
    bytes[0] = std::byte{kRecordVersion + 1};
    EXPECT_EQ(decode_progress(bytes).error().code, ErrorCode::kNewerFormat);
    bytes[0] = std::byte{0};
    EXPECT_EQ(decode_progress(bytes).error().code, ErrorCode::kCorrupted);
}

// Cut at every length and with bytes changed at random: a value or an error, never anything else.
TEST(RecordFormat, DecodersAreTotal) {
    const std::vector<std::vector<std::byte>> samples = {
        encode_progress({.change = ChangeNumber(1), .last_index = raft::LogIndex(500)}),
        encode_change(RegionCreated{some_state()}), encode_change(RegionDestroyed{{"k", "l"}, "x"}),
        encode_change(some_install()), encode_identity({ClusterId(1), StoreId(2), Incarnation(3)})};
    const auto decode_all = [](ByteView bytes) {
        (void)decode_progress(bytes).ok();
        for (const auto type : {kCreatedRecord, kDestroyedRecord, kInstallRecord})
            (void)decode_change(type, bytes).ok();
        (void)decode_identity(bytes).ok();
        (void)decode_entry(bytes).ok();
        (void)decode_row(as_text(bytes)).ok();
    };
    Random random(1);
    for (const auto& sample : samples) {
        for (size_t bytes = 0; bytes < sample.size(); ++bytes)
            decode_all(ByteView(sample).first(bytes));
        for (int round = 0; round < 300; ++round) {
            auto damaged = sample;
            for (uint64_t i = random.between(1, 4); i > 0; --i)
                damaged[random.below(damaged.size())] = std::byte(random.below(256));
            decode_all(damaged);
        }
    }
}

}  // namespace
}  // namespace timber::storage
