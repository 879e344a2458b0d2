#pragma once
// The one list of planted mistakes; mistake.h says what they are for.
//
// Sorted by library. Each line: the name, then what goes wrong and which checker must notice.
#define TIMBER_MISTAKES(X) \
    TIMBER_MISTAKES_LOG(X) \
    TIMBER_MISTAKES_RAFT(X)

#define TIMBER_MISTAKES_LOG(X)

#define TIMBER_MISTAKES_RAFT(X)
