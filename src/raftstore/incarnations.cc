#include "src/raftstore/incarnations.h"

#include "src/base/mistake.h"
#include "src/raftstore/codec.h"
#include "src/raftstore/local_rows.h"

namespace timber::raftstore {

static constexpr uint8_t kIncarnationVersion = 1;

uint64_t Incarnations::row_key(StoreId store) {
    TIMBER_ASSERT_OP(store.value(), <=, kStoreIdMax);
    return kIncarnationRows | store.value();
}

std::string Incarnations::row_value(Incarnation incarnation) {
    Encoder encoder;
    encoder.u8(kIncarnationVersion);
    encoder.fixed64(incarnation.value());
    return encoder.take_string();
}

Status Incarnations::load(const storage::StorageEngine& engine) {
    for (const uint64_t key : engine.local_keys()) {
        if ((key & kLocalRowKindMask) != kIncarnationRows) continue;
        Decoder decoder("incarnation of a Store", as_bytes(*engine.local(key)));
        decoder.version(kIncarnationVersion);
        const Incarnation incarnation(decoder.fixed64());
        TIMBER_CHECK(decoder.finish());
        known_.emplace(StoreId(key & ~kLocalRowKindMask), incarnation);
    }
    return {};
}

std::optional<Incarnation> Incarnations::known(StoreId store) const {
    const auto at = known_.find(store);
    if (at == known_.end()) return std::nullopt;
    return at->second;
}

Incarnations::Verdict Incarnations::judge(StoreId store, Incarnation incarnation) const {
    if (store == StoreId(0) || store.value() > kStoreIdMax) return Verdict::kTooMany;
    const std::optional<Incarnation> known = this->known(store);
    if (!known) return known_.size() < kStoresMax ? Verdict::kNew : Verdict::kTooMany;
    if (*known != incarnation && !TIMBER_MISTAKE(rs_incarnation_unchecked)) return Verdict::kOther;
    return Verdict::kKnown;
}

void Incarnations::add(StoreId store, Incarnation incarnation) {
    const bool fresh = known_.emplace(store, incarnation).second;
    TIMBER_ASSERT(fresh);  // IN1
}

}  // namespace timber::raftstore
