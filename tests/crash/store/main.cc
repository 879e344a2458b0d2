// store_crash_explorer: is there a crash that fools the state store? Its command line:
// tests/crash/program.h.
#include "tests/crash/program.h"
#include "tests/crash/store/store_world.h"

using timber::Mistake;

static constexpr Mistake kMistakes[] = {
#define TIMBER_MISTAKE_OF_STORE(name, sentence) Mistake::name,
    TIMBER_MISTAKES_STORE(TIMBER_MISTAKE_OF_STORE)
#undef TIMBER_MISTAKE_OF_STORE
};

int main(int count, char** values) {
    return timber::crash::run_explorer<timber::memtable::StoreWorld>(
        {.name = "store_crash_explorer",
         .mistakes = kMistakes,
         .states = 10'000,
         .mistake_states_max = 6'000},
        count, values);
}
