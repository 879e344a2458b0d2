#include "tests/src/storage/engine_fixture.h"

namespace timber::storage {

EngineTest::EngineTest() {
    options_.directory = "store";
    options_.format = kIdentity;
    options_.log.segment_bytes = 256_KiB;
    options_.state.memory_table_bytes = 256_KiB;
    options_.state.block_cache_bytes = 1_MiB;
    options_.log_bytes_max = 16_MiB;
    world_ = std::make_unique<SimWorld>(seed_);
    loop_ = std::make_unique<SimLoop>(*world_, "store");
    disk_ = std::make_unique<SimDisk>(*world_);
}

EngineTest::~EngineTest() {
    close();
    world_->run_until_idle();
}

void EngineTest::run_until(const std::function<bool()>& predicate) {
    ASSERT_TRUE(world_->run_until(predicate)) << "nothing is left to happen";
}

Status EngineTest::open() {
    options_.seed = ++seed_;
    std::optional<Status> answer;
    loop_->run([&] {
        StorageEngine::open({*disk_, world_->executor(), *loop_}, options_, applier_, *this,
                            [&](Result<std::unique_ptr<StorageEngine>> opened) {
                                if (opened) engine_ = std::move(*opened);
                                answer = opened ? Status() : Status(std::move(opened).error());
                            });
    });
    EXPECT_TRUE(world_->run_until([&] { return answer.has_value(); }));
    if (*answer) loop_->run([&] { engine_->check_invariants(); });
    return *answer;
}

void EngineTest::open_well() {
    const Status opened = open();
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
}

void EngineTest::close() {
    if (engine_ == nullptr) return;
    bool closed = false;
    loop_->run([&] { engine_->close([&] { closed = true; }); });
    run_until([&] { return closed; });
    loop_->run([&] { engine_.reset(); });
    EXPECT_TRUE(disk_->crashed() || disk_->files_open() == 0);
}

void EngineTest::crash(Death death, uint64_t seed) {
    if (!disk_->crashed()) disk_->crash(death, seed);
    DiskImage image = disk_->image();
    close();
    world_->run_until_idle();
    disk_.reset();
    loop_.reset();
    world_ = std::make_unique<SimWorld>(++seed_);
    loop_ = std::make_unique<SimLoop>(*world_, "store");
    disk_ = std::make_unique<SimDisk>(*world_, SimDisk::Options{}, std::move(image));
    failed_.reset();
}

std::shared_ptr<std::optional<Status>> EngineTest::begin_commit(WriteBatch batch, bool urgent) {
    auto answer = std::make_shared<std::optional<Status>>();
    loop_->run([&] {
        Status accepted = engine_->commit(
            std::move(batch), [answer](Status status) { *answer = std::move(status); }, urgent);
        if (!accepted) *answer = std::move(accepted);
    });
    return answer;
}

Status EngineTest::commit(WriteBatch batch, bool urgent) {
    const auto answer = begin_commit(std::move(batch), urgent);
    run_until([&] { return answer->has_value(); });
    loop_->run([&] { engine_->check_invariants(); });
    return **answer;
}

void EngineTest::create(RegionId region) {
    WriteBatch batch;
    batch.create_region(region,
                        {.applied = raft::LogIndex(5),
                         .applied_term = raft::Term(5),
                         .truncated = {raft::LogIndex(5), raft::Term(5)},
                         .region_state = "new"},
                        {.term = raft::Term(5), .vote = {}, .commit = raft::LogIndex(5)});
    const Status created = commit(std::move(batch));
    ASSERT_TRUE(created.ok()) << created.error().to_string();
}

raft::Entry EngineTest::entry(uint64_t index, uint64_t term, size_t value_bytes) const {
    Commands commands;
    std::string value = std::to_string(index) + "@" + std::to_string(term);
    value.resize(std::max(value.size(), value_bytes), '.');
    commands.put(memtable::Family::kDefault, "key-" + std::to_string(index), value);
    return {
        .term = raft::Term(term), .index = raft::LogIndex(index), .payload = commands.payload()};
}

Status EngineTest::append(RegionId region, uint64_t from, uint64_t count, uint64_t term,
                          size_t value_bytes) {
    std::vector<raft::Entry> list;
    for (uint64_t index = from; index < from + count; ++index)
        list.push_back(entry(index, term, value_bytes));
    WriteBatch batch;
    batch.append(region, list);
    return commit(std::move(batch));
}

Status EngineTest::apply(RegionId region, uint64_t to) {
    while (summary(region).applied.applied.value() < to) {
        const raft::LogIndex next = summary(region).applied.applied + 1;
        const std::vector<raft::Entry> list =
            entries(region, next.value(), std::min(to, next.value() + 9) + 1);
        AppliedState state = summary(region).applied;
        memtable::WriteBatch effects;
        for (const raft::Entry& each : list) {
            TIMBER_CHECK(applier_.apply(region, each, state, effects));
            state.applied = each.index;
            state.applied_term = each.term;
        }
        Status applied;
        loop_->run([&] { applied = engine_->apply(region, state, effects); });
        TIMBER_CHECK(std::move(applied));
    }
    loop_->run([&] { engine_->check_invariants(); });
    return {};
}

Status EngineTest::apply_commands(RegionId region, const Commands& commands) {
    const RegionSummary before = summary(region);
    WriteBatch batch;
    const std::vector<raft::Entry> list = {{.term = std::max(before.last_term, raft::Term(5)),
                                            .index = before.last_index + 1,
                                            .payload = commands.payload()}};
    batch.append(region, list);
    TIMBER_CHECK(commit(std::move(batch)));
    return apply(region, before.last_index.value() + 1);
}

void EngineTest::flush() {
    std::optional<Status> answer;
    loop_->run([&] { engine_->flush([&](Status status) { answer = std::move(status); }); });
    run_until([&] { return answer.has_value(); });
    ASSERT_TRUE(answer->ok()) << answer->error().to_string();
}

std::string EngineTest::get(std::string_view key, memtable::Family family) {
    std::string value = "(error)";
    world_->run_job([&] {
        memtable::PinnedValue pinned;
        const auto found = engine_->state().get({}, family, key, pinned);
        if (found) value = *found ? pinned.to_string() : "(none)";
    });
    return value;
}

std::vector<raft::Entry> EngineTest::entries(RegionId region, uint64_t low, uint64_t high,
                                             size_t bytes_max) {
    for (;;) {
        const size_t calls = entries_ready_calls_;
        Result<std::vector<raft::Entry>> list = std::vector<raft::Entry>();
        loop_->run([&] {
            list = engine_->entries(region, raft::LogIndex(low), raft::LogIndex(high), bytes_max);
        });
        if (list) return *list;
        if (list.error().code != ErrorCode::kBusy) {
            ADD_FAILURE() << list.error().to_string();
            return {};
        }
        run_until([&] { return entries_ready_calls_ > calls; });
    }
}

}  // namespace timber::storage
