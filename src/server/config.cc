#include "src/server/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <set>

namespace timber::server {

namespace {

Error at_line(const std::string& path, size_t line, const std::string& what) {
    return make_error(ErrorCode::kInvalidArgument, path + ":" + std::to_string(line) + ": " + what);
}

// The text of a value as a flag would have it, if its type is the setting's.
Result<std::string> text_of(const toml::node& node, Setting::Kind kind) {
    using Kind = Setting::Kind;
    const auto wrong = [](const char* right) {
        return make_error(ErrorCode::kInvalidArgument, std::string("must be ") + right);
    };
    switch (kind) {
        case Kind::kNumber:
            if (const auto* integer = node.as_integer(); integer && integer->get() >= 0)
                return std::to_string(integer->get());
            return wrong("a whole number, without quotes");
        case Kind::kFlag:
            if (const auto* boolean = node.as_boolean())
                return std::string(boolean->get() ? "true" : "false");
            return wrong("true or false, without quotes");
        case Kind::kList: {
            const auto* array = node.as_array();
            if (array == nullptr) return wrong("a list of texts: [\"...\", \"...\"]");
            std::string joined;
            for (const toml::node& element : *array) {
                const auto* word = element.as_string();
                if (word == nullptr || word->get().find(',') != std::string::npos)
                    return wrong("a list of texts: [\"...\", \"...\"]");
                joined += (joined.empty() ? "" : ",") + word->get();
            }
            return joined;
        }
        case Kind::kBytes:
            if (const auto* text = node.as_string()) return text->get();
            return wrong("a size in quotes, such as \"64MiB\"");
        case Kind::kDuration:
            if (const auto* text = node.as_string()) return text->get();
            return wrong("a time in quotes, such as \"100ms\"");
        case Kind::kText:
        case Kind::kChoice:
            if (const auto* text = node.as_string()) return text->get();
            return wrong("a text in quotes");
    }
    TIMBER_UNREACHABLE();
}

// What the user may have meant: a setting of the same key in another section.
std::string suggestion(std::string_view key) {
    for (const Setting& setting : settings())
        if (setting.name.substr(setting.name.find('.') + 1) == key)
            return "; did you mean " + std::string(setting.name) + "?";
    return "; timberkv-server --print-config lists them all";
}

Status set_one(Config& config, const std::string& name, const std::string& key,
               const toml::node& node, const std::string& path) {
    const size_t line = node.source().begin.line;
    const Setting* setting = find_setting(name);
    if (setting == nullptr)
        return at_line(path, line, "there is no setting " + name + suggestion(key));
    auto text = text_of(node, setting->kind);
    if (!text) return at_line(path, line, name + ": " + text.error().detail);
    if (auto set = setting->parse(config, *text); !set)
        return at_line(path, line, name + ": " + set.error().detail);
    return {};
}

// Breaks a help text into comment lines of 92 columns.
std::string comment_of(std::string_view help) {
    std::string lines;
    std::string line = "#";
    while (!help.empty()) {
        const size_t space = std::min(help.find(' '), help.size());
        const std::string_view word = help.substr(0, space);
        if (line.size() + 1 + word.size() > 92) {
            lines += line + "\n";
            line = "#";
        }
        line += " " + std::string(word);
        help.remove_prefix(std::min(space + 1, help.size()));
    }
    return lines + line + "\n";
}

// A basic string of TOML. Control characters have no plain form there.
std::string quoted(const std::string& text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string value_of(const Setting& setting, const Config& config) {
    const std::string text = setting.print(config);
    switch (setting.kind) {
        case Setting::Kind::kNumber:
        case Setting::Kind::kFlag: return text;
        case Setting::Kind::kList: {
            std::string list;
            for (const std::string& member : config.members)
                list += (list.empty() ? "" : ", ") + quoted(member);
            return "[" + list + "]";
        }
        case Setting::Kind::kText:
        case Setting::Kind::kBytes:
        case Setting::Kind::kDuration:
        case Setting::Kind::kChoice: return quoted(text);
    }
    TIMBER_UNREACHABLE();
}

Status check_listener(const Config& config, const std::string& address, const char* name) {
    TIMBER_TRY(const HostPort parsed, parse_address(address));
    if (config.insecure_listen || is_loopback(parsed.host)) return {};
    return make_error(ErrorCode::kInvalidArgument,
                      std::string(name) + ": " + address +
                          " can be reached from other machines, without encryption and without "
                          "passwords; if your network is trusted, say --insecure-listen");
}

Status check_members(const Config& config) {
    std::set<uint64_t> stores;
    std::set<std::string> addresses;
    for (const std::string& text : config.members) {
        TIMBER_TRY(const MemberAddress member, parse_member(text));
        if (!stores.insert(member.store).second)
            return make_error(ErrorCode::kInvalidArgument,
                              "cluster.members: store " + std::to_string(member.store) + " twice");
        if (!addresses.insert(member.address).second)
            return make_error(ErrorCode::kInvalidArgument,
                              "cluster.members: address " + member.address + " twice");
    }
    if (!config.members.empty() && !stores.contains(config.store_id) && config.store_id != 0)
        return make_error(ErrorCode::kInvalidArgument, "cluster.store: store " +
                                                           std::to_string(config.store_id) +
                                                           " is none of cluster.members");
    return {};
}

}  // namespace

Status set_from_flag(Config& config, std::string_view name, std::string_view value) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr)
        return make_error(ErrorCode::kInvalidArgument,
                          "there is no setting " + std::string(name) +
                              suggestion(name.substr(name.find('.') + 1)));
    if (auto set = setting->parse(config, value); !set)
        return make_error(ErrorCode::kInvalidArgument,
                          "--" + std::string(name) + ": " + set.error().detail);
    return {};
}

Status set_from_toml(Config& config, std::string_view text, const std::string& path) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed)
        return at_line(path, parsed.error().source().begin.line,
                       std::string(parsed.error().description()));
    for (const auto& [section, node] : parsed.table()) {
        const std::string section_name(section.str());
        const toml::table* keys = node.as_table();
        if (keys == nullptr)
            return at_line(
                path, node.source().begin.line,
                section_name + " stands outside of a section" + suggestion(section_name));
        for (const auto& [key, value] : *keys)
            TIMBER_CHECK(set_one(config, section_name + "." + std::string(key.str()),
                                 std::string(key.str()), value, path));
    }
    return {};
}

std::string print_toml(const Config& config) {
    std::string out =
        "# Configuration of timberkv-server. Every setting is here with its value; leave out what\n"
        "# need not differ. Flags override it: --section.key=value.\n";
    for (const std::string_view section : setting_sections()) {
        out += "\n[" + std::string(section) + "]\n";
        for (const Setting& setting : settings()) {
            if (!setting.name.starts_with(std::string(section) + ".")) continue;
            out += comment_of(setting.help);
            out += std::string(setting.name.substr(section.size() + 1)) + " = " +
                   value_of(setting, config) + "\n";
        }
    }
    return out;
}

Result<MemberAddress> parse_member(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
        const auto store = parse_number(text.substr(0, equals));
        const auto address = parse_address(text.substr(equals + 1));
        if (store && address && *store != 0 && address->port != 0)
            return MemberAddress{*store, std::string(text.substr(equals + 1))};
    }
    return make_error(ErrorCode::kInvalidArgument, "'" + std::string(text) +
                                                       "' is not STORE=HOST:PORT, such as "
                                                       "1=127.0.0.1:20170, with a store from 1");
}

Status validate(const Config& config) {
    TIMBER_CHECK(check_listener(config, config.client_listen, "server.client_listen"));
    TIMBER_CHECK(check_listener(config, config.peer_listen, "server.peer_listen"));
    TIMBER_CHECK(check_members(config));
    if (config.data_directory.empty())
        return make_error(ErrorCode::kInvalidArgument, "server.data_directory is empty");
    if (config.store.heartbeat_ticks * 2 >= config.store.election_ticks)
        return make_error(ErrorCode::kInvalidArgument,
                          "raft.heartbeat_ticks must be less than half of raft.election_ticks, or "
                          "one lost heartbeat starts an election");
    if (config.store.engine.log.segment_bytes % 4096 != 0)
        return make_error(ErrorCode::kInvalidArgument,
                          "storage.log_segment_bytes must be a multiple of 4KiB");
    return {};
}

}  // namespace timber::server
