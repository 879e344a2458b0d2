#pragma once
// The frame of every bench: runs subjects through cases in interleaved slices, and reports.
//
//   int main(int argc, char** argv) {
//       Options options = parse_options("What does a commit cost?", argc, argv);
//       Bench bench("log_commit", options);
//       bench.add(std::make_unique<FloorSubject>(options));
//       bench.add(std::make_unique<LogSubject>(options));
//       bench.add_case({.name = "async", .parallel = 64, .value_bytes = 256});
//       bench.compare_to("floor");
//       return bench.run();
//   }
//
// Subjects take turns in slices of some hundred milliseconds, in an order that the seed draws anew
// for every round, so that the machine's drift hits all alike. Figures are medians over a subject's
// slices, with quartiles; ratios are taken within a round, then their median. A prober runs beside
// everything and tells the machine's stalls from a subject's (prober.h).
//
// With --quick only cases marked so run, and slices are as long as fit into the time that is left.
//
// Thread: one, the program's.
#include <memory>
#include <string>
#include <vector>

#include "benches/frame/machine.h"
#include "benches/frame/options.h"
#include "benches/frame/prober.h"
#include "benches/frame/report.h"
#include "benches/frame/statistics.h"
#include "benches/frame/subject.h"
#include "src/base/random.h"

namespace timber::bench {

class Bench {
  public:
    Bench(std::string name, const Options& options);

    void add(std::unique_ptr<Subject> subject);
    void add_case(Case wanted);
    // Every row gets ratios to this subject, where that takes part in the case.
    void compare_to(std::string subject);

    // Runs everything and reports. The program's exit code: 1 if a subject failed.
    int run();

  private:
    // One subject in one case.
    struct Turn {
        Subject* subject = nullptr;
        std::vector<SliceResult> slices{};
        int64_t rss_bytes = 0;  // what its calls added to the process so far
    };

    Status run_all();
    Status run_case(const Case& wanted, size_t cases_left);
    Status prepare(Turn& turn, const Case& wanted);
    Status run_slice(Turn& turn, const Case& wanted, int64_t length_ns);
    // What the subject counted itself, or else what the block layer counted but for the prober.
    std::optional<DeviceCount> device_count(const Subject& subject) const;
    void report_case(const Case& wanted, const std::vector<Turn>& turns);
    Status write_json() const;

    std::vector<Case> chosen_cases() const;
    std::vector<Turn> turns_for(const Case& wanted) const;
    // How long a slice is when `slices` of them share the time of a case.
    int64_t slice_ns(const Case& wanted, size_t turns, size_t cases_left) const;

    Options options_;
    Random random_;
    std::vector<std::unique_ptr<Subject>> subjects_;
    std::vector<Case> cases_;
    std::vector<std::string> references_;
    std::optional<BlockDevice> device_;
    std::unique_ptr<Prober> prober_;
    int64_t start_ns_ = 0;
    Report report_;
};

}  // namespace timber::bench
