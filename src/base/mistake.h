#pragma once
// Planted mistakes: wrong lines in the product's own code path that the checkers must notice.
//
// TIMBER_MISTAKE(name) is the constant false in product builds; in the test variants of the
// libraries (compiled with TIMBER_WITH_MISTAKES) it is a switch. Every mistake is one line of
// TIMBER_MISTAKES below: what goes wrong, and who must notice. The names of mistakes occur in test
// variants only, which a test of the built programs shows.
#include <string_view>

// X(name, "what goes wrong; who must notice")
#include "src/base/mistake_list.h"

namespace timber {

enum class Mistake : unsigned {
#define TIMBER_MISTAKE_ENUM(name, sentence) name,
    TIMBER_MISTAKES(TIMBER_MISTAKE_ENUM)
#undef TIMBER_MISTAKE_ENUM
        kCount
};

#ifdef TIMBER_WITH_MISTAKES
// The mistake that is on, kCount if none. Test programs set it before they start threads.
extern Mistake mistake_active;
std::string_view mistake_name(Mistake mistake);
std::string_view mistake_sentence(Mistake mistake);
#endif

}  // namespace timber

namespace timber {

// Whether any mistake is on: for checks of tests that would stop before the checker that is meant.
inline bool any_mistake() {
#ifdef TIMBER_WITH_MISTAKES
    return mistake_active != Mistake::kCount;
#else
    return false;
#endif
}

}  // namespace timber

#ifdef TIMBER_WITH_MISTAKES
#define TIMBER_MISTAKE(name) (::timber::mistake_active == ::timber::Mistake::name)
#else
#define TIMBER_MISTAKE(name) false
#endif
