// Reads over real memory tables and table files.
#include <gtest/gtest.h>

#include "memtable/view_reader.h"
#include "tests/memtable/support/iterator_twin.h"
#include "tests/memtable/support/placement.h"
#include "tests/memtable/support/real_tables.h"

namespace timber::memtable {
namespace {

constexpr Family kFamily = Family::kDefault;

TableOptions draw_options(Random& random) {
    TableOptions options;
    options.block_bytes = 256 << random.below(3);
    options.restart_interval = 1 + random.below(16);
    options.compression = static_cast<Compression>(random.below(3));
    options.filter_bits_per_key = random.one_in(3) ? 0 : 10;
    return options;
}

// A store's files on a disk, made by chance; everything runs in a job.
class RealRead {
  public:
    explicit RealRead(uint64_t seed) : random_(seed), world_(seed), disk_(world_) {}

    // Calls test(*this) in a job, and closes the files in it.
    template <typename Test>
    void run(size_t cache_bytes, Test test) {
        world_.run_job([&] {
            tables_.emplace(disk_, draw_options(random_), cache_bytes);
            keys_ = draw_keys(random_, 2 + random_.below(60));
            Sketch sketch(random_.next());
            for (size_t i = random_.below(400); i > 0; --i) sketch.step(keys_);
            view_ = view_of(sketch.placement(), kFamily,
                            [this](Family family, const TableContents& contents) {
                                return tables_->add(family, contents);
                            });
            history_ = sketch.history();
            last_ = sketch.last();
            test(*this);
            view_.reset();
        });
    }

    std::unique_ptr<StoreIteratorImpl> iterator(Sequence visible, const ReadOptions& options = {}) {
        return std::make_unique<StoreIteratorImpl>(view_, kFamily, visible, options);
    }
    IteratorTwin twin(Sequence visible, const ReadOptions& options = {}) {
        return {iterator(visible, options),
                rows_within(history_.at(visible), options.lower, options.upper)};
    }
    // The value, "absent", or the error's code.
    std::string read(std::string_view key, Sequence visible, bool cache_only = false) {
        PinnedValue value;
        const PointRead point{.family = kFamily,
                              .key = key,
                              .visible = visible,
                              .options = {.cache_only = cache_only}};
        const Result<bool> found = read_view(*view_, point, value);
        if (!found) return std::string(to_string(found.error().code));
        return *found ? "'" + value.to_string() + "'" : "absent";
    }
    static std::string in_model(const Rows& rows, const std::string& key) {
        const auto found = rows.find(key);
        return found == rows.end() ? "absent" : "'" + found->second + "'";
    }
    Sequence draw_visible() {
        return random_.one_in(3) ? last_ : Sequence(random_.below(last_.value() + 1));
    }
    std::string key() { return keys_[random_.below(keys_.size())]; }

    Random random_;
    SimWorld world_;
    SimDisk disk_;
    std::optional<RealTables> tables_;
    std::vector<std::string> keys_;
    History history_;
    Sequence last_;
    ViewRef view_;
};

TEST(RealRead, IteratorsShowWhatTheHistorySays) {
    for (uint64_t seed = 0; seed < 250; ++seed) {
        RealRead store(seed);
        store.run(seed % 3 == 0 ? 0 : 1_MiB, [](RealRead& in) {
            for (int i = 0; i < 3; ++i) {
                const bool bounded = in.random_.one_in(2);
                const std::string lower = bounded ? in.key() : "";
                const std::string upper = bounded ? in.key() : "";
                ReadOptions options{.lower = lower, .upper = upper};
                options.fill_cache = in.random_.one_in(2);
                options.readahead_bytes = in.random_.one_in(2) ? 0 : in.random_.below(8_KiB);
                IteratorTwin twin = in.twin(in.draw_visible(), options);
                walk_everywhere(twin, in.keys_);
                walk_by_chance(twin, in.keys_, in.random_, 40);
                if (testing::Test::HasFatalFailure()) return;
            }
        });
        ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    }
}

TEST(RealRead, PointReadsSayWhatTheHistorySays) {
    for (uint64_t seed = 0; seed < 250; ++seed) {
        RealRead store(seed);
        store.run(64_KiB, [seed](RealRead& in) {
            for (int i = 0; i < 6; ++i) {
                const Sequence visible = in.draw_visible();
                const Rows rows = in.history_.at(visible);
                for (const std::string& key : in.keys_)
                    ASSERT_EQ(in.read(key, visible), RealRead::in_model(rows, key))
                        << "seed " << seed << " key " << key << " at " << visible.value();
            }
        });
        ASSERT_FALSE(HasFatalFailure());
    }
}

// What is not in memory is asked for again from a job, and is in memory then.
TEST(RealRead, WithTheCacheAloneAReadIsBusyOrRight) {
    size_t busy = 0;
    for (uint64_t seed = 0; seed < 150; ++seed) {
        RealRead store(seed);
        store.run(4_MiB, [&busy](RealRead& in) {
            const ReadOptions cached{.cache_only = true};
            const Rows rows = in.history_.at(in.last_);
            for (const std::string& key : in.keys_) {
                const std::string first = in.read(key, in.last_, true);
                if (first == to_string(ErrorCode::kBusy)) {
                    ++busy;
                    in.read(key, in.last_);
                    ASSERT_EQ(in.read(key, in.last_, true), RealRead::in_model(rows, key));
                } else {
                    ASSERT_EQ(first, RealRead::in_model(rows, key));
                }
                const auto iterator = in.iterator(in.last_, cached);
                iterator->seek(key);
                if (!iterator->status().ok()) {
                    ++busy;
                    ASSERT_EQ(iterator->status().error().code, ErrorCode::kBusy);
                    in.iterator(in.last_)->seek(key);
                    iterator->seek(key);
                }
                ASSERT_TRUE(iterator->status().ok());
                const auto found = rows.lower_bound(key);
                ASSERT_EQ(iterator->valid(), found != rows.end());
                if (!iterator->valid()) continue;
                ASSERT_EQ(iterator->key(), found->first);
                ASSERT_EQ(iterator->value(), found->second);
            }
        });
        ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    }
    EXPECT_GT(busy, 500u);
}

// Each read of the disk fails in turn, or gives other bytes than were written.
TEST(RealRead, ABadReadIsAnErrorAndNeverWrongData) {
    size_t failures = 0;
    for (uint64_t seed = 0; seed < 120; ++seed) {
        RealRead store(seed);
        store.run(0, [&failures](RealRead& in) {
            const auto rows = rows_within(in.history_.at(in.last_), {}, {});
            const bool flip = in.random_.one_in(2);
            for (uint64_t nth = 1;; ++nth) {
                const bool forward = in.random_.one_in(2);
                const auto iterator = in.iterator(in.last_);
                const FaultKind kind = flip ? FaultKind::kBitFlip : FaultKind::kError;
                const uint64_t met_before = in.disk_.faults_met(kind);
                in.disk_.inject({.operation = DiskOperation::kRead, .nth = nth, .kind = kind});
                size_t shown = 0;
                forward ? iterator->seek_to_first() : iterator->seek_to_last();
                while (iterator->valid()) {
                    ASSERT_LT(shown, rows.size());
                    const auto& row = rows[forward ? shown : rows.size() - 1 - shown];
                    ASSERT_EQ(iterator->key(), row.first);
                    ASSERT_EQ(iterator->value(), row.second);
                    ++shown;
                    forward ? iterator->next() : iterator->prev();
                }
                const bool met = in.disk_.faults_met(kind) > met_before;
                if (iterator->status().ok()) {
                    ASSERT_EQ(shown, rows.size());
                    // A flip may hit what is padding between blocks.
                    if (!met) break;
                    ASSERT_TRUE(flip);
                    continue;
                }
                ++failures;
                ASSERT_EQ(iterator->status().error().code,
                          flip ? ErrorCode::kCorrupted : ErrorCode::kIoError);
            }
        });
        ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    }
    EXPECT_GT(failures, 200u);
}

}  // namespace
}  // namespace timber::memtable
