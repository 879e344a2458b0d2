// store_crash_explorer: is there a crash that fools the state store? Its command line:
// tests/crash/program.h.
#include "tests/crash/program.h"
#include "tests/crash/store/mistakes.h"
#include "tests/crash/store/store_world.h"

int main(int count, char** values) {
    return timber::crash::run_explorer<timber::memtable::StoreWorld>(
        {.name = "store_crash_explorer",
         .mistakes = timber::memtable::kMistakesOfCrashes,
         .states = 10'000,
         .mistake_states_max = 2'000},
        count, values);
}
