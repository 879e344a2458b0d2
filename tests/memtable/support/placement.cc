#include "tests/memtable/support/placement.h"

#include <algorithm>
#include <set>

namespace timber::memtable {
namespace {

KeyRange hull(const TableContents& contents) {
    KeyRange range{.begin = {}, .end = std::string(1, '\0')};
    bool first = true;
    const auto widen = [&](const std::string& begin, const std::string& end) {
        if (first || begin < range.begin) range.begin = begin;
        if (first || compare_ends(end, range.end) > 0) range.end = end;
        first = false;
    };
    for (const auto& [key, value] : contents.entries) {
        const std::string user_key(user_key_of(key));
        widen(user_key, user_key + '\0');
    }
    for (const RangeRemove& remove : contents.removes) widen(remove.begin, remove.end);
    return range;
}

bool overlap(const KeyRange& left, const KeyRange& right) {
    return before_end(left.begin, right.end) && before_end(right.begin, left.end);
}

Sequence sequence_max(const TableContents& contents) {
    Sequence last;
    for (const auto& [key, value] : contents.entries) last = std::max(last, sequence_of(key));
    for (const RangeRemove& remove : contents.removes) last = std::max(last, remove.sequence);
    return last;
}

void merge(TableContents& to, TableContents from) {
    std::ranges::move(from.entries, std::back_inserter(to.entries));
    std::ranges::move(from.removes, std::back_inserter(to.removes));
}

// An ingest's rows are in a memory table and in a file; both may come into one compaction.
void sort_unique(EntryVector& entries) {
    sort_entries(entries);
    entries.erase(std::ranges::unique(entries).begin(), entries.end());
}

std::shared_ptr<MemoryTable> memory_table_of(const TableContents& contents, Family family) {
    auto table = std::make_shared<MemoryTable>(1);
    // The other families' rows are nobody's business.
    const Family other = family == Family::kWrite ? Family::kMeta : Family::kWrite;
    for (const auto& [key, value] : contents.entries) {
        table->add(family, sequence_of(key), kind_of(key), user_key_of(key), value);
        table->add(other, sequence_of(key), EntryKind::kPut, user_key_of(key), "of another family");
    }
    for (const RangeRemove& remove : contents.removes) {
        table->add_range_remove(family, remove.sequence, remove.begin, remove.end);
        table->add_range_remove(other, remove.sequence, {}, {});
    }
    return table;
}

}  // namespace

void add_operation(TableContents& to, const HistoryOperation& operation) {
    if (operation.kind == WriteBatch::Kind::kRemoveRange) {
        if (before_end(operation.key, operation.value))
            to.removes.push_back({operation.key, operation.value, operation.sequence});
        return;
    }
    const bool put = operation.kind == WriteBatch::Kind::kPut;
    std::string key;
    append_internal_key(key, operation.key, operation.sequence,
                        put ? EntryKind::kPut : EntryKind::kRemove);
    to.entries.emplace_back(std::move(key), put ? operation.value : std::string());
    sort_unique(to.entries);
}

std::vector<TableContents> cut(TableContents contents, Random& random, size_t pieces_max) {
    sort_unique(contents.entries);
    std::set<std::string> cuts;
    for (uint64_t i = random.below(pieces_max); i > 0; --i) {
        if (!contents.entries.empty() && !random.one_in(4))
            cuts.emplace(
                user_key_of(contents.entries[random.below(contents.entries.size())].first));
        else if (!contents.removes.empty())
            cuts.emplace(contents.removes[random.below(contents.removes.size())].begin);
    }
    cuts.erase("");
    std::vector<std::string> ends(cuts.begin(), cuts.end());
    ends.emplace_back();
    std::vector<TableContents> pieces;
    std::string begin;
    for (const std::string& end : ends) {
        TableContents piece;
        const KeyRange range{begin, end};
        for (const auto& entry : contents.entries)
            if (range.contains(user_key_of(entry.first))) piece.entries.push_back(entry);
        for (const RangeRemove& remove : contents.removes) {
            RangeRemove part{std::max(remove.begin, begin),
                             compare_ends(remove.end, end) < 0 ? remove.end : end, remove.sequence};
            if (before_end(part.begin, part.end)) piece.removes.push_back(std::move(part));
        }
        if (!piece.empty()) pieces.push_back(std::move(piece));
        begin = end;
    }
    return pieces;
}

Placement scatter(const History& history, Random& random) {
    Placement placement;
    placement.memory.resize(1 + random.below(3));
    placement.levels[0].resize(random.below(4));
    const size_t deep = random.below(4);
    std::vector<TableContents> pools(deep);
    const size_t places = placement.memory.size() + placement.levels[0].size() + deep;
    for (const HistoryOperation& operation : history.operations()) {
        size_t place = random.below(places);
        if (place < placement.memory.size()) {
            add_operation(placement.memory[place], operation);
            continue;
        }
        place -= placement.memory.size();
        if (place < placement.levels[0].size()) {
            add_operation(placement.levels[0][place], operation);
            continue;
        }
        add_operation(pools[place - placement.levels[0].size()], operation);
    }
    std::erase_if(placement.levels[0], [](const TableContents& file) { return file.empty(); });
    for (size_t i = 0; i < deep; ++i)
        placement.levels[1 + 2 * i] = cut(std::move(pools[i]), random, 6);
    return placement;
}

ViewRef view_of(const Placement& placement, Family family, FakeTables& tables) {
    return view_of(placement, family, [&tables](Family of, TableContents contents) {
        return tables.add(of, std::move(contents));
    });
}

ViewRef view_of(const Placement& placement, Family family, const AddTable& add) {
    auto view = std::make_shared<View>();
    view->active = memory_table_of(placement.memory.front(), family);
    for (size_t i = 1; i < placement.memory.size(); ++i) {
        auto table = memory_table_of(placement.memory[i], family);
        table->seal();
        view->sealed.push_back(std::move(table));
    }
    std::vector<std::pair<size_t, TableFileRef>> files;
    for (size_t level = 0; level < kLevels; ++level)
        for (const TableContents& contents : placement.levels[level])
            files.emplace_back(level, add(family, contents));
    view->version = version_of(files);
    return view;
}

void Sketch::write(WriteBatch::Kind kind, std::string key, std::string value) {
    const HistoryOperation operation{++last_, kind, std::move(key), std::move(value)};
    add_operation(placement_.memory.front(), operation);
    history_.add(operation);
}

void Sketch::seal() {
    if (placement_.memory.front().empty()) return;
    placement_.memory.insert(placement_.memory.begin(), TableContents());
}

void Sketch::add_level0(TableContents contents) {
    if (contents.empty()) return;
    std::vector<TableContents>& level = placement_.levels[0];
    const Sequence last = sequence_max(contents);
    const auto at = std::ranges::find_if(
        level, [last](const TableContents& file) { return sequence_max(file) < last; });
    level.insert(at, std::move(contents));
}

void Sketch::flush() {
    if (placement_.memory.size() == 1) return;
    TableContents oldest = std::move(placement_.memory.back());
    placement_.memory.pop_back();
    add_level0(std::move(oldest));
}

void Sketch::compact(size_t level) {
    std::vector<TableContents>& from = placement_.levels[level];
    std::vector<TableContents>& to = placement_.levels[level + 1];
    if (from.empty()) return;
    const size_t first = random_.below(from.size());
    TableContents merged = std::move(from[first]);
    from.erase(from.begin() + static_cast<ptrdiff_t>(first));
    // In level 0, what is older and overlaps goes along.
    for (size_t i = first; level == 0 && i < from.size();) {
        if (!overlap(hull(from[i]), hull(merged))) {
            ++i;
            continue;
        }
        merge(merged, std::move(from[i]));
        from.erase(from.begin() + static_cast<ptrdiff_t>(i));
        i = first;
    }
    const KeyRange range = hull(merged);
    std::erase_if(to, [&](TableContents& file) {
        if (!overlap(hull(file), range)) return false;
        merge(merged, std::move(file));
        return true;
    });
    std::ranges::move(cut(std::move(merged), random_, 4), std::back_inserter(to));
    std::ranges::sort(to, {}, [](const TableContents& file) { return hull(file).begin; });
}

void Sketch::ingest(const std::string& begin, const std::string& end, const Rows& rows,
                    const std::string& key) {
    const HistoryOperation remove{++last_, WriteBatch::Kind::kRemoveRange, begin, end};
    const HistoryOperation row{++last_, WriteBatch::Kind::kPut, key,
                               "row " + std::to_string(last_.value())};
    TableContents file;
    history_.add(remove);
    history_.add(row);
    for (const auto& [row_key, value] : rows) {
        const HistoryOperation put{last_, WriteBatch::Kind::kPut, row_key, value};
        history_.add(put);
        add_operation(file, put);
    }
    TableContents removes;
    add_operation(removes, remove);
    TableContents row_file;
    add_operation(row_file, row);
    for (const HistoryOperation* operation : {&remove, &row})
        add_operation(placement_.memory.front(), *operation);

    const KeyRange range{begin, end};
    size_t levels = 0;  // from the top, that hold nothing of the range
    while (levels < kLevels &&
           std::ranges::none_of(
               placement_.levels[levels],
               [&](const TableContents& other) { return overlap(hull(other), range); }))
        ++levels;
    if (levels < 2) {
        add_level0(std::move(file));
    } else if (!file.empty()) {
        std::vector<TableContents>& level = placement_.levels[levels - 1];
        level.push_back(std::move(file));
        std::ranges::sort(level, {}, [](const TableContents& other) { return hull(other).begin; });
    }
    add_level0(std::move(removes));
    add_level0(std::move(row_file));
}

void Sketch::step(const std::vector<std::string>& keys) {
    const auto key = [&] { return keys[random_.below(keys.size())]; };
    std::string begin = key();
    std::string end = random_.one_in(8) ? std::string() : key();
    if (!end.empty() && end < begin) std::swap(begin, end);
    switch (random_.below(12)) {
        case 0: return seal();
        case 1: return flush();
        case 2: return compact(random_.below(2));
        case 3: return compact(random_.below(kLevels - 1));
        case 4:
            if (random_.one_in(2)) return write(WriteBatch::Kind::kRemoveRange, begin, end);
            return;
        case 5: {
            if (!random_.one_in(2) || begin == end) return;
            Rows rows;
            for (size_t i = random_.below(6); i > 0; --i)
                if (std::string row = key(); KeyRange{begin, end}.contains(row))
                    rows[row] = "ingested " + std::to_string(last_.value());
            const std::string outside = key();
            if (KeyRange{begin, end}.contains(outside)) return;
            return ingest(begin, end, rows, outside);
        }
        case 6: return write(WriteBatch::Kind::kRemove, key(), {});
        default: {
            const std::string value = "value " + std::to_string(last_.value() + 1);
            return write(WriteBatch::Kind::kPut, key(), value);
        }
    }
}

}  // namespace timber::memtable
