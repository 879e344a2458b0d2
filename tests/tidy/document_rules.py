"""Pages that no longer say what is: constants of formats, links, loose ends."""

import ast
import operator
import os
import re

from source import Finding

_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)


def _slug(heading):
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def _without_fences(text):
    return _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_links(file, files, exists):
    """Relative links in Markdown point at a file, and at a heading of it."""
    if not file.path.endswith(".md"):
        return
    for match in _LINK.finditer(_without_fences(file.text)):
        target, _, anchor = match[1].partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        line = file.line_of(match.start())
        path = file.path
        if target:
            path = os.path.normpath(os.path.join(os.path.dirname(file.path), target))
            if not exists(path):
                yield Finding(file.path, line, "dead-link", f"{target} does not exist; "
                              "link to where it moved, relative to this page")
                continue
        if anchor and path in files:
            anchors = {_slug(h) for h in _HEADING.findall(_without_fences(files[path].text))}
            if anchor not in anchors:
                yield Finding(file.path, line, "dead-link",
                              f"{path} has no heading #{anchor}; link to one that it has")


# Written apart, so that this file does not offend.
_NEVER = re.compile(r"\bFIX" r"ME\b|\bXX" r"X\b")
_LATER = re.compile(r"\bTO" r"DO\b(?!\(#?[\w.-]+\))")


def check_loose_ends(file):
    """No loose ends; a to-do says in parentheses where it is tracked."""
    for number, line in enumerate(file.lines, 1):
        if _NEVER.search(line):
            yield Finding(file.path, number, "loose-end", "mend it before it is merged")
        if _LATER.search(line):
            yield Finding(file.path, number, "loose-end",
                          "say where it is tracked: TO" "DO(#number)")


_CONSTEXPR = re.compile(r"\bconstexpr\s+[\w:<>,\s]+?\b(k[A-Z]\w*)(?:\[\])?\s*"
                        r"(?:=\s*([^;]+)|\{([^;{}]*)\});")
_ROW = re.compile(r"^\|\s*`(k[A-Z]\w*)`\s*\|\s*([^|]*?)\s*\|", re.MULTILINE)
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Div: operator.floordiv, ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}


def value_of(text, constants=None, depth=0):
    """The number or string that a constant's text means; its text, tidied, if that is unclear."""
    constants = constants or {}
    text = " ".join(text.strip().strip("`").split())
    plain = re.sub(r"(?<=[0-9a-fA-F])[',](?=[0-9a-fA-F]{3,})", "", text)
    plain = re.sub(r"\b\w+\{([^{}]*)\}", r"(\1)", plain)
    plain = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)(?:[uU][lL]{0,2}|[lL]{1,2}[uU]?)\b", r"\1", plain)
    plain = re.sub(r"\b(\d+)[_ ]?(KiB|MiB|GiB)\b", lambda m: str(int(m[1]) * _UNITS[m[2]]), plain)
    plain = re.sub(r"\b(\d+) bytes?\b", r"\1", plain)

    def evaluate(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str)):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
        if isinstance(node, ast.Name) and node.id in constants and depth < 8:
            return value_of(constants[node.id], constants, depth + 1)
        raise ValueError(text)

    try:
        return evaluate(ast.parse(plain, mode="eval").body)
    except (ValueError, SyntaxError, TypeError, ZeroDivisionError):
        return text


def constants_of(code):
    """The constexpr constants of a header: name to the text of the value."""
    return {name: (assigned or braced).strip()
            for name, assigned, braced in _CONSTEXPR.findall(code)}


def check_format_constants(file, files):
    """A row `| kName | value |` of a FORMAT.md says what the folder's headers say.

    Headers of formats come first; limits that a format shares with the rest stand in others.
    """
    if os.path.basename(file.path) != "FORMAT.md":
        return
    folder = os.path.dirname(file.path) + "/"
    headers = [path for path in files if path.startswith(folder) and files[path].is_header]
    constants = {}
    for path in sorted(headers, key=lambda path: "format" in os.path.basename(path)):
        constants.update(constants_of(files[path].without_comments))
    for match in _ROW.finditer(file.text):
        name, written = match[1], match[2]
        line = file.line_of(match.start())
        if name not in constants:
            yield Finding(file.path, line, "format-constant",
                          f"no header below {folder} has a constant {name}; name one that is")
        elif value_of(written) != value_of(constants[name], constants):
            yield Finding(file.path, line, "format-constant",
                          f"{name} is {constants[name]} in the header, not {written}")
