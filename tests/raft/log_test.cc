// The log, and above all what of it is durable, against a stupid twin.
#include "raft/log.h"

#include <gtest/gtest.h>

#include <set>

#include "raft/memory_storage.h"
#include "src/base/random.h"

namespace timber::raft {

static constexpr Log::Limits kLimits{400, 200, 400};

static Entry entry(uint64_t index, uint64_t term, std::string_view text = "x") {
    return {Term(term), LogIndex(index), EntryType::kNormal, Payload::copy_of(text)};
}

TEST(Log, ShortAppendThatWasLate_KeepsWhatIsBehindIt) {
    MemoryStorage storage;
    Log log(storage, kLimits, {}, {}, {});
    const std::vector<Entry> all = {entry(1, 1), entry(2, 1), entry(3, 1)};
    ASSERT_EQ(log.append_after(LogIndex(0), Term(0), all), AppendOutcome::kAccepted);
    ASSERT_EQ(log.append_after(LogIndex(0), Term(0), std::span(all).first(1)),
              AppendOutcome::kAccepted);
    EXPECT_EQ(log.last_index(), LogIndex(3));
}

TEST(Log, EntriesThatContradictTheCommitted_AreForbidden) {
    MemoryStorage storage;
    Log log(storage, kLimits, {}, {}, {});
    const std::vector<Entry> first = {entry(1, 1), entry(2, 1)};
    ASSERT_EQ(log.append_after(LogIndex(0), Term(0), first), AppendOutcome::kAccepted);
    log.commit_to(LogIndex(2));
    const std::vector<Entry> other = {entry(2, 2)};
    EXPECT_EQ(log.append_after(LogIndex(1), Term(1), other), AppendOutcome::kForbidden);
    EXPECT_EQ(log.last_term(), Term(1));
}

TEST(Log, CommittedButNotDurable_IsNotHandedOver) {
    MemoryStorage storage;
    Log log(storage, kLimits, {}, {}, {});
    log.append(entry(1, 1));
    log.commit_to(LogIndex(1));
    EXPECT_FALSE(log.can_hand_over());
    Write write{.number = WriteNumber(1)};
    log.issue(write, SIZE_MAX);
    EXPECT_FALSE(log.can_hand_over());
    storage.apply(write);
    log.persisted(WriteNumber(1));
    EXPECT_EQ(log.hand_over().size(), 1u);
}

// Entry 1 of term 1 in write 1, cut for one of term 2 in write 2, and the first one again in
// write 3. The completion of write 1 says nothing about what write 3 must bring back.
TEST(Log, WrittenCutAndWrittenAgain_FirstCompletionCountsForNothing) {
    MemoryStorage storage;
    Log log(storage, kLimits, {}, {}, {});
    const std::vector<Entry> one = {entry(1, 1)}, two = {entry(1, 2)};
    Write writes[3];
    for (uint64_t i = 0; i < 3; ++i) {
        ASSERT_EQ(log.append_after(LogIndex(0), Term(0), i == 1 ? two : one),
                  AppendOutcome::kAccepted);
        writes[i].number = WriteNumber(i + 1);
        log.issue(writes[i], SIZE_MAX);
        ASSERT_EQ(writes[i].entries.size(), 1u);
    }
    for (uint64_t i = 0; i < 2; ++i) {
        storage.apply(writes[i]);
        log.persisted(writes[i].number);
        EXPECT_EQ(log.durable(), LogIndex(0));
    }
    storage.apply(writes[2]);
    log.persisted(writes[2].number);
    EXPECT_EQ(log.durable(), LogIndex(1));
}

// The twin gives every entry that was ever appended a serial number, and knows of each write
// which serials it held. Durable is the longest start of the log all of whose serials, at their
// place, were in a write that was reported, with no later given-out write having replaced them.
class LogTwin {
  public:
    struct GivenOut {
        WriteNumber number;
        std::vector<uint64_t> image;  // the whole log after the write, by serial
    };

    void append(uint64_t from_index, const std::vector<Entry>& entries) {
        log.resize(from_index - 1);
        for (const Entry& each : entries) {
            log.push_back(++serial);
            terms.resize(log.size());
            terms[log.size() - 1] = each.term;
        }
        terms.resize(log.size());
    }
    void issue(WriteNumber number) { given_out.push_back({number, log}); }
    // What all prefixes of the writes on their way agree on with the log.
    uint64_t durable(WriteNumber reported) const {
        uint64_t agreed = log.size();
        const std::vector<uint64_t> empty;
        const auto limit = [&](const std::vector<uint64_t>& image) {
            uint64_t same = 0;
            while (same < image.size() && same < log.size() && image[same] == log[same]) ++same;
            agreed = std::min(agreed, same);
        };
        const std::vector<uint64_t>* at_reported = &empty;
        for (const GivenOut& write : given_out) {
            if (write.number <= reported) at_reported = &write.image;
        }
        limit(*at_reported);
        for (const GivenOut& write : given_out) {
            if (write.number > reported) limit(write.image);
        }
        return agreed;
    }

    std::vector<uint64_t> log;
    std::vector<Term> terms;
    std::vector<GivenOut> given_out;
    uint64_t serial = 0;
};

TEST(Log, RandomAppendsCutsAndCompletions_DurableMatchesTheTwin) {
    uint64_t cuts = 0;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        Random random(seed);
        MemoryStorage storage;
        Log log(storage, kLimits, {}, {}, {});
        LogTwin twin;
        std::deque<Write> on_their_way;
        uint64_t number = 0;
        WriteNumber reported{};
        for (int step = 0; step < 120; ++step) {
            const uint64_t kind = random.below(10);
            if (kind < 4) {
                // Terms of one index come from few, so that the same pair comes back often.
                const uint64_t previous = random.below(twin.log.size() + 1);
                const Term before = previous == 0 ? Term(0) : twin.terms[previous - 1];
                std::vector<Entry> entries;
                Term term = before;
                for (uint64_t count = random.between(1, 3); count > 0; --count) {
                    term = Term(std::max<uint64_t>(term.value(), random.between(1, 3)));
                    entries.push_back(entry(previous + 1 + entries.size(), term.value()));
                }
                size_t known = 0;
                while (known < entries.size() && previous + known < twin.log.size() &&
                       twin.terms[previous + known] == entries[known].term) {
                    ++known;
                }
                ASSERT_EQ(log.append_after(LogIndex(previous), before, entries),
                          AppendOutcome::kAccepted);
                if (known < entries.size()) {
                    cuts += previous + known < twin.log.size();
                    twin.append(previous + known + 1,
                                {entries.begin() + static_cast<ptrdiff_t>(known), entries.end()});
                }
            } else if (kind < 7) {
                if (!log.has_unissued()) continue;
                Write write{.number = WriteNumber(++number)};
                log.issue(write, SIZE_MAX);
                twin.issue(write.number);
                on_their_way.push_back(std::move(write));
            } else if (!on_their_way.empty()) {
                storage.apply(on_their_way.front());
                reported = on_their_way.front().number;
                on_their_way.pop_front();
                log.persisted(reported);
            }
            log.check_invariants();
            ASSERT_EQ(log.last_index().value(), twin.log.size());
            // Not given out yet counts as not durable on both sides.
            ASSERT_EQ(log.durable().value(), twin.durable(reported)) << "seed " << seed;
        }
    }
    EXPECT_GT(cuts, 1000u);
}

TEST(Log, BackOff_SkipsWholeTerms) {
    MemoryStorage storage;
    Log log(storage, kLimits, {}, {}, {});
    for (uint64_t i = 1; i <= 9; ++i) log.append(entry(i, i <= 3 ? 1 : i <= 6 ? 4 : 7));
    Term found;
    EXPECT_EQ(log.last_with_term_at_most(LogIndex(9), Term(6), found), LogIndex(6));
    EXPECT_EQ(found, Term(4));
    EXPECT_EQ(log.last_with_term_at_most(LogIndex(9), Term(3), found), LogIndex(3));
    EXPECT_EQ(log.last_with_term_at_most(LogIndex(99), Term(9), found), LogIndex(9));
    EXPECT_EQ(log.last_with_term_at_most(LogIndex(2), Term(0), found), LogIndex(0));
}

TEST(Log, Pages_KeepToTheLimitAndWaitForApplying) {
    MemoryStorage storage;
    Log log(storage, {1'000'000, 100, 150}, {}, {}, {});
    for (uint64_t i = 1; i <= 10; ++i) log.append(entry(i, 1, "12345678"));  // 40 bytes each
    log.commit_to(LogIndex(10));
    Write write{.number = WriteNumber(1)};
    log.issue(write, SIZE_MAX);
    storage.apply(write);
    log.persisted(write.number);
    EXPECT_EQ(log.hand_over().size(), 2u);
    EXPECT_EQ(log.hand_over().size(), 2u);
    EXPECT_FALSE(log.can_hand_over()) << "160 bytes wait to be applied";
    log.applied_to(LogIndex(2));
    EXPECT_TRUE(log.can_hand_over());
}

}  // namespace timber::raft
