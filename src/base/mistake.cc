#include "src/base/mistake.h"

#ifdef TIMBER_WITH_MISTAKES

#include "src/base/assert.h"

namespace timber {

Mistake mistake_active = Mistake::kCount;

struct MistakeText {
    std::string_view name;
    std::string_view sentence;
};

static constexpr MistakeText kMistakeTexts[] = {
#define TIMBER_MISTAKE_TEXT(name, sentence) {#name, sentence},
    TIMBER_MISTAKES(TIMBER_MISTAKE_TEXT)
#undef TIMBER_MISTAKE_TEXT
        {"none", "nothing goes wrong"}};

std::string_view mistake_name(Mistake mistake) {
    TIMBER_ASSERT(mistake <= Mistake::kCount);
    return kMistakeTexts[static_cast<unsigned>(mistake)].name;
}

std::string_view mistake_sentence(Mistake mistake) {
    TIMBER_ASSERT(mistake <= Mistake::kCount);
    return kMistakeTexts[static_cast<unsigned>(mistake)].sentence;
}

}  // namespace timber

#endif
