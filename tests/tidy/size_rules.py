"""Files and functions that outgrow a reader."""

import re

from source import Finding

FILE_LINES_WARNED = 600
FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

CODE = (".h", ".cc", ".py", ".cmake", "CMakeLists.txt", "scripts/setup", "scripts/test")


def check_file_length(file):
    if not file.path.endswith(CODE):
        return
    length = len(file.text.splitlines())
    if length > FILE_LINES_MAX:
        yield Finding(file.path, length, "file-length",
                      f"{length} lines; cut it by phase, below {FILE_LINES_MAX}", size=length)
    elif length > FILE_LINES_WARNED:
        yield Finding(file.path, length, "file-length",
                      f"{length} lines; think of cutting it before {FILE_LINES_MAX}", warning=True)


def check_line_length(file):
    if not file.path.endswith(CODE):
        return
    for number, line in enumerate(file.lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield Finding(file.path, number, "line-length",
                          f"{len(line)} columns; break it before {LINE_COLUMNS_MAX}")


def _matching_brace(code, opening):
    depth = 0
    for position in range(opening, len(code)):
        if code[position] == "{":
            depth += 1
        elif code[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


def functions_of(code):
    """(start, end) positions of every function's definition in code without comments and literals.

    Works by braces: what stands before one, since the last statement, says whether it opens a
    namespace or type (looked into), a function (has a parameter list) or an initialiser.
    """
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.MULTILINE)
    found = []
    head_start = 0
    position = 0
    while position < len(code):
        character = code[position]
        if character in ";}":
            head_start = position + 1
        elif character == "{":
            head = code[head_start:position]
            is_scope = re.search(r"\b(?:namespace|class|struct|union|enum|extern)\b", head)
            if is_scope and not re.search(r"\)\s*(?:const|noexcept|override|final|\s)*$", head):
                head_start = position + 1
            else:
                closing = _matching_brace(code, position)
                following = code[closing + 1:].lstrip()[:1]
                in_initialiser_list = "(" in head and following in (",", "{")
                if "(" in head and not in_initialiser_list:
                    start = head_start + len(head) - len(head.lstrip())
                    found.append((start, closing))
                    head_start = closing + 1
                position = closing
        position += 1
    return found


def check_function_length(file):
    if not file.is_cxx:
        return
    for start, end in functions_of(file.code):
        length = file.code.count("\n", start, end) + 1
        if length > FUNCTION_LINES_MAX:
            yield Finding(file.path, file.line_of(start), "function-length",
                          f"{length} lines; split it, below {FUNCTION_LINES_MAX}", size=length)


RULES = (check_file_length, check_line_length, check_function_length)
