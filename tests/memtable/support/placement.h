#pragma once
// Where the operations of a history lie: in which memory table, in which file of which level.
//
// scatter() puts them anywhere that an iterator must cope with. Sketch does what a store does
// (write, seal, flush, compact, ingest) to vectors, so that sources stand in the order that a point
// read relies on.
#include <array>
#include <functional>
#include <vector>

#include "memtable/view.h"
#include "src/base/random.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"

namespace timber::memtable {

struct Placement {
    std::vector<TableContents> memory{1};  // the active one, then sealed ones, newest first
    std::array<std::vector<TableContents>, kLevels> levels;  // each in its order
};

void add_operation(TableContents& to, const HistoryOperation& operation);

// Contents cut at user keys into what may stand side by side in a level.
std::vector<TableContents> cut(TableContents contents, Random& random, size_t pieces_max);

Placement scatter(const History& history, Random& random);

// `add` makes a table file of contents.
using AddTable = std::function<TableFileRef(Family, TableContents)>;
ViewRef view_of(const Placement& placement, Family family, const AddTable& add);
ViewRef view_of(const Placement& placement, Family family, FakeTables& tables);

class Sketch {
  public:
    explicit Sketch(uint64_t seed) : random_(seed) {}

    void write(WriteBatch::Kind kind, std::string key, std::string value);
    void seal();
    // The oldest sealed memory table; nothing if there is none.
    void flush();
    // Some file of a level, with what must go along, to the next one.
    void compact(size_t level);
    // Replaces [begin, end) by `rows` of it, and sets the row `key` outside of it.
    void ingest(const std::string& begin, const std::string& end, const Rows& rows,
                const std::string& key);
    // One of the above, by chance.
    void step(const std::vector<std::string>& keys);

    const Placement& placement() const { return placement_; }
    const History& history() const { return history_; }
    Sequence last() const { return last_; }

  private:
    void add_level0(TableContents contents);

    Random random_;
    Placement placement_;
    History history_;
    Sequence last_;
};

}  // namespace timber::memtable
