#include "logengine/segment_table.h"

#include <gtest/gtest.h>

namespace timber::logengine {
namespace {

class SegmentTableTest : public testing::Test {
  protected:
    void add(uint64_t id) {
        auto segment = std::make_unique<Segment>();
        segment->id = SegmentId(id);
        segment->path = "segment " + std::to_string(id);
        table.add(std::move(segment));
    }
    void TearDown() override {
        table.clear([](std::unique_ptr<Segment>) {});
    }

    int told = 0;
    SegmentTable table{[this] { ++told; }};
};

TEST_F(SegmentTableTest, SegmentsStandInTheOrderOfTheirIds) {
    add(3);
    add(5);
    add(9);
    EXPECT_EQ(table.oldest().id, SegmentId(3));
    EXPECT_EQ(table.newest().id, SegmentId(9));
    EXPECT_EQ(table.after(table.oldest())->id, SegmentId(5));
    EXPECT_EQ(table.after(table.newest()), nullptr);
    EXPECT_EQ(table.size(), 3u);
}

TEST_F(SegmentTableTest, APinnedSegmentIsNotTakenAndItsLastPinTells) {
    add(3);
    auto first = table.pin(SegmentId(3));
    auto second = table.pin(SegmentId(3));
    EXPECT_EQ(first->path(), "segment 3");
    EXPECT_EQ(table.take_oldest(), nullptr);
    first.reset();
    EXPECT_EQ(told, 0);
    second.reset();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(table.take_oldest()->id, SegmentId(3));
    EXPECT_EQ(table.size(), 0u);
}

TEST_F(SegmentTableTest, APinThatNobodyWaitsForEndsQuietly) {
    add(3);
    {
        const auto pin = table.pin(SegmentId(3));
    }
    EXPECT_EQ(told, 0);
}

TEST_F(SegmentTableTest, WhatWasTakenOrNeverThereCannotBePinned) {
    add(3);
    EXPECT_NE(table.take_oldest(), nullptr);
    EXPECT_FALSE(table.pin(SegmentId(3)).has_value());
    EXPECT_FALSE(table.pin(SegmentId(4)).has_value());
}

TEST_F(SegmentTableTest, AMovedPinCountsOnce) {
    add(3);
    {
        auto pin = table.pin(SegmentId(3));
        const SegmentTable::Pin moved = std::move(*pin);
        pin.reset();
        EXPECT_EQ(table.take_oldest(), nullptr);
    }
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace timber::logengine
