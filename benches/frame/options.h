#pragma once
// What a bench was asked to do, from its command line. Every bench takes the same arguments.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace timber::bench {

struct Options {
    std::string directory = "bench-data";  // subjects keep their files here: a real disk, please
    std::string json_path;                 // empty: no JSON
    uint64_t seed = 1;
    uint32_t slices = 20;
    double seconds = 10;                // measured for each subject in each case, over all slices
    double stall_ms = 50;               // what takes longer is a stall
    bool quick = false;                 // only the cases that aims name, under 50 seconds in all
    bool tiny = false;                  // as little as shows that the bench works: a test
    std::vector<std::string> subjects;  // only these; all if empty
    std::vector<std::string> cases;     // only these; all if empty
    std::vector<uint32_t> parallel;     // only cases with these many callers; all if empty
    std::vector<uint64_t> value_bytes;  // only cases of these sizes; all if empty

    // A number of the bench's own, `--set name=value` on the command line. What was asked for is
    // reported among the parameters of the run.
    double parameter(const std::string& name, double otherwise);

    std::map<std::string, double> set;         // from the command line
    std::map<std::string, double> parameters;  // as they were asked for
};

// Exits with a message, as command-line programs do, if the arguments make no sense.
Options parse_options(const std::string& description, int argc, char** argv);

}  // namespace timber::bench
