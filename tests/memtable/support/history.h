#pragma once
// The stupid twin of a family: every operation, replayed.
#include <map>
#include <string>
#include <vector>

#include "memtable/write_batch.h"
#include "src/base/random.h"

namespace timber::memtable {

struct HistoryOperation {
    Sequence sequence;
    WriteBatch::Kind kind = WriteBatch::Kind::kPut;
    std::string key;    // of a range: its begin
    std::string value;  // of a range: its end
};

using Rows = std::map<std::string, std::string>;

class History {
  public:
    // In the order of their sequences.
    void add(HistoryOperation operation) { operations_.push_back(std::move(operation)); }
    const std::vector<HistoryOperation>& operations() const { return operations_; }

    // What a reader at `visible` sees.
    Rows at(Sequence visible) const;

  private:
    std::vector<HistoryOperation> operations_;
};

inline Rows History::at(Sequence visible) const {
    Rows rows;
    for (const HistoryOperation& operation : operations_) {
        if (operation.sequence > visible) break;
        switch (operation.kind) {
            case WriteBatch::Kind::kPut: rows[operation.key] = operation.value; break;
            case WriteBatch::Kind::kRemove: rows.erase(operation.key); break;
            case WriteBatch::Kind::kRemoveRange:
                std::erase_if(rows, [&operation](const auto& row) {
                    return row.first >= operation.key && before_end(row.first, operation.value);
                });
                break;
        }
    }
    return rows;
}

// What of [lower, upper) is in the rows.
inline std::vector<std::pair<std::string, std::string>> rows_within(const Rows& rows,
                                                                    std::string_view lower,
                                                                    std::string_view upper) {
    std::vector<std::pair<std::string, std::string>> within;
    for (const auto& [key, value] : rows)
        if (key >= lower && before_end(key, upper)) within.emplace_back(key, value);
    return within;
}

// Keys of one shape, in no order; the same for the same seed.
std::vector<std::string> draw_keys(Random& random, size_t count);

// Operations with sequences 1, 2, 3, ...; `range_percent` of them remove ranges.
History draw_history(Random& random, const std::vector<std::string>& keys, size_t operations,
                     uint64_t range_percent);

}  // namespace timber::memtable
