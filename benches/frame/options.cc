#include "benches/frame/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace timber::bench {

namespace {

constexpr uint32_t kSlicesMin = 20;
constexpr uint32_t kTinySlices = 2;
constexpr double kTinySeconds = 0.04;

// Splits "name=value"; gives an empty text if it is well formed.
std::string take_setting(const std::string& text, std::map<std::string, double>& into) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) return "write name=value, not " + text;
    char* end = nullptr;
    const std::string number = text.substr(equals + 1);
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0') return "not a number: " + text;
    into[text.substr(0, equals)] = value;
    return {};
}

}  // namespace

double Options::parameter(const std::string& name, double otherwise) {
    const auto found = set.find(name);
    return parameters[name] = found == set.end() ? otherwise : found->second;
}

Options parse_options(const std::string& description, int argc, char** argv) {
    Options options;
    std::vector<std::string> settings;
    CLI::App app(description);
    app.add_option("--directory", options.directory, "where the subjects keep their files")
        ->capture_default_str();
    app.add_option("--json", options.json_path, "write the results to this file");
    app.add_option("--seed", options.seed, "of everything drawn at random")->capture_default_str();
    app.add_option("--slices", options.slices, "interleaved slices of every subject")
        ->capture_default_str()
        ->check(CLI::Range(kSlicesMin, 10'000u));
    app.add_option("--seconds", options.seconds, "measured for each subject in each case")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--stall-ms", options.stall_ms, "what takes longer is a stall")
        ->capture_default_str();
    app.add_option("--subject", options.subjects, "only these subjects");
    app.add_option("--case", options.cases, "only these cases");
    app.add_option("--parallel", options.parallel, "only cases with this many callers");
    app.add_option("--bytes", options.value_bytes, "only cases of this size");
    app.add_option("--set", settings, "a parameter of this bench, as name=value");
    app.add_flag("--quick", options.quick, "the cases that aims name, under 50 seconds");
    app.add_flag("--tiny", options.tiny, "as little as shows that the bench works");
    try {
        app.parse(argc, argv);
        for (const std::string& setting : settings) {
            const std::string problem = take_setting(setting, options.set);
            if (!problem.empty()) throw CLI::ValidationError("--set", problem);
        }
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    if (options.tiny) {
        options.slices = kTinySlices;
        options.seconds = kTinySeconds;
    }
    return options;
}

}  // namespace timber::bench
