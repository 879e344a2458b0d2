"""Every rule of the tidy check, with an example that it lets pass and one that it finds."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import determinism_rules as determinism
import document_rules as documents
import include_rules as includes
import mistake_traces
import size_rules as sizes
import tidy
from source import Finding, SourceFile


def found(rule, path, text):
    """The rule names and lines of what a rule finds."""
    return [(f.rule, f.line) for f in rule(SourceFile(path, text))]


class Source(unittest.TestCase):
    def test_comments_and_literals_are_blank_and_places_stay(self):
        file = SourceFile("src/a.cc",
                          'int a = 1\'000; // time(0)\nf("rand()", \'"\', 2);/* x\n*/ b')
        self.assertEqual(len(file.code), len(file.text))
        self.assertIn("1'000", file.code)
        self.assertNotIn("time", file.code)
        self.assertNotIn("rand", file.code)
        self.assertIn(", 2);", file.code)
        self.assertEqual(file.line_of(file.code.index("b")), 3)

    def test_raw_strings_are_literals(self):
        file = SourceFile("src/a.cc", 'auto s = R"(a " time(0) )"; g();')
        self.assertNotIn("time", file.code)
        self.assertIn("g();", file.code)

    def test_an_include_in_a_comment_is_none(self):
        file = SourceFile("src/a.cc", '// #include "raft/x.h"\n#include "src/b.h"\n')
        self.assertEqual(file.includes, [(2, "src/b.h", True)])


class Includes(unittest.TestCase):
    def direction(self, path, included):
        return found(includes.check_includes, path, f'#include "{included}"\n')

    def test_libraries_know_only_themselves_and_the_leaf(self):
        for path, included in (
                ("raft/log.cc", "raft/log.h"), ("raft/log.cc", "src/base/result.h"),
                ("logengine/a.cc", "src/base/io/disk.h"), ("memtable/a.cc", "memtable/b.h"),
                ("src/base/io/disk.cc", "src/base/assert.h"),
                ("src/platform/ring.cc", "src/base/io/disk.h")):
            self.assertEqual(self.direction(path, included), [], (path, included))
        for path, included in (
                ("raft/log.cc", "logengine/log_engine.h"), ("raft/log.cc", "src/base/io/disk.h"),
                ("logengine/a.cc", "memtable/store.h"), ("logengine/a.cc", "src/platform/ring.h"),
                ("memtable/a.cc", "src/server.h"), ("src/base/a.cc", "src/base/io/disk.h"),
                ("src/base/io/a.cc", "src/platform/ring.h"),
                ("src/platform/ring.cc", "logengine/log_engine.h")):
            self.assertEqual(self.direction(path, included), [("include-direction", 1)],
                             (path, included))

    def test_others_enter_by_the_front_door(self):
        self.assertEqual(self.direction("src/peer.cc", "raft/raft.h"), [])
        self.assertEqual(self.direction("benches/a.cc", "logengine/log_engine.h"), [])
        self.assertEqual(self.direction("tests/raft/a.cc", "raft/progress.h"), [])
        self.assertEqual(self.direction("src/peer.cc", "raft/progress.h"),
                         [("include-direction", 1)])
        self.assertEqual(self.direction("benches/a.cc", "memtable/block.h"),
                         [("include-direction", 1)])

    def test_the_message_names_the_door(self):
        file = SourceFile("src/peer.cc", '#include "raft/progress.h"\n')
        self.assertIn("raft/raft.h", next(includes.check_includes(file)).message)

    def test_nobody_includes_tests_or_benches(self):
        self.assertEqual(self.direction("benches/a.cc", "tests/support/sim_disk.h"), [])
        self.assertEqual(self.direction("tests/sim/a.cc", "tests/support/sim_disk.h"), [])
        self.assertEqual(self.direction("tests/benches/a.cc", "benches/frame/report.h"), [])
        for path, included in (("src/a.cc", "tests/support/sim_disk.h"),
                               ("benches/a.cc", "tests/sim/cluster.h"),
                               ("raft/a.cc", "benches/frame/report.h"),
                               ("tests/raft/a.cc", "benches/frame/report.h")):
            self.assertEqual(self.direction(path, included), [("include-direction", 1)],
                             (path, included))

    def test_paths_are_from_the_top_and_quoted(self):
        self.assertEqual(self.direction("raft/a.cc", "log.h"), [("include-path", 1)])
        self.assertEqual(found(includes.check_includes, "raft/a.cc", "#include <raft/log.h>\n"),
                         [("include-quotes", 1)])
        self.assertEqual(found(includes.check_includes, "raft/a.cc", "#include <vector>\n"), [])

    def test_raft_takes_no_header_of_the_outside(self):
        rule = includes.check_raft_headers
        self.assertEqual(found(rule, "raft/a.cc", "#include <vector>\n#include <span>\n"), [])
        for header in ("iostream", "fstream", "chrono", "thread", "random", "sys/stat.h"):
            self.assertEqual(found(rule, "raft/a.cc", f"#include <{header}>\n"),
                             [("raft-header", 1)], header)
        self.assertEqual(found(rule, "src/a.cc", "#include <chrono>\n"), [])

    def test_what_is_used_of_the_standard_library_is_included(self):
        def missing(*texts, precompiled="<vector>"):
            files = {f"src/{name}": SourceFile(f"src/{name}", text)
                     for name, text in zip(("a.cc", "a.h", "b.h"), texts)}
            files["cmake/timber.cmake"] = SourceFile(
                "cmake/timber.cmake", f"set(TIMBER_STD_HEADERS {precompiled})\n")
            return [(f.path, f.line, f.message)
                    for f in includes.check_standard_includes(files)]

        use = "\nstd::vector<int> v;\n"
        self.assertEqual(missing("#include <vector>" + use), [])
        self.assertEqual(missing('#include "src/a.h"' + use, '#include "src/b.h"',
                                 "#include <vector>"), [])
        vector = "std::vector comes from <vector>; include it"
        self.assertEqual(missing('#include "src/a.h"' + use, ""), [("src/a.cc", 2, vector)])
        self.assertEqual(missing('#include <vector>\n#include "src/a.h"', use),
                         [("src/a.h", 2, vector)])
        self.assertEqual(missing("// std::vector"), [])
        self.assertEqual(missing("mystd::vector v;"), [])
        self.assertEqual(missing("", precompiled="<vector>\n<regex>"),
                         [("cmake/timber.cmake", 1,
                           "<regex> is precompiled; list its names in STANDARD_NAMES")])

    def test_headers_guard_themselves(self):
        rule = includes.check_pragma_once
        self.assertEqual(found(rule, "raft/a.h", "#pragma once\n"), [])
        self.assertEqual(found(rule, "raft/a.cc", "int a;\n"), [])
        self.assertEqual(found(rule, "raft/a.h", "#ifndef A\n#define A\n#endif\n"),
                         [("pragma-once", 1)])


class Determinism(unittest.TestCase):
    BAD = {
        "clock": ("auto t = std::chrono::steady_clock::now();", "time(nullptr);", "std::time(0);",
                  "clock_gettime(CLOCK_MONOTONIC, &t);", "gettimeofday(&t, nullptr);",
                  "localtime_r(&a, &b);"),
        "sleep": ("std::this_thread::sleep_for(1ms);", "usleep(5);", "::sleep(1);"),
        "thread": ("std::thread t(f);", "std::jthread t;", "pthread_create(&t, 0, f, 0);",
                   "std::async(f);"),
        "wait": ("std::condition_variable c;", "ConditionVariable done_;",
                 "std::promise<int> p;", "std::latch l(1);"),
        "randomness": ("std::random_device d;", "std::mt19937 g(1);", "int x = rand();",
                       "srand(1);", "std::shuffle(a, b, g);",
                       "std::uniform_int_distribution<int> d;"),
    }
    GOOD = ("Duration time(int region);", "loop.clock().now();", "x.time(0);", "random.fork();",
            "Random random(seed);", "// std::thread", 'log("time(0)");', "operand(3);",
            "std::chrono::nanoseconds delay(5);", "world.sleep(delay);", "runtime(0);",
            "bool thread_running;", "ticks_until_timeout(nullptr);")

    def test_what_breaks_a_seed_is_found(self):
        for rule, lines in self.BAD.items():
            for line in lines:
                rules = {r for r, _ in found(determinism.check_determinism, "raft/a.cc", line)}
                self.assertIn(rule, rules, line)

    def test_look_alikes_pass(self):
        for line in self.GOOD:
            self.assertEqual(found(determinism.check_determinism, "raft/a.cc", line), [], line)

    def test_the_edge_may(self):
        for folder in ("src/platform/", "benches/", "tests/process/"):
            self.assertEqual(
                found(determinism.check_determinism, folder + "a.cc", "std::thread t(f);"), [])
        self.assertNotEqual(
            found(determinism.check_determinism, "tests/sim/a.cc", "std::thread t(f);"), [])

    def test_files_are_touched_through_the_seam(self):
        rule = determinism.check_direct_io
        for line in ("std::ifstream in(path);", 'fopen("a", "r");', "FILE* f;", "::open(p, 0);",
                     "::write(fd, p, 1);", "fsync(fd);", "pwritev2(fd, v, 1, 0, 0);",
                     "std::filesystem::path p;", "io_uring_submit(&ring);", "#include <fcntl.h>"):
            self.assertEqual(found(rule, "logengine/a.cc", line), [("direct-io", 1)], line)
        for line in ("disk.open(path, options);", "reader.read(3);", "Status SimDisk::close(int);",
                     "#include <cstdio>", "op.prepare_write(f, 0, v);"):
            self.assertEqual(found(rule, "logengine/a.cc", line), [], line)
        self.assertEqual(found(rule, "tests/raft/scenario_test.cc", "std::ifstream in(p);"), [])
        self.assertEqual(found(rule, "src/platform/a.cc", "#include <fcntl.h>"), [])

    def test_locks_are_checked_by_the_compiler(self):
        rule = determinism.check_lock
        self.assertEqual(found(rule, "benches/a.cc", "std::lock_guard lock(mutex_);"),
                         [("lock", 1)])
        self.assertEqual(found(rule, "src/a.cc", "const MutexLock lock(mutex_);"), [])

    def test_assertions_stay_on(self):
        rule = determinism.check_assert
        self.assertEqual(found(rule, "src/a.cc", "assert(x);"), [("assert", 1)])
        self.assertEqual(found(rule, "src/a.cc", "#include <cassert>"), [("assert", 1)])
        self.assertEqual(found(rule, "src/a.cc", "static_assert(x); TIMBER_ASSERT(x);"), [])


class Documents(unittest.TestCase):
    def links(self, text, **others):
        files = {"a/README.md": SourceFile("a/README.md", text)}
        files |= {name: SourceFile(name, body) for name, body in others.items()}
        paths = set(files) | {"a", "b/c.h"}
        return [f.line for f in documents.check_links(files["a/README.md"], files,
                                                      lambda path: path in paths)]

    def test_live_links_pass(self):
        self.assertEqual(self.links("# Some Part\n[x](../b/c.h) [y](#some-part) [z](https://w.x)"),
                         [])
        self.assertEqual(self.links("```\n[x](gone.md)\n```\n"), [])

    def test_dead_links_are_found(self):
        self.assertEqual(self.links("text\n[x](gone.md)"), [2])
        self.assertEqual(self.links("# Part\n[x](#other-part)"), [2])

    def test_loose_ends(self):
        rule = documents.check_loose_ends
        self.assertEqual(found(rule, "a.cc", "// TO" "DO(#12): later\n"), [])
        self.assertEqual(found(rule, "a.cc", "// TO" "DO: later\n"), [("loose-end", 1)])
        self.assertEqual(found(rule, "a.cc", "\n// FIX" "ME\n"), [("loose-end", 2)])

    def test_values_compare_by_meaning(self):
        for left, right in (("4'096", "4096"), ("0x10u", "16"), ("4_KiB", "4 KiB"),
                            ("uint64_t{1} << 20", "1 MiB"), ("`7`", "7"), ('"LOG1"', '`"LOG1"`'),
                            ("65,536", "64 * 1024"), ("0x1234'5678ULL", "0x12345678")):
            self.assertEqual(documents.value_of(left), documents.value_of(right), (left, right))
        self.assertNotEqual(documents.value_of("4_KiB"), documents.value_of("4 MiB"))

    def test_format_constants(self):
        header = SourceFile("log/log_format.h",
                            "inline constexpr uint32_t kBlock = 4'096;\n"
                            "inline constexpr size_t kTwo = kBlock * 2;\n")
        limits = SourceFile("log/types.h",
                            "inline constexpr size_t kKeyMax = 32_KiB;\n"
                            "inline constexpr size_t kBlock = 1;\n")

        def constants(rows):
            page = SourceFile("log/FORMAT.md", rows)
            files = {page.path: page, header.path: header, limits.path: limits}
            return [f.line for f in documents.check_format_constants(page, files)]

        self.assertEqual(constants("| name | value |\n|---|---|\n| `kBlock` | 4096 | bytes |\n"
                                   "| `kTwo` | 8 KiB | bytes |\n"), [])
        self.assertEqual(constants("| `kBlock` | 512 | bytes |\n"), [1])
        self.assertEqual(constants("| `kKeyMax` | 32 KiB | bytes |\n"), [])
        self.assertEqual(constants("| `kKeyMax` | 64 KiB | bytes |\n"), [1])
        self.assertEqual(constants("\n| `kGone` | 1 | |\n"), [2])


class Sizes(unittest.TestCase):
    def test_file_length(self):
        rule = sizes.check_file_length
        self.assertEqual(found(rule, "a.cc", "x\n" * 600), [])
        warned = list(rule(SourceFile("a.cc", "x\n" * 601)))
        self.assertTrue(warned[0].warning)
        over = list(rule(SourceFile("a.cc", "x\n" * 1001)))
        self.assertEqual((over[0].warning, over[0].size), (False, 1001))

    def test_line_length(self):
        self.assertEqual(found(sizes.check_line_length, "a.cc", "x" * 100), [])
        self.assertEqual(found(sizes.check_line_length, "a.cc", "\n" + "x" * 101),
                         [("line-length", 2)])

    def test_functions_are_told_from_scopes_and_initialisers(self):
        code = ("namespace a {\nclass B : public C<D> {\n  int x_ = 0;\n"
                "  B(int x) : x_{x}, y_{x} {\n    go();\n  }\n  void f() const {\n  }\n};\n"
                "constexpr int kTable[] = {1, 2};\nenum class E { kA };\n"
                "template <typename T>\nint g(T t) {\n  if (t) { return 1; }\n  return 2;\n}\n}\n")
        starts = [code[start:].split("\n")[0] for start, _ in sizes.functions_of(code)]
        self.assertEqual(len(starts), 3, starts)
        self.assertTrue(starts[1].startswith("void f()"))
        self.assertTrue(starts[2].startswith("template"))

    def test_function_length(self):
        body = "void f() {\n" + "  g();\n" * 68 + "}\n"
        self.assertEqual(found(sizes.check_function_length, "a.cc", body), [])
        longer = "\nvoid f() {\n" + "  g();\n" * 69 + "}\n"
        self.assertEqual(found(sizes.check_function_length, "a.cc", longer),
                         [("function-length", 2)])


class Exceptions(unittest.TestCase):
    TWO = [Finding("a.cc", 1, "clock", "m"), Finding("a.cc", 9, "clock", "m")]

    @staticmethod
    def rules_left(allowed, findings):
        exemptions, broken = tidy.parse_allowed(allowed)
        return [f.rule for f in tidy.apply_allowed(findings, exemptions) + broken]

    def test_an_exception_covers_its_number(self):
        self.assertEqual(self.rules_left("# why\nclock a.cc 2 reads it twice\n", self.TWO), [])
        self.assertEqual(self.rules_left("clock a.cc 1 reads it once\n", self.TWO),
                         ["clock", "clock"])
        self.assertEqual(self.rules_left("clock b.cc 2 other file\n", self.TWO[:0]), ["exception"])

    def test_an_exception_only_shrinks(self):
        self.assertEqual(self.rules_left("clock a.cc 3 once read thrice\n", self.TWO),
                         ["exception"])

    def test_lengths_count_the_largest(self):
        long = [Finding("a.cc", 1, "function-length", "m", size=90),
                Finding("a.cc", 200, "function-length", "m", size=80)]
        self.assertEqual(self.rules_left("function-length a.cc 90 a switch\n", long), [])
        self.assertEqual(self.rules_left("function-length a.cc 85 a switch\n", long),
                         ["function-length", "function-length"])

    def test_a_reason_is_needed(self):
        self.assertEqual(self.rules_left("clock a.cc 2\n", []), ["exception"])


class MistakeTraces(unittest.TestCase):
    LIST = ('#define TIMBER_MISTAKES_LOG(X) \\\n    X(ack_early, '
            '"answers too soon; the model") \\\n'
            '    X(gap_kept, \\\n      "goes on after " "a gap; the model")\n')

    def problems(self, product, checked):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, content in (("product", product), ("checked", checked)):
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "wb") as file:
                    file.write(content)
            mistakes = mistake_traces.mistakes_of(self.LIST)
            return mistake_traces.check(mistakes, paths[:1], paths[1:])

    def test_the_list_is_read_over_line_ends(self):
        self.assertEqual(mistake_traces.mistakes_of(self.LIST),
                         [("ack_early", "answers too soon; the model"),
                          ("gap_kept", "goes on after a gap; the model")])

    def test_clean_products_pass(self):
        self.assertEqual(self.problems(b"\0unack_early2\0", b"\0ack_early\0gap_kept\0"), [])

    def test_a_name_or_a_sentence_in_a_product_is_found(self):
        checked = b"\0ack_early\0gap_kept\0"
        self.assertEqual(len(self.problems(b"x\0ack_early\0", checked)), 1)
        self.assertEqual(len(self.problems(b"goes on after a gap; the model", checked)), 1)

    def test_a_mistake_that_is_nowhere_is_a_problem(self):
        self.assertEqual(len(self.problems(b"", b"ack_early")), 1)


if __name__ == "__main__":
    unittest.main()
