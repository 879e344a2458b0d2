// engine_crash_explorer: is there a crash that fools the storage engine? Its command line:
// tests/crash/program.h.
#include "tests/crash/engine/engine_world.h"
#include "tests/crash/program.h"

using timber::Mistake;

static constexpr Mistake kMistakes[] = {
#define TIMBER_MISTAKE_OF_ENGINE(name, sentence) Mistake::name,
    TIMBER_MISTAKES_ENGINE(TIMBER_MISTAKE_OF_ENGINE)
#undef TIMBER_MISTAKE_OF_ENGINE
};

int main(int count, char** values) {
    return timber::crash::run_explorer<timber::storage::EngineWorld>(
        {.name = "engine_crash_explorer",
         .mistakes = kMistakes,
         .states = 3'000,
         .mistake_states_max = 2'500},
        count, values);
}
