"""Who may include whom: one direction, one front door for each library."""

from source import Finding

# The header of each library that others may include.
FRONT_DOORS = {
    "raft/": "raft/raft.h",
    "logengine/": "logengine/log_engine.h",
    "memtable/": "memtable/store.h",
}

# For the files below `folder`: what of ours they may include, and what of that not. The first row
# that fits counts. A front door is named by its file.
DIRECTIONS = (
    # folder          may include                                   but not
    ("raft/",         ("raft/", "src/base/"),                       ("src/base/io/",)),
    ("logengine/",    ("logengine/", "src/base/"),                  ()),
    ("memtable/",     ("memtable/", "src/base/"),                   ()),
    ("src/base/io/",  ("src/base/",),                               ()),
    ("src/base/",     ("src/base/",),                               ("src/base/io/",)),
    ("src/platform/", ("src/platform/", "src/base/"),               ()),
    ("src/",          ("src/", *FRONT_DOORS.values()),              ()),
    ("benches/",      ("benches/", "tests/support/", "src/", *FRONT_DOORS.values()), ()),
    ("tests/benches/", ("",),                                       ()),
    ("tests/",        ("",),                                        ("benches/",)),
)

OUR_FOLDERS = ("src/", "raft/", "logengine/", "memtable/", "tests/", "benches/")

# The consensus core is a function: no input or output, no clock, no thread, no outside randomness.
RAFT_HEADERS_FORBIDDEN = {
    "iostream", "fstream", "cstdio", "stdio.h", "print", "filesystem", "chrono", "ctime", "time.h",
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch",
    "barrier", "stop_token", "random", "unistd.h", "fcntl.h", "poll.h", "liburing.h",
}
RAFT_HEADER_PREFIXES_FORBIDDEN = ("sys/", "spdlog/", "fmt/", "grpc", "linux/", "netinet/", "arpa/")


def _direction(path):
    for folder, allowed, denied in DIRECTIONS:
        if path.startswith(folder):
            return folder, allowed, denied
    return None


def _why_not(includer, included):
    """What to do instead of this include, None if it is fine."""
    row = _direction(includer)
    if row is None:
        return None
    folder, allowed, denied = row
    if included.startswith(tuple(denied)) or not included.startswith(tuple(allowed)):
        for library, door in FRONT_DOORS.items():
            if included.startswith(library) and door in allowed:
                return f"{included} is internal to {library}; include its front door, {door}"
        if included.startswith("tests/"):
            return "nothing includes tests (benches may use tests/support); move it out of tests"
        may = ", ".join(allowed)
        but = f" but not {', '.join(denied)}" if denied else ""
        return f"{folder} may include {may}{but}; pass {included}'s service in through an interface"
    return None


def check_includes(file):
    """The include table and the front doors."""
    if not file.is_cxx:
        return
    for line, included, quoted in file.includes:
        if not quoted:
            if included.startswith(OUR_FOLDERS):
                yield Finding(file.path, line, "include-quotes",
                              f'ours are quoted: #include "{included}"')
            continue
        if not included.startswith(OUR_FOLDERS):
            yield Finding(file.path, line, "include-path",
                          f'write the path from the top: #include "folder/{included}"')
            continue
        why = _why_not(file.path, included)
        if why:
            yield Finding(file.path, line, "include-direction", why)


def check_raft_headers(file):
    """No foreign header in raft/ that brings in the outside."""
    if not file.is_cxx or not file.path.startswith("raft/"):
        return
    for line, included, quoted in file.includes:
        if not quoted and (included in RAFT_HEADERS_FORBIDDEN
                           or included.startswith(RAFT_HEADER_PREFIXES_FORBIDDEN)):
            yield Finding(file.path, line, "raft-header",
                          f"<{included}> brings the outside into raft/; take time as ticks, "
                          "randomness as a seed, and give effects back in the batch of work")


def check_pragma_once(file):
    """Every header guards itself in the first line."""
    if file.is_header and not file.text.startswith("#pragma once\n"):
        yield Finding(file.path, 1, "pragma-once", "a header begins with #pragma once")


RULES = (check_includes, check_raft_headers, check_pragma_once)
