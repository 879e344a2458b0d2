// Real processes that append to a log on a real disk are killed at random moments, and most of the
// times the machine "loses power" with them: a seeded part of what was not synced is taken back.
// Every acknowledgement that was seen must be found again.
//
//   log_torture --seed S --seconds N [--backend uring|threads] [--mistake NAME]
//
// Without --backend rounds take turns. Afterwards the planted mistakes that only a real disk can
// show in earnest must be caught within the same time each. With --mistake: that one alone.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <string>

#include "src/base/mistake.h"
#include "src/base/random.h"
#include "tests/process/log_torture_child.h"

namespace timber {
namespace {

struct Options {
    uint64_t seed = 1;
    double seconds = 5;
    std::optional<IoBackend> backend;
    std::optional<Mistake> mistake;
};

struct Counts {
    uint64_t rounds = 0;
    uint64_t power_cuts = 0;
    uint64_t process_deaths = 0;
    uint64_t during_recovery = 0;
    uint64_t writes_undone = 0;
    uint64_t writes_torn = 0;
};

class Torture {
  public:
    Torture(const Options& options, std::string name)
        : options_(options),
          random_(options.seed),
          root_(std::string(TIMBER_TEST_DIRECTORY) + "/log-torture-" + name + "-" +
                std::to_string(::getpid())) {
        std::filesystem::remove_all(root_);
        std::filesystem::create_directories(root_ + "/data");
        power_cut_.emplace(PowerCutOptions{.keep_directory = root_ + "/keep"});
        void* memory = ::mmap(nullptr, sizeof(TortureLedger), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        TIMBER_ASSERT(memory != MAP_FAILED);
        ledger_ = new (memory) TortureLedger;
    }
    ~Torture() {
        ::munmap(ledger_, sizeof(TortureLedger));
        std::filesystem::remove_all(root_);
    }

    // Rounds until the time is over or a failure shows; true if there was none.
    bool run() {
        const auto end =
            std::chrono::steady_clock::now() + std::chrono::duration<double>(options_.seconds);
        while (std::chrono::steady_clock::now() < end) {
            if (!round()) return false;
        }
        return true;
    }

    const Counts& counts() const { return counts_; }
    const TortureLedger& ledger() const { return *ledger_; }

  private:
    bool round() {
        ++counts_.rounds;
        ++ledger_->life;
        const uint64_t recoveries = ledger_->recoveries;
        const TortureChildOptions child_options{
            .directory = root_ + "/data",
            .seed = random_.next(),
            .backend = options_.backend.value_or(random_.one_in(2) ? IoBackend::kAutomatic
                                                                   : IoBackend::kThreads)};
        const pid_t child = ::fork();
        TIMBER_ASSERT(child >= 0);
        if (child == 0) {
            if (options_.mistake) mistake_active = *options_.mistake;
            run_torture_child(child_options, *power_cut_, *ledger_);
        }
        let_live();
        ::kill(child, SIGKILL);
        int status = 0;
        TIMBER_ASSERT(::waitpid(child, &status, 0) == child);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            if (ledger_->failure[0] == '\0')
                std::snprintf(ledger_->failure, sizeof ledger_->failure,
                              "the child ended by itself, wait status %d", status);
            return false;
        }
        if (ledger_->recoveries == recoveries) ++counts_.during_recovery;
        if (random_.percent(70)) {
            const PowerCutOutcome outcome = power_cut_->roll_back(random_.next());
            ++counts_.power_cuts;
            counts_.writes_undone += outcome.writes_undone;
            counts_.writes_torn += outcome.writes_torn;
        } else {
            ++counts_.process_deaths;
        }
        return true;
    }

    // A third of the lives end while they begin. The others are measured by what they did: by the
    // clock alone, a child on a busy machine would hardly get beyond its recovery.
    void let_live() {
        if (random_.one_in(3)) {
            ::usleep(static_cast<useconds_t>(random_.between(500, 15'000)));
            return;
        }
        constexpr auto kLongest = std::chrono::seconds(2);
        const uint64_t enough = ledger_->acknowledged + random_.between(1, 600);
        const auto end = std::chrono::steady_clock::now() + kLongest;
        while (ledger_->acknowledged < enough && ledger_->failure[0] == '\0' &&
               std::chrono::steady_clock::now() < end)
            ::usleep(500);
        ::usleep(static_cast<useconds_t>(random_.below(2'000)));
    }

    const Options options_;
    Random random_;
    const std::string root_;
    std::optional<PowerCut> power_cut_;
    TortureLedger* ledger_ = nullptr;
    Counts counts_;
};

std::optional<Mistake> mistake_named(std::string_view name) {
    for (unsigned i = 0; i < static_cast<unsigned>(Mistake::kCount); ++i) {
        if (mistake_name(static_cast<Mistake>(i)) == name) return static_cast<Mistake>(i);
    }
    return std::nullopt;
}

bool expect_clean(const Options& options) {
    Torture torture(options, "clean");
    const bool clean = torture.run();
    const Counts& counts = torture.counts();
    const TortureLedger& ledger = torture.ledger();
    std::printf(
        "log_torture: seed %llu, %llu rounds: %llu power cuts, %llu process deaths, %llu during "
        "recovery; %llu writes undone, %llu torn; %llu acknowledged, %llu found again, %llu tails "
        "cut, %llu segments recycled\n",
        static_cast<unsigned long long>(options.seed),
        static_cast<unsigned long long>(counts.rounds),
        static_cast<unsigned long long>(counts.power_cuts),
        static_cast<unsigned long long>(counts.process_deaths),
        static_cast<unsigned long long>(counts.during_recovery),
        static_cast<unsigned long long>(counts.writes_undone),
        static_cast<unsigned long long>(counts.writes_torn),
        static_cast<unsigned long long>(ledger.acknowledged.load()),
        static_cast<unsigned long long>(ledger.batches_checked.load()),
        static_cast<unsigned long long>(ledger.tails_cut.load()),
        static_cast<unsigned long long>(ledger.segments_recycled.load()));
    if (!clean) {
        std::printf("FAILED: %s\n", ledger.failure);
        return false;
    }
    // An idle run shows nothing.
    const bool worked = counts.power_cuts > 0 && counts.process_deaths > 0 &&
                        counts.writes_undone + counts.writes_torn > 0 &&
                        ledger.batches_checked > 1000 && ledger.segments_recycled > 0;
    if (!worked) std::printf("FAILED: too little happened\n");
    return worked;
}

bool expect_caught(const Options& options) {
    Torture torture(options, std::string(mistake_name(*options.mistake)));
    const bool clean = torture.run();
    std::printf("%s: %s after %llu rounds%s%s\n", mistake_name(*options.mistake).data(),
                clean ? "NOT CAUGHT" : "caught",
                static_cast<unsigned long long>(torture.counts().rounds), clean ? "" : ": ",
                torture.ledger().failure);
    return !clean;
}

int run(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view flag = argv[i];
        const std::string_view value = argv[i + 1];
        if (flag == "--seed") {
            options.seed = std::strtoull(argv[i + 1], nullptr, 10);
        } else if (flag == "--seconds") {
            options.seconds = std::strtod(argv[i + 1], nullptr);
        } else if (flag == "--backend") {
            options.backend = value == "uring" ? IoBackend::kUring : IoBackend::kThreads;
        } else if (flag == "--mistake" && mistake_named(value)) {
            options.mistake = mistake_named(value);
        } else {
            std::fprintf(stderr, "log_torture: what is %s %s?\n", argv[i], argv[i + 1]);
            return 2;
        }
    }
    if (options.mistake) return expect_caught(options) ? 0 : 1;
    bool ok = expect_clean(options);
    for (Mistake mistake : {Mistake::log_ack_before_durable, Mistake::log_write_not_durable}) {
        options.mistake = mistake;
        ok = expect_caught(options) && ok;
    }
    return ok ? 0 : 1;
}

}  // namespace
}  // namespace timber

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    return timber::run(argc, argv);
}
