#include "tests/crash/path.h"

#include <array>
#include <charconv>

#include "tests/support/trace_hash.h"

namespace timber::crash {

namespace {

constexpr std::string_view kMomentLetters = "soeq";
constexpr std::string_view kEndLetters = "kpd";

std::string hex(uint64_t value) {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
    return {digits.data(), end};
}

// Reads the parts of a path's text.
class PathReader {
  public:
    explicit PathReader(std::string_view text) : rest_(text) {}

    uint64_t number(int base = 10) {
        uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
        if (error != std::errc()) ok_ = false;
        rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
        return value;
    }
    void skip(char expected) {
        if (!rest_.starts_with(expected)) {
            ok_ = false;
        } else {
            rest_.remove_prefix(1);
        }
    }
    size_t letter(std::string_view letters) {
        const size_t found = rest_.empty() ? letters.npos : letters.find(rest_.front());
        if (found == letters.npos) {
            ok_ = false;
            return 0;
        }
        rest_.remove_prefix(1);
        return found;
    }
    bool more() const { return ok_ && !rest_.empty(); }
    bool ok() const { return ok_; }

  private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace

uint64_t Path::life_seed() const {
    TraceHash hash;
    hash.mix(scenario_seed);
    for (const End& end : ends) {
        hash.mix(static_cast<uint64_t>(end.moment.kind));
        hash.mix(end.moment.step);
        hash.mix(static_cast<uint64_t>(end.kind));
        hash.mix(end.seed);
    }
    return hash.value();
}

std::string Path::to_string() const {
    std::string text = hex(scenario_seed) + "," + std::to_string(limits.deeds) + "," +
                       std::to_string(limits.crashes) + "," + hex(limits.deeds_allowed);
    for (const End& end : ends) {
        text += '/';
        text += kEndLetters[static_cast<size_t>(end.kind)];
        text += kMomentLetters[static_cast<size_t>(end.moment.kind)];
        text += std::to_string(end.moment.step) + "-" + hex(end.seed);
    }
    return text;
}

std::optional<Path> parse_path(std::string_view text) {
    PathReader reader(text);
    Path path;
    path.scenario_seed = reader.number(16);
    reader.skip(',');
    path.limits.deeds = static_cast<uint32_t>(reader.number());
    reader.skip(',');
    path.limits.crashes = static_cast<uint32_t>(reader.number());
    reader.skip(',');
    path.limits.deeds_allowed = static_cast<uint32_t>(reader.number(16));
    while (reader.more()) {
        reader.skip('/');
        End end;
        end.kind = static_cast<End::Kind>(reader.letter(kEndLetters));
        end.moment.kind = static_cast<Moment::Kind>(reader.letter(kMomentLetters));
        end.moment.step = reader.number();
        reader.skip('-');
        end.seed = reader.number(16);
        path.ends.push_back(end);
    }
    if (!reader.ok()) return std::nullopt;
    return path;
}

}  // namespace timber::crash
