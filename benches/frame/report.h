#pragma once
// The two faces of a result: a table for people, JSON for programs.
#include <string>
#include <vector>

#include "benches/frame/machine.h"
#include "benches/frame/options.h"
#include "benches/frame/statistics.h"

namespace timber::bench {

struct Report {
    std::string bench;
    Machine machine{};
    Options options{};
    double slice_ms = 0;  // the shortest, where cases differ
    std::vector<Row> rows{};
    std::vector<Interval> prober_slow_writes{};
};

// Machine, parameters, and a block of rows for each case.
std::string table_of(const Report& report);
// {"machine": {...}, "parameters": {...}, "rows": [{...}]}. What was not measured is null.
std::string json_of(const Report& report);

}  // namespace timber::bench
