#include "logengine/retained_records.h"

#include <gtest/gtest.h>

#include <string>

namespace timber::logengine {
namespace {

// The records carried forward, as "type:tag@origin=payload", through a checkpoint and back.
class Carrier {
  public:
    void apply(uint64_t lsn, uint64_t tag, Retention retention, std::string_view payload,
               std::optional<Lsn> origin = std::nullopt) {
        Record record{.type = RecordType(1),
                      .tag = {0, tag},
                      .retention = retention,
                      .origin_lsn = origin,
                      .payload = as_bytes(payload),
                      .location = {}};
        record.location.lsn = Lsn(lsn);
        retained.apply(record);
        retained.check_invariants();
    }
    std::string checkpoint() const {
        Batch batch = retained.build();
        EXPECT_EQ(batch.bytes(), retained.bytes());
        const ByteView bytes = BatchAccess::seal(batch, true);
        RecordCursor records(bytes, batch.records(), Lsn(99), SegmentId(1), 0);
        std::string text;
        while (records.next()) {
            const Record& record = records.record();
            EXPECT_EQ(record.retention, Retention::kCarriedForward);
            text += std::to_string(record.tag.low) + "@" +
                    std::to_string(record.origin_lsn.value().value()) + "=" +
                    std::string(as_text(record.payload)) + " ";
        }
        return text;
    }
    RetainedRecords retained;
};

TEST(RetainedRecords, TheNewestOfEachTagIsCarriedWithItsOrigin) {
    Carrier carrier;
    carrier.apply(5, 1, Retention::kCarriedForward, "old");
    carrier.apply(6, 2, Retention::kCarriedForward, "two");
    carrier.apply(7, 1, Retention::kCarriedForward, "newer");
    EXPECT_EQ(carrier.checkpoint(), "1@7=newer 2@6=two ");
}

TEST(RetainedRecords, ACheckpointsRecordKeepsItsFirstOrigin) {
    Carrier carrier;
    carrier.apply(50, 1, Retention::kCarriedForward, "one", Lsn(5));
    EXPECT_EQ(carrier.checkpoint(), "1@5=one ");
}

TEST(RetainedRecords, ForgetEndsIt) {
    Carrier carrier;
    carrier.apply(5, 1, Retention::kCarriedForward, "one");
    carrier.apply(6, 1, Retention::kForget, "");
    carrier.apply(7, 2, Retention::kForget, "never there");
    EXPECT_EQ(carrier.checkpoint(), "");
    EXPECT_EQ(carrier.retained.size(), 0u);
}

TEST(RetainedRecords, OrdinaryRecordsAreNotTheirBusiness) {
    Carrier carrier;
    carrier.apply(5, 1, Retention::kCarriedForward, "one");
    carrier.apply(6, 1, Retention::kUntilReleased, "other");
    EXPECT_EQ(carrier.checkpoint(), "1@5=one ");
}

}  // namespace
}  // namespace timber::logengine
