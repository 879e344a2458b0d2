"""Checks README.md's table of TinyKV's tests: 75 of them, each with tests of ours that exist.

    tinykv_table.py [DIRECTORY]     the directory of README.md and the tests; this one by default

A test that is renamed or removed would otherwise leave the table promising what nobody runs.
"""

import pathlib
import re
import sys

FUNCTIONS = 75
ROW = re.compile(r"^\| (Test\w+) \| ([\w., ]+) \|", re.MULTILINE)
TEST = re.compile(r"^TEST(?:_P)?\((\w+), (\w+)\)", re.MULTILINE)
HEADING = re.compile(r"^### .*?(?:suite (\w+)\))?$")


def tests_of(directory):
    """{"Suite.Name", ...} of every test in the directory."""
    found = set()
    for path in directory.glob("*_test.cc"):
        found |= {".".join(names) for names in TEST.findall(path.read_text(encoding="utf-8"))}
    return found


def rows_of(readme):
    """(TinyKV's function, [our tests]) for each row. A name without a suite takes that of the name
    before it, and the first one the suite of its section."""
    section_suite = None
    for line in readme.splitlines():
        heading = HEADING.match(line)
        if heading:
            section_suite = heading.group(1)
        row = ROW.match(line)
        if not row:
            continue
        suite, ours = section_suite, []
        for name in row.group(2).strip().split(", "):
            if "." in name:
                suite, name = name.split(".")
            ours.append(f"{suite}.{name}")
        yield row.group(1), ours


def problems_of(readme, tests):
    functions = set()
    for function, ours in rows_of(readme):
        if function in functions:
            yield f"{function} is there twice"
        functions.add(function)
        for test in ours:
            if test not in tests:
                yield f"{function}: there is no test {test}"
    if len(functions) != FUNCTIONS:
        yield f"{len(functions)} functions are listed, TinyKV has {FUNCTIONS}"


def main():
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
    if directory.is_file():
        directory = directory.parent
    readme = (directory / "README.md").read_text(encoding="utf-8")
    problems = list(problems_of(readme, tests_of(directory)))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
