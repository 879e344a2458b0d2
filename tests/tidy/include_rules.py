"""Who may include whom (one direction, one front door for each library), and what is missing."""

import re

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

# What the release build precompiles (TIMBER_STD_HEADERS in cmake/timber.cmake), so that no compiler
# there misses an include of it: each header, and the names that it is for.
STANDARD_NAMES = {
    "algorithm": r"std::(?:(?:ranges::)?(?:adjacent_find|all_of|any_of|copy\w*|count|count_if|equal"
                 r"|equal_range|fill\w*|find|find_if\w*|for_each|generate|includes|is_sorted"
                 r"|lexicographical_compare|lower_bound|max_element|merge|min_element|minmax"
                 r"|mismatch|none_of|nth_element|partition\w*|remove_if|replace|reverse|rotate"
                 r"|search|sort|stable_sort|starts_with|transform|unique|upper_bound)"
                 r"|min|max|clamp|(?:push|pop|make)_heap)\b",
    "array": r"std::(?:array|to_array)\b",
    "atomic": r"std::(?:atomic\w*|memory_order\w*)\b",
    "bit": r"std::(?:bit_\w+|byteswap|count[lr]_\w+|endian|has_single_bit|popcount)\b",
    "cstddef": r"std::(?:byte|max_align_t|ptrdiff_t|to_integer)\b|\boffsetof\b",
    "cstdint": r"\bu?int(?:8|16|32|64|ptr)_t\b",
    "cstdio": r"std::(?:f?printf|fputs|fwrite|fflush|puts|snprintf|perror|f?put[cs])\b|\bFILE\b",
    "cstdlib": r"std::(?:abort|_?exit|getenv|strto\w+|system)\b|\bEXIT_(?:SUCCESS|FAILURE)\b",
    "cstring": r"std::(?:mem(?:chr|cmp|cpy|move|set)|str(?:chr|cmp|error|len|signal))\b",
    "deque": r"std::deque\b",
    "expected": r"std::(?:expected|unexpected)\b",
    "functional": r"std::(?:bind\w*|c?ref|function|greater|hash|invoke|less|move_only_function)\b",
    "limits": r"std::numeric_limits\b",
    "map": r"std::(?:multi)?map\b",
    "memory": r"std::(?:addressof|allocator\w*|enable_shared_from_this|make_(?:shared|unique)\w*"
              r"|(?:shared|unique|weak)_ptr)\b",
    "mutex": r"std::(?:call_once|lock_guard|mutex|once_flag|scoped_lock|unique_lock)\b",
    "optional": r"std::(?:make_optional|nullopt\w*|optional)\b",
    "set": r"std::(?:multi)?set\b",
    "span": r"std::(?:as_(?:writable_)?bytes|dynamic_extent|span)\b",
    "string": r"std::(?:getline|sto\w+|string|to_string)\b",
    "string_view": r"std::string_view\b",
    "tuple": r"std::(?:forward_as_tuple|make_tuple|tie|tuple\w*)\b",
    "utility": r"std::(?:as_const|cmp_\w+|exchange|forward|in_range|make_pair|move|pair|swap"
               r"|to_underlying|unreachable)\b",
    "variant": r"std::(?:get_if|holds_alternative|monostate|variant|visit)\b",
    "vector": r"std::vector\b",
}


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


def _standard_headers(path, files, known):
    """The headers of others that the file includes, itself or through ours."""
    if path not in known:
        known[path] = set()
        for _, included, quoted in files[path].includes if path in files else ():
            known[path] |= _standard_headers(included, files, known) if quoted else {included}
    return known[path]


def check_standard_includes(files):
    """What a file uses of the standard library it includes, itself or through headers of ours."""
    build = "cmake/timber.cmake"
    listed = re.search(r"set\(TIMBER_STD_HEADERS ([^)]*)\)", files[build].text)
    for header in set(re.findall(r"<(\w+)>", listed[1])) - set(STANDARD_NAMES):
        yield Finding(build, files[build].line_of(listed.start()), "standard-include",
                      f"<{header}> is precompiled; list its names in STANDARD_NAMES")
    known = {}
    for file in files.values():
        if not file.is_cxx:
            continue
        included = _standard_headers(file.path, files, known)
        for header, names in STANDARD_NAMES.items():
            if header in included:
                continue
            used = re.search(r"(?<![\w:])(?:" + names + ")", file.code)
            if used:
                yield Finding(file.path, file.line_of(used.start()), "standard-include",
                              f"{used[0]} comes from <{header}>; include it")


RULES = (check_includes, check_raft_headers, check_pragma_once)
