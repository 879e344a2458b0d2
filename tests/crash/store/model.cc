#include "tests/crash/store/model.h"

namespace timber::memtable {

namespace {

Error broken(std::string promise) {
    return make_error(ErrorCode::kCorrupted, "promise broken: " + std::move(promise));
}

std::string shown(std::string_view bytes) {
    constexpr size_t kShown = 24;
    std::string text = "'" + std::string(bytes.substr(0, kShown)) + "'";
    if (bytes.size() > kShown) text += " (" + std::to_string(bytes.size()) + " bytes)";
    return text;
}

std::string first_difference(const Rows& expected, const Rows& found) {
    auto e = expected.begin();
    auto f = found.begin();
    while (e != expected.end() && f != found.end() && *e == *f) {
        ++e;
        ++f;
    }
    if (f == found.end() || (e != expected.end() && e->first < f->first))
        return "key " + shown(e->first) + " is missing";
    if (e == expected.end() || f->first < e->first)
        return "key " + shown(f->first) + " should not be there";
    return "key " + shown(e->first) + " has the value " + shown(f->second) + " instead of " +
           shown(e->second);
}

}  // namespace

void Contents::remove_range(Family family, std::string_view begin, std::string_view end) {
    Rows& all = rows(family);
    auto at = all.lower_bound(begin);
    while (at != all.end() && before_end(at->first, end)) at = all.erase(at);
}

void Contents::apply(const WriteBatch& batch) {
    batch.for_each([&](const WriteBatch::Operation& operation) {
        switch (operation.kind) {
            case WriteBatch::Kind::kPut:
                rows(operation.family)
                    .insert_or_assign(std::string(operation.key), std::string(operation.value));
                break;
            case WriteBatch::Kind::kRemove:
                rows(operation.family).erase(std::string(operation.key));
                break;
            case WriteBatch::Kind::kRemoveRange:
                remove_range(operation.family, operation.key, operation.value);
                break;
        }
    });
}

std::string difference(const Contents& expected, const Contents& found) {
    for (const Family family : kAllFamilies) {
        if (expected.rows(family) == found.rows(family)) continue;
        return "family " + std::string(to_string(family)) + ": " +
               first_difference(expected.rows(family), found.rows(family));
    }
    return "none";
}

void IngestContent::apply(Contents& contents) const {
    for (const Family family : {Family::kDefault, Family::kLock, Family::kWrite}) {
        contents.remove_range(family, range.begin, range.end);
        for (const auto& [key, value] : rows[index_of(family)])
            contents.rows(family).insert_or_assign(key, value);
    }
    contents.apply(extra);
}

bool IngestContent::apart_from(Family family, std::string_view key) const {
    if (family != Family::kMeta) return !range.contains(key);
    bool apart = true;
    extra.for_each([&](const WriteBatch::Operation& operation) { apart &= operation.key != key; });
    return apart;
}

bool IngestContent::apart_from_range(Family family, std::string_view begin,
                                     std::string_view end) const {
    if (family == Family::kMeta) {
        bool apart = true;
        extra.for_each([&](const WriteBatch::Operation& operation) {
            apart &= operation.key < begin || !before_end(operation.key, end);
        });
        return apart;
    }
    return !before_end(begin, range.end) || !before_end(range.begin, end);
}

Contents& StoreModel::change_now() {
    if (now_.use_count() > 1) now_ = std::make_shared<Contents>(*now_);
    return *now_;
}

void StoreModel::written(const WriteBatch& batch, Sequence sequence) {
    change_now().apply(batch);
    changes_.push_back({sequence, batch, nullptr});
    ++next_number_;
}

void StoreModel::ingest_begun(std::shared_ptr<const IngestContent> content) {
    TIMBER_ASSERT(ingest_pending_ == nullptr);
    ingest_pending_ = std::move(content);
}

void StoreModel::ingest_done(Sequence sequence) {
    TIMBER_ASSERT(ingest_pending_ != nullptr);
    ingest_pending_->apply(change_now());
    changes_.push_back({sequence, {}, std::move(ingest_pending_)});
    ingest_pending_ = nullptr;
}

void StoreModel::ingest_refused() { ingest_pending_ = nullptr; }

void StoreModel::flushed(Sequence flushed, LogMark floor) {
    flushed_told_ = flushed;
    floor_told_ = floor;
}

void StoreModel::forget_lost() {
    lost_.clear();
    ingest_lost_ = nullptr;
}

Contents StoreModel::replay(Sequence flushed, bool with_pending) const {
    Contents contents = *base_;
    for (const Change& change : changes_) {
        if (change.ingest != nullptr) {
            change.ingest->apply(contents);
        } else if (change.sequence <= flushed) {
            contents.apply(change.batch);
        }
    }
    if (with_pending) ingest_pending_->apply(contents);
    return contents;
}

Status StoreModel::recovered(const RecoveredStore& store) {
    const auto number = [](auto id) { return std::to_string(id.value()); };
    if (store.flushed < flushed_told_)
        return broken("flushed up to " + number(store.flushed) + ", but it had said " +
                      number(flushed_told_));
    uint64_t batches = 0;
    for (const Change& change : changes_)
        batches += change.ingest == nullptr && change.sequence <= store.flushed ? 1 : 0;
    const uint64_t floor = base_number_ + batches;
    // Nothing was ever flushed: then nothing was said of the log either.
    const bool fresh = floor == 1 && store.log_floor.value() == 0;
    if (store.log_floor.value() != floor && !fresh)
        return broken("the log's floor is " + number(store.log_floor) +
                      ", but what is flushed ends " + "before batch " + std::to_string(floor));

    bool with_pending = false;
    Contents expected = replay(store.flushed, false);
    if (ingest_pending_ != nullptr && expected != store.contents) {
        Contents with = replay(store.flushed, true);
        with_pending = with == store.contents;
        if (with_pending) expected = std::move(with);
    }
    if (expected != store.contents)
        return broken("flushed up to " + number(store.flushed) +
                      (ingest_pending_ != nullptr ? ", with an ingest under way, " : ", ") +
                      difference(expected, store.contents));

    lost_.clear();
    for (const Change& change : changes_)
        if (change.ingest == nullptr && change.sequence > store.flushed)
            lost_.push_back(change.batch);
    ingest_lost_ = with_pending ? nullptr : ingest_pending_;
    ingest_pending_ = nullptr;
    base_ = std::make_shared<Contents>(std::move(expected));
    now_ = base_;
    changes_.clear();
    base_number_ = floor;
    next_number_ = floor;
    flushed_told_ = store.flushed;
    floor_told_ = store.log_floor;
    ever_opened_ = true;
    return {};
}

}  // namespace timber::memtable
