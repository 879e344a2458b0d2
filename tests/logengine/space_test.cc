// A full disk: refused before it is too late, and over as soon as there is space.
#include <gtest/gtest.h>

#include "tests/logengine/log_fixture.h"
#include "tests/logengine/log_image.h"

namespace timber::logengine {
namespace {

class Space : public testing::Test {
  protected:
    Space() { log.use_fast_processor(); }

    // A log on a disk that holds its superblock and `segments` segments.
    void open_on(uint64_t segments) {
        log.set_capacity(16_KiB + segments * 64_KiB);
        ASSERT_TRUE(log.open().ok());
    }
    void fill() {
        while (true) {
            const Answer answer = log.append_and_wait({std::string(5000, 'x')});
            log.world().run_for(std::chrono::milliseconds(20));
            if (answer.error) {
                EXPECT_TRUE(fails(answer, ErrorCode::kNoSpace)) << answer.error->to_string();
                break;
            }
            ++acknowledged;
            last = answer;
        }
        EXPECT_GT(acknowledged, 0u);
    }
    bool goes() {
        const bool went = !log.append_and_wait({"small"}).error;
        acknowledged += went ? 1 : 0;
        return went;
    }
    Answer urgent() {
        const Answer answer = log.wait_for({log.append({"urgent"}, Urgency::kUrgent)})[0];
        acknowledged += answer.error ? 0 : 1;
        return answer;
    }

    LogFixture log;
    size_t acknowledged = 0;
    Answer last;
};

TEST_F(Space, WithoutItBatchesAreRefusedAndWhatWasAcknowledgedStays) {
    open_on(3);
    fill();
    const Answer refused = log.append_and_wait({"small"});
    EXPECT_TRUE(fails(refused, ErrorCode::kNoSpace, "log", "free disk space"));
    EXPECT_TRUE(log.log().stats().no_space);
    EXPECT_GE(log.log().stats().refused_no_space, 2u);
    EXPECT_FALSE(log.log().poisoned());
    EXPECT_TRUE(log.read(last.locations[0]).ok());
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_EQ(log.seen_payloads().size(), acknowledged);
}

TEST_F(Space, UrgentBatchesStillGo) {
    open_on(3);
    fill();
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(urgent().error);
    EXPECT_FALSE(goes());
}

TEST_F(Space, TheReserveItselfHasAnEndAndIsNoDamage) {
    open_on(3);
    fill();
    Answer answer;
    do answer = urgent();
    while (!answer.error);
    EXPECT_TRUE(fails(answer, ErrorCode::kNoSpace));
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_EQ(log.seen_payloads().size(), acknowledged);
}

TEST_F(Space, ItGoesOnByItselfOnceThereIsSpace) {
    open_on(3);
    fill();
    log.set_capacity(std::nullopt);
    log.world().run_for(log.options.space_retry_delay + std::chrono::milliseconds(100));
    EXPECT_TRUE(goes());
    EXPECT_FALSE(log.log().stats().no_space);
}

TEST_F(Space, ItGoesOnAfterARelease) {
    open_on(3);
    fill();
    log.log().release(last.lsn);
    log.world().run_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(goes());
}

TEST_F(Space, ALogThatReleasesNeverNeedsMoreThanItHas) {
    open_on(3);
    for (int i = 0; i < 300; ++i) {
        const Answer answer = log.append_and_wait({std::string(5000, 'x')});
        ASSERT_FALSE(answer.error) << i << answer.error->to_string();
        log.log().release(answer.lsn);
        log.world().run_for(std::chrono::milliseconds(5));
    }
}

TEST_F(Space, OpeningNeedsNone) {
    open_on(10);
    for (int i = 0; i < 8; ++i) ASSERT_FALSE(log.append_and_wait({std::string(20000, 'x')}).error);
    log.run();
    log.close();
    log.fill_disk();
    for (int life = 0; life < 3; ++life) {
        const Status opened = log.open();
        ASSERT_TRUE(opened.ok()) << opened.error().to_string();
        EXPECT_EQ(log.seen_payloads().size(), 8u + static_cast<size_t>(life));
        EXPECT_FALSE(log.append_and_wait({"voted"}).error);
        log.close();
    }
}

TEST_F(Space, OpeningNeedsNoneEvenWithoutASpare) {
    open_on(10);
    ASSERT_TRUE(goes());
    log.run();
    log.close();
    DiskImage image = log.settled_image();
    image.remove_file("log/segment-000002");
    log.restart_on(std::move(image));
    log.fill_disk();
    ASSERT_TRUE(log.open().ok());
    log.world().run_for(std::chrono::milliseconds(20));
    EXPECT_EQ(log.seen_payloads().size(), 1u);
    EXPECT_FALSE(goes());
    EXPECT_FALSE(urgent().error);
    log.set_capacity(std::nullopt);
    log.world().run_for(std::chrono::seconds(1));
    EXPECT_TRUE(goes());
}

TEST_F(Space, ALogThatCannotBeMadeSaysSoAndIsMadeLater) {
    log.set_capacity(100_KiB);
    EXPECT_TRUE(fails(log.open(), ErrorCode::kNoSpace, "log/segment-000002.new"));
    log.set_capacity(std::nullopt);
    EXPECT_TRUE(log.open().ok());
}

}  // namespace
}  // namespace timber::logengine
