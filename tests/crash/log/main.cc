// log_crash_explorer: is there a crash that fools the log? Its command line: tests/crash/program.h.
#include "tests/crash/log/log_world.h"
#include "tests/crash/program.h"

using timber::Mistake;

static constexpr Mistake kMistakes[] = {
#define TIMBER_MISTAKE_OF_LOG(name, sentence) Mistake::name,
    TIMBER_MISTAKES_LOG(TIMBER_MISTAKE_OF_LOG)
#undef TIMBER_MISTAKE_OF_LOG
};

int main(int count, char** values) {
    return timber::crash::run_explorer<timber::logengine::LogWorld>({.name = "log_crash_explorer",
                                                                     .mistakes = kMistakes,
                                                                     .states = 20'000,
                                                                     .mistake_states_max = 8'000},
                                                                    count, values);
}
