#include "src/programs/config_arguments.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace timber::programs {

namespace {

struct ShortFlag {
    std::string_view flag;
    std::string_view setting;
};
constexpr std::array kShortFlags{ShortFlag{"data", "server.data_directory"},
                                 ShortFlag{"listen", "server.client_listen"},
                                 ShortFlag{"peer-listen", "server.peer_listen"},
                                 ShortFlag{"cluster", "cluster.id"},
                                 ShortFlag{"store", "cluster.store"},
                                 ShortFlag{"members", "cluster.members"},
                                 ShortFlag{"log-level", "server.log_level"}};

struct Flag {
    std::string name;
    std::string value;
};

Error usage(std::string what) { return make_error(ErrorCode::kInvalidArgument, std::move(what)); }

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return make_error(ErrorCode::kNotFound, "cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// --name=value, --name value, and switches. The file's flags and the rest come out apart, because
// flags override the file wherever they stand.
Status split(std::span<char* const> arguments, std::span<const std::string_view> switches,
             std::vector<Flag>& flags, std::vector<std::string>& words) {
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with("--"))
            return usage("'" + std::string(argument) + "' is no flag; --help tells");
        std::string_view name = argument.substr(2);
        if (std::ranges::find(switches, name) != switches.end()) {
            words.emplace_back(name);
            continue;
        }
        if (name == "insecure-listen") {
            flags.push_back({"server.insecure_listen", "true"});
            continue;
        }
        const size_t equals = name.find('=');
        if (equals != std::string_view::npos) {
            flags.push_back(
                {std::string(name.substr(0, equals)), std::string(name.substr(equals + 1))});
        } else if (i + 1 < arguments.size()) {
            flags.push_back({std::string(name), arguments[++i]});
        } else {
            return usage("--" + std::string(name) + " needs a value");
        }
    }
    return {};
}

}  // namespace

Result<ConfigArguments> parse_config_arguments(std::span<char* const> arguments,
                                               std::span<const std::string_view> switches) {
    ConfigArguments parsed;
    std::vector<Flag> flags;
    TIMBER_CHECK(split(arguments, switches, flags, parsed.words));
    for (const Flag& flag : flags) {
        if (flag.name != "config") continue;
        TIMBER_TRY(const std::string text, read_file(flag.value));
        TIMBER_CHECK(server::set_from_toml(parsed.config, text, flag.value));
    }
    for (const Flag& flag : flags) {
        if (flag.name == "config") continue;
        std::string_view name = flag.name;
        for (const ShortFlag& known : kShortFlags)
            if (flag.name == known.flag) name = known.setting;
        if (name.find('.') == std::string_view::npos)
            return usage("there is no flag --" + flag.name + "; --help tells");
        TIMBER_CHECK(server::set_from_flag(parsed.config, name, flag.value));
    }
    return parsed;
}

std::string config_help() {
    std::string text =
        "  --config FILE        read this file (TOML); flags override it\n"
        "  --section.key=VALUE  any setting of the file; --help-settings lists them\n"
        "  --insecure-listen    listen on other addresses than loopback, without encryption\n";
    for (const ShortFlag& known : kShortFlags) {
        std::string line = "  --" + std::string(known.flag);
        line.resize(std::max(line.size() + 1, size_t{23}), ' ');
        text += line + "short for --" + std::string(known.setting) + "\n";
    }
    return text;
}

std::string settings_help() {
    const server::Config defaults;
    std::string text;
    for (const server::Setting& setting : server::settings()) {
        text += "  --" + std::string(setting.name) + "=" + setting.print(defaults) + "\n";
        text += "      " + std::string(setting.help) + "\n";
    }
    return text;
}

}  // namespace timber::programs
