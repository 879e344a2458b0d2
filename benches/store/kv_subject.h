#pragma once
// A store put through the cases of state_store.
//
// Cases whose name begins with "fill" or is "overwrite" write for the whole slice and leave no
// compaction behind. The others read data that is prepared once and shared by the cases that
// follow, as long as they ask for the same: `small` data fits into the cache, `large` data is ten
// times the cache and twenty times a memory table.
//
// Every answer is checked: a value tells which key it belongs to.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/store/kv_store.h"
#include "src/base/random.h"

namespace timber::bench {

class KvSubject : public Subject {
  public:
    KvSubject(Options& options, std::unique_ptr<KvStore> store);
    ~KvSubject() override;

    std::string name() const override { return store_->name(); }
    bool takes(const Case& wanted) const override;
    uint32_t lanes(const Case&) const override { return 1; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status settle(const Case& wanted) override;
    Status finish(const Case& wanted) override;

  private:
    enum class Data : uint8_t { kNone, kSmall, kLarge, kLargeWithHoles };

    static Data data_of(const Case& wanted);
    Status open_empty();
    void close();
    Status load(Data data, uint64_t value_bytes);
    Status make_holes();
    Status check_some();

    Status fill(const Case& wanted, SliceRecorder& recorder);
    Status get(SliceRecorder& recorder, bool present);
    Status scan(SliceRecorder& recorder, bool forward, bool into_holes);
    Status mixed(SliceRecorder& recorder);
    Status get_one(Reader& reader, uint64_t index, bool present);

    const std::string directory_;
    const Settings settings_;
    std::unique_ptr<KvStore> store_;
    std::unique_ptr<Reader> reader_;
    Random random_;
    std::optional<ValueMaker> values_;

    bool open_ = false;
    Data data_ = Data::kNone;
    uint64_t value_bytes_ = 0;
    uint64_t keys_ = 0;     // that are there: at places 0, 2, 4, ...
    uint64_t written_ = 0;  // by the fills of this case
    uint64_t version_ = 0;
};

}  // namespace timber::bench
