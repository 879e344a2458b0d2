"""No product holds a trace of a planted mistake.

Reads the list of mistakes (src/base/mistake_list.h) and looks for every name and every sentence in
the built product files, and, so that a search which finds nothing means something, in the checked
ones, where each must occur.
"""

import argparse
import mmap
import os
import re
import sys

ENTRY = re.compile(r'X\(\s*(\w+)\s*,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')


def mistakes_of(text):
    """The (name, sentence) pairs of the list in `text`, line continuations and all."""
    text = text.replace("\\\n", "\n")
    entries = []
    for name, literals in ENTRY.findall(text):
        sentence = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
        entries.append((name, sentence))
    return entries


def _has_word(content, word):
    """Whether `word` occurs in `content` with no letter, digit or underscore at either side."""
    at = content.find(word)
    while at >= 0:
        around = content[max(at - 1, 0):at] + content[at + len(word):at + len(word) + 1]
        if not re.search(rb"\w", around):
            return True
        at = content.find(word, at + 1)
    return False


def find_traces(path, mistakes):
    """The names of the mistakes that the file at `path` holds a trace of.

    By plain searches: a regular expression with a condition in front of the word takes a minute for
    what these do in seconds.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return set()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return {name for name, sentence in mistakes
                    if _has_word(content, name.encode())
                    or (sentence and content.find(sentence.encode()) >= 0)}


def check(mistakes, products, checked):
    """What is wrong, one line each."""
    problems = []
    for path in products:
        for name in sorted(find_traces(path, mistakes)):
            problems.append(f"{path}: holds a trace of the planted mistake {name}; "
                            "use TIMBER_MISTAKE(name) and nothing else to ask for it")
    found = set()
    for path in checked:
        found |= find_traces(path, [m for m in mistakes if m[0] not in found])
    for name in sorted({m[0] for m in mistakes} - found):
        problems.append(f"mistake {name} is in no checked build, so looking for it proves nothing")
    return problems


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", help="the header that lists the mistakes")
    parser.add_argument("--products", required=True, help="a file with a path a line")
    parser.add_argument("--checked", required=True, help="a file with a path a line")
    arguments = parser.parse_args()

    with open(arguments.list, encoding="utf-8") as file:
        mistakes = mistakes_of(file.read())
    products = read_lines(arguments.products)
    problems = check(mistakes, products, read_lines(arguments.checked))
    for problem in problems:
        print(problem)
    print(f"{len(mistakes)} mistakes looked for in {len(products)} products")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
