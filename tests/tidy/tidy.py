"""Checks the rules of this repository that no compiler knows.

    python3 tests/tidy/tidy.py [--root FOLDER]

Prints each finding as path:line: [rule] what to do instead, and fails if there is one. Exceptions
stand in allowed.txt beside this file, each with a limit and a reason; an exception may only shrink:
where less is found than it allows, it must be lowered or go.
"""

import argparse
import os
import sys
from dataclasses import dataclass

import determinism_rules
import document_rules
import include_rules
import size_rules
from source import Finding, load_tree

FILE_RULES = (*include_rules.RULES, *determinism_rules.RULES, *size_rules.RULES,
              document_rules.check_loose_ends)

# Rules whose exceptions limit the largest offence instead of the number of offences.
LARGEST_COUNTS = ("file-length", "function-length")

ALLOWED = "tests/tidy/allowed.txt"


@dataclass(frozen=True)
class Exemption:
    """A line of allowed.txt: rule, path, limit, reason."""

    line: int
    rule: str
    path: str
    limit: int


def parse_allowed(text):
    """The exemptions of allowed.txt, and what is wrong with its lines."""
    exemptions, findings = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(maxsplit=3)
        if len(fields) < 4 or not fields[2].isdigit():
            findings.append(Finding(ALLOWED, number, "exception", "write: rule path limit reason"))
        else:
            exemptions.append(Exemption(number, fields[0], fields[1], int(fields[2])))
    return exemptions, findings


def apply_allowed(findings, exemptions):
    """The findings that no exemption covers, and the exemptions that allow too much."""
    left = list(findings)
    for exemption in exemptions:
        covered = [f for f in left
                   if (f.rule, f.path) == (exemption.rule, exemption.path) and not f.warning]
        sizes = [f.size for f in covered]
        total = max(sizes, default=0) if exemption.rule in LARGEST_COUNTS else sum(sizes)
        if total <= exemption.limit:
            left = [f for f in left if f not in covered]
        if total < exemption.limit:
            instead = f"lower the limit to {total}" if total else "remove this line"
            left.append(Finding(ALLOWED, exemption.line, "exception",
                                f"{exemption.path} needs less of {exemption.rule}: {instead}"))
    return left


def check_tree(files, exists, allowed_text):
    """Everything that is wrong with the files."""
    findings = []
    for file in files.values():
        for rule in FILE_RULES:
            findings.extend(rule(file))
        findings.extend(document_rules.check_links(file, files, exists))
        findings.extend(document_rules.check_format_constants(file, files))
    findings.extend(include_rules.check_standard_includes(files))
    exemptions, broken = parse_allowed(allowed_text)
    return sorted(apply_allowed(findings, exemptions) + broken,
                  key=lambda f: (f.warning, f.path, f.line))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(here)))
    root = parser.parse_args().root

    files = load_tree(root)
    with open(os.path.join(root, ALLOWED), encoding="utf-8") as file:
        allowed_text = file.read()
    findings = check_tree(files, lambda path: os.path.exists(os.path.join(root, path)),
                          allowed_text)
    for finding in findings:
        print(finding)
    errors = sum(not f.warning for f in findings)
    print(f"tidy: {len(files)} files, {errors} findings, {len(findings) - errors} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
