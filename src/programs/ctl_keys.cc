// get, put, delete, scan and load.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "src/base/mutex.h"
#include "src/platform/system_clock.h"
#include "src/programs/ctl.h"
#include "src/programs/ctl_text.h"

namespace timber::programs {

namespace {

using client::Answer;
using client::Client;

// The word at `place`, unescaped; says what is missing otherwise.
std::optional<std::string> word(const CtlArguments& arguments, size_t place, const char* what) {
    if (place >= arguments.words.size()) {
        usage_error(arguments.words[0] + " needs " + what);
        return std::nullopt;
    }
    auto bytes = unescape(arguments.words[place]);
    if (!bytes) {
        usage_error(bytes.error().detail);
        return std::nullopt;
    }
    return std::move(*bytes);
}

void print_pairs(const std::vector<client::KeyValue>& pairs, OutputFormat format) {
    if (format == OutputFormat::kTable) {
        std::vector<std::vector<std::string>> rows{{"KEY", "VALUE"}};
        for (const auto& pair : pairs) rows.push_back({escape(pair.key), escape(pair.value)});
        std::fputs(table(rows).c_str(), stdout);
        return;
    }
    for (const auto& pair : pairs) {
        if (format == OutputFormat::kJson)
            std::printf("{\"key\": %s, \"value\": %s}\n", json_string(escape(pair.key)).c_str(),
                        json_string(escape(pair.value)).c_str());
        else
            std::printf("%s\t%s\n", escape(pair.key).c_str(), escape(pair.value).c_str());
    }
}

// Lines of a file on their way to the cluster, and how far they are.
class Loading {
  public:
    Loading(Client& client, const CtlArguments& arguments, uint64_t bytes_total)
        : client_(client), arguments_(arguments), bytes_total_(bytes_total) {}

    // False once a write has failed.
    bool put(std::string key, std::string value, uint64_t bytes_read) TIMBER_EXCLUDES(mutex_) {
        {
            MutexLock lock(mutex_);
            while (in_flight_ >= arguments_.in_flight && !failure_) {
                changed_.wait_for(mutex_, std::chrono::milliseconds(100));
                show(bytes_read);
            }
            if (failure_) return false;
            ++in_flight_;
            show(bytes_read);
        }
        client_.put(key, value, [this](Answer answer) { answered(std::move(answer)); });
        return true;
    }

    int finish(uint64_t bytes_read) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        while (in_flight_ > 0) {
            changed_.wait_for(mutex_, std::chrono::milliseconds(100));
            show(bytes_read);
        }
        shown_ = {};
        show(bytes_read);
        if (!arguments_.quiet) {
            if (::isatty(STDERR_FILENO)) std::fputc('\n', stderr);
            std::printf("loaded %llu pairs in %.1f s\n", static_cast<unsigned long long>(done_),
                        seconds());
        }
        return failure_ ? report(*failure_) : kCtlDone;
    }

  private:
    void answered(Answer answer) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        --in_flight_;
        if (answer.outcome == client::Outcome::kDone)
            ++done_;
        else if (!failure_)
            failure_ = std::move(answer);
        changed_.notify_all();
    }
    double seconds() const { return std::chrono::duration<double>(clock_.now() - start_).count(); }

    // A bar for a terminal, ten times a second.
    void show(uint64_t bytes_read) TIMBER_REQUIRES(mutex_) {
        if (arguments_.quiet || !::isatty(STDERR_FILENO)) return;
        const Instant now = clock_.now();
        if (shown_ && now - *shown_ < std::chrono::milliseconds(100)) return;
        shown_ = now;
        constexpr int kWidth = 40;
        const int filled =
            bytes_total_ == 0 ? 0 : static_cast<int>(bytes_read * kWidth / bytes_total_);
        std::string bar(static_cast<size_t>(std::min(filled, kWidth)), '#');
        bar.resize(kWidth, '.');
        std::fprintf(stderr, "\r[%s] %llu pairs, %.0f/s ", bar.c_str(),
                     static_cast<unsigned long long>(done_),
                     static_cast<double>(done_) / std::max(seconds(), 0.001));
    }

    Client& client_;
    const CtlArguments& arguments_;
    const uint64_t bytes_total_;  // 0: not known
    SystemClock clock_;
    const Instant start_ = clock_.now();

    Mutex mutex_;
    ConditionVariable changed_;
    size_t in_flight_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t done_ TIMBER_GUARDED_BY(mutex_) = 0;
    std::optional<Answer> failure_ TIMBER_GUARDED_BY(mutex_);
    std::optional<Instant> shown_ TIMBER_GUARDED_BY(mutex_);
};

int load_lines(Client& client, const CtlArguments& arguments, std::istream& lines,
               uint64_t bytes_total) {
    Loading loading(client, arguments, bytes_total);
    std::string line;
    uint64_t bytes_read = 0;
    for (uint64_t number = 1; std::getline(lines, line); ++number) {
        bytes_read += line.size() + 1;
        if (line.empty()) continue;
        const size_t tab = std::min(line.find('\t'), line.size());
        std::string key = line.substr(0, tab);
        std::string value = tab < line.size() ? line.substr(tab + 1) : std::string();
        if (arguments.escaped) {
            auto plain_key = unescape(key);
            auto plain_value = unescape(value);
            if (!plain_key || !plain_value) {
                loading.finish(bytes_read);
                return usage_error("line " + std::to_string(number) + ": " +
                                   (plain_key ? plain_value : plain_key).error().detail);
            }
            key = std::move(*plain_key);
            value = std::move(*plain_value);
        }
        if (!loading.put(std::move(key), std::move(value), bytes_read)) break;
    }
    return loading.finish(bytes_read);
}

}  // namespace

int get(Client& client, const CtlArguments& arguments) {
    const auto key = word(arguments, 1, "a key");
    if (!key) return kCtlUsage;
    const Answer answer =
        Client::wait([&](Client::Done done) { client.get(*key, std::move(done)); });
    if (answer.outcome != client::Outcome::kDone) return report(answer);
    if (!answer.value) {
        std::fprintf(stderr, "timberkv-ctl: there is no key '%s'\n", escape(*key).c_str());
        return kCtlNotFound;
    }
    switch (arguments.output.value_or(OutputFormat::kTable)) {
        case OutputFormat::kTable: std::printf("%s\n", escape(*answer.value).c_str()); break;
        case OutputFormat::kJson: print_pairs({{*key, *answer.value}}, OutputFormat::kJson); break;
        case OutputFormat::kRaw:
            std::fwrite(answer.value->data(), 1, answer.value->size(), stdout);
            break;
    }
    return kCtlDone;
}

int put(Client& client, const CtlArguments& arguments) {
    const auto key = word(arguments, 1, "a key and a value");
    if (!key) return kCtlUsage;
    const auto value = word(arguments, 2, "a key and a value");
    if (!value) return kCtlUsage;
    const Answer answer =
        Client::wait([&](Client::Done done) { client.put(*key, *value, std::move(done)); });
    return answer.outcome == client::Outcome::kDone ? kCtlDone : report(answer);
}

int remove(Client& client, const CtlArguments& arguments) {
    const auto key = word(arguments, 1, "a key");
    if (!key) return kCtlUsage;
    const Answer answer =
        Client::wait([&](Client::Done done) { client.remove(*key, std::move(done)); });
    return answer.outcome == client::Outcome::kDone ? kCtlDone : report(answer);
}

int scan(Client& client, const CtlArguments& arguments) {
    std::string start;
    if (arguments.words.size() > 1) {
        const auto from = word(arguments, 1, "");
        if (!from) return kCtlUsage;
        start = *from;
    }
    std::vector<client::KeyValue> pairs;
    // An answer is limited in pairs and bytes: as many as it takes. Each is of one moment.
    constexpr uint32_t kPage = 1000;
    while (pairs.size() < arguments.limit) {
        const auto want =
            static_cast<uint32_t>(std::min<size_t>(kPage, arguments.limit - pairs.size()));
        Answer answer =
            Client::wait([&](Client::Done done) { client.scan(start, want, std::move(done)); });
        if (answer.outcome != client::Outcome::kDone) return report(answer);
        const bool last = answer.pairs.size() < want && !answer.more;
        for (auto& pair : answer.pairs) pairs.push_back(std::move(pair));
        if (last || pairs.empty()) break;
        start = pairs.back().key + '\0';  // the next key there can be
    }
    print_pairs(pairs, arguments.output.value_or(OutputFormat::kTable));
    return kCtlDone;
}

int load(Client& client, const CtlArguments& arguments) {
    const std::string path = arguments.words.size() > 1 ? arguments.words[1] : "-";
    if (path == "-") return load_lines(client, arguments, std::cin, 0);
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return usage_error("cannot read " + path);
    const auto bytes = static_cast<uint64_t>(std::max<std::streamoff>(file.tellg(), 0));
    file.seekg(0);
    return load_lines(client, arguments, file, bytes);
}

}  // namespace timber::programs
