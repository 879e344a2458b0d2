"""Files as the rules see them, and what a rule finds in them."""

import os
import re
from dataclasses import dataclass, field
from functools import cached_property

# Folders whose files are checked, and files at the top.
FOLDERS = ("src", "logengine", "memtable", "raft", "tests", "benches", "cmake", "scripts", ".ci")
TOP_FILES = ("CMakeLists.txt", "README.md", "CHANGELOG.md")

# Not ours to lint: inputs of fuzzers, bytes of released formats, expected outputs.
SKIPPED = ("tests/fuzz/corpus/", "tests/golden/")

CXX = (".h", ".cc")


@dataclass(frozen=True)
class Finding:
    """One offence. `size` counts towards an exception's limit: 1, or a length where that is it."""

    path: str
    line: int
    rule: str
    message: str
    size: int = 1
    warning: bool = False

    def __str__(self):
        kind = "warning " if self.warning else ""
        return f"{self.path}:{self.line}: {kind}[{self.rule}] {self.message}"


_TOKEN = re.compile(
    r"""
      //[^\n]*                                  # comment to the end of the line
    | /\*.*?\*/                                 # comment
    | R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)"
    | "(?:[^"\\\n]|\\.)*"
    | (?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'       # a character, no digit separator
    """,
    re.VERBOSE | re.DOTALL,
)


def _blank(text):
    """As many characters and lines, and nothing in them."""
    return re.sub(r"[^\n]", " ", text)


@dataclass
class SourceFile:
    """One file of the repository; `path` is relative to its root."""

    path: str
    text: str
    lines: list = field(init=False)

    def __post_init__(self):
        self.lines = self.text.split("\n")

    @property
    def is_cxx(self):
        return self.path.endswith(CXX)

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @cached_property
    def without_comments(self):
        """The text with comments blanked out; places stay."""
        return _TOKEN.sub(
            lambda m: _blank(m[0]) if m[0].startswith("/") else m[0], self.text)

    @cached_property
    def code(self):
        """The text with comments and literals blanked out; places stay."""
        return _TOKEN.sub(lambda m: _blank(m[0]), self.text)

    @cached_property
    def includes(self):
        """(line, path, quoted) of every include."""
        found = []
        for number, line in enumerate(self.without_comments.split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
            if match:
                found.append((number, match[1] or match[2], match[1] is not None))
        return found

    def line_of(self, position):
        return self.text.count("\n", 0, position) + 1


def load_tree(root):
    """Every file that the rules look at, by path."""
    files = {}

    def load(path):
        name = os.path.relpath(path, root)
        if name.startswith(SKIPPED):
            return
        with open(path, encoding="utf-8", errors="replace") as file:
            files[name] = SourceFile(name, file.read())

    for top in TOP_FILES:
        if os.path.exists(os.path.join(root, top)):
            load(os.path.join(root, top))
    for folder in FOLDERS:
        for directory, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                load(os.path.join(directory, name))
    return files
