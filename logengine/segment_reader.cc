#include "logengine/segment_reader.h"

#include <algorithm>

namespace timber::logengine {

SegmentReader::~SegmentReader() { drain(); }

void SegmentReader::drain() {
    while (in_flight_ > 0) {
        disk_.wait(ops_[oldest_]);
        oldest_ = (oldest_ + 1) % kReadsAhead;
        --in_flight_;
    }
}

void SegmentReader::open(const Segment& segment) {
    if (segment_ == &segment) return;
    drain();
    segment_ = &segment;
    buffer_.reserve(geometry_.segment_bytes);
    submitted_ = 0;
    loaded_ = 0;
    oldest_ = 0;
}

void SegmentReader::submit_more() {
    while (in_flight_ < kReadsAhead && submitted_ < geometry_.segment_bytes) {
        const size_t bytes = std::min<uint64_t>(read_bytes_, geometry_.segment_bytes - submitted_);
        IoOp& op = ops_[(oldest_ + in_flight_) % kReadsAhead];
        op.prepare_read(segment_->file, submitted_, {buffer_.data() + submitted_, bytes});
        disk_.submit(op);
        submitted_ += bytes;
        ++in_flight_;
    }
}

Status SegmentReader::finish_oldest() {
    IoOp& op = ops_[oldest_];
    disk_.wait(op);
    oldest_ = (oldest_ + 1) % kReadsAhead;
    --in_flight_;
    if (!op.result()) return with_place(op.result().error(), segment_->path, op);
    if (*op.result() != op.bytes())
        return file_error(ErrorCode::kCorrupted, segment_->path, op.offset() + *op.result(),
                          "the segment is cut short; restore this replica from its peers");
    loaded_ += op.bytes();
    return {};
}

Status SegmentReader::load(uint64_t bytes) {
    TIMBER_ASSERT_OP(bytes, <=, geometry_.segment_bytes);
    while (loaded_ < bytes) {
        submit_more();
        TIMBER_CHECK(finish_oldest());
    }
    return {};
}

}  // namespace timber::logengine
