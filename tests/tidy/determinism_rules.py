"""What would make two runs of one seed differ: clocks, threads, outside randomness, direct I/O."""

import re

from source import Finding

# Where the outside is allowed: implementations of the seams, and programs that are run for real.
# A path begins with one of these.
EDGE = ("src/platform/", "src/programs/",
        # The Transport seam's production side: gRPC's threads, queues and deadlines.
        "src/rpc/",
        # Where a thread that is no loop's waits for the Store's, and the user's for the client's;
        # and where a new Store's identity is drawn.
        "src/server/outcome_wait.h", "src/server/process.cc",
        "benches/", "tests/process/", "tests/benches/",
        "tests/fuzz/", "tests/src/platform/", "tests/support/power_cut",
        "tests/support/server_process",
        # What runs an explorer: its arguments, and a process of its own for each mistake.
        "tests/crash/program.cc", "tests/crash/mistake_runs.cc", "tests/sim/timber_sim.cc")

# Where files may not be touched but through the Disk seam. Other tests may read their test data.
SEAM_ONLY = ("src/", "logengine/", "memtable/", "raft/", "tests/sim/", "tests/crash/",
             "tests/support/")

# (rule, what it looks like in code, what to do instead)
PATTERNS = (
    ("clock",
     r"\b(?:steady|system|high_resolution|utc|file)_clock\b"
     r"|\b(?:clock_gettime|gettimeofday|timespec_get|__rdtsc)\s*\("
     r"|(?<![\w.>])(?:std::|::)?time\s*\(\s*(?:nullptr|NULL|0|&)"
     r"|\b(?:localtime|gmtime)(?:_r)?\s*\(",
     "ask the Clock that was passed in (src/base/io/clock.h)"),
    ("sleep",
     r"\bsleep_(?:for|until)\b|\b(?:usleep|nanosleep|clock_nanosleep)\s*\("
     r"|(?<![\w:])::sleep\s*\(",
     "arm a Timer of the event loop (src/base/io/event_loop.h)"),
    ("thread",
     r"\bstd::(?:jthread|thread|async|this_thread)\b|\bpthread_create\s*\(|(?<!\w)::fork\s*\(",
     "post to an EventLoop, or run a job on the Executor (src/base/io)"),
    ("wait",
     r"\bstd::(?:condition_variable\w*|future|promise|latch|barrier|\w+_semaphore)\b"
     r"|\bConditionVariable\b|\bpthread_cond_\w+",
     "return to the event loop, which is called back; a job waits through await (src/base/io)"),
    ("randomness",
     r"\bstd::(?:random_device|mt19937\w*|minstd_rand0?|default_random_engine|ranlux\w*|knuth_b"
     r"|\w+_distribution|shuffle|sample)\b"
     r"|(?<![\w.>])(?:std::|::)?(?:s?rand|drand48|lrand48)\s*\("
     r"|\b(?:getrandom|getentropy|arc4random\w*)\s*\(",
     "draw from the seeded Random that was passed in (src/base/random.h)"),
)

DIRECT_IO = (
    r"\bstd::(?:basic_)?[io]?fstream\b|\bstd::filesystem\b|\bFILE\s*\*"
    r"|\b(?:std::)?(?:fopen|freopen|tmpfile)\s*\("
    r"|(?<!\w)::(?:open|openat|creat|read|write|close|rename|unlink|mkdir|stat)\s*\("
    r"|\b(?:pread|pwrite|preadv2?|pwritev2?|fsync|fdatasync|sync_file_range|ftruncate|fallocate"
    r"|posix_fallocate|io_uring_\w+)\s*\(")
DIRECT_IO_HEADERS = {"fstream", "filesystem", "fcntl.h", "unistd.h", "liburing.h", "sys/file.h",
                     "sys/stat.h", "sys/uio.h"}
DIRECT_IO_INSTEAD = "go through the Disk that was passed in (src/base/io/disk.h)"

LOCK = (r"\bstd::(?:(?:recursive_|timed_|shared_|shared_timed_)?mutex|lock_guard|unique_lock"
        r"|scoped_lock|shared_lock)\b|\bpthread_(?:mutex|rwlock)_\w+")
LOCK_INSTEAD = "use Mutex and MutexLock, which the compiler checks (src/base/mutex.h)"

_LOCK = re.compile(LOCK)
_COMPILED = tuple((rule, re.compile(pattern), instead) for rule, pattern, instead in PATTERNS)
_DIRECT_IO = re.compile(DIRECT_IO)
_ASSERT = re.compile(r"(?<!\w)assert\s*\(")


def _matches(file, pattern, rule, instead):
    for match in pattern.finditer(file.code):
        what = " ".join(match[0].rstrip("( ").split())
        yield Finding(file.path, file.line_of(match.start()), rule, f"{what}: {instead}")


def check_determinism(file):
    """Clocks, sleeps, threads, waits and randomness below the edge."""
    if not file.is_cxx or file.path.startswith(EDGE):
        return
    for rule, pattern, instead in _COMPILED:
        yield from _matches(file, pattern, rule, instead)


def check_direct_io(file):
    """Files touched past the Disk seam."""
    if not file.is_cxx or file.path.startswith(EDGE) or not file.path.startswith(SEAM_ONLY):
        return
    yield from _matches(file, _DIRECT_IO, "direct-io", DIRECT_IO_INSTEAD)
    for line, included, quoted in file.includes:
        if not quoted and included in DIRECT_IO_HEADERS:
            yield Finding(file.path, line, "direct-io", f"<{included}>: {DIRECT_IO_INSTEAD}")


def check_lock(file):
    """Locks that no compiler checks, anywhere."""
    if file.is_cxx:
        yield from _matches(file, _LOCK, "lock", LOCK_INSTEAD)


def check_assert(file):
    """The assertion that a release build drops."""
    if not file.is_cxx:
        return
    yield from _matches(file, _ASSERT, "assert", "use TIMBER_ASSERT, which stays on in every build")
    for line, included, quoted in file.includes:
        if not quoted and included in ("cassert", "assert.h"):
            yield Finding(file.path, line, "assert",
                          f'<{included}>: use "src/base/assert.h", which stays on in every build')


RULES = (check_determinism, check_direct_io, check_lock, check_assert)
