"""Runs a bench with tiny input, and checks what it reports.

    bench_smoke.py PROGRAM

The bench itself checks its answers and fails if one is wrong; here the JSON must be there, whole,
with a row for every subject and figures that can be.
"""

import json
import math
import os
import subprocess
import sys
import tempfile

MACHINE = ("commit", "date", "cpu", "cores", "memory_bytes", "kernel", "disk", "write_cache",
           "file_system", "direct_io")
PARAMETERS = ("seed", "slices", "seconds", "slice_ms", "tiny")
TEXTS = ("bench", "subject", "case", "device_counted_by")
FIGURES = ("parallel", "value_bytes", "ops_per_s", "ops_per_s_low", "ops_per_s_high", "p50_us",
           "p99_us", "p999_us", "max_us", "cpu_us_per_op", "rss_bytes", "slices", "operations",
           "stalls", "stalls_ours")
# Null where the files are on no block device.
DEVICE_FIGURES = ("device_bytes_per_byte", "device_writes_per_op", "device_flushes_per_op",
                  "device_read_bytes_per_op")


def is_figure(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) \
        and math.isfinite(value) and value >= 0


def problems_of_row(row):
    for name in TEXTS:
        if not isinstance(row.get(name), str):
            yield f"{name} is no text"
    for name in FIGURES:
        if not is_figure(row.get(name)):
            yield f"{name} is no figure"
    for name in DEVICE_FIGURES:
        if name not in row or not (row[name] is None or is_figure(row[name])):
            yield f"{name} is no figure"
    if not isinstance(row.get("ratios"), dict):
        yield "ratios is no object"
    if row.get("operations") == 0:
        yield "nothing was done"


def problems_of(report):
    """What is wrong with a report, one line each."""
    for part, names in (("machine", MACHINE), ("parameters", PARAMETERS)):
        for name in names:
            if name not in report.get(part, {}):
                yield f"{part}.{name} is missing"
    if not report.get("rows"):
        yield "there are no rows"
    for row in report.get("rows", []):
        for problem in problems_of_row(row):
            yield f"{row.get('subject')} in {row.get('case')}: {problem}"


def main():
    program = os.path.abspath(sys.argv[1])
    # Beside the program, which is on a disk, where /tmp may not be.
    with tempfile.TemporaryDirectory(prefix=program + ".") as folder:
        json_path = folder + "/report.json"
        subprocess.run([program, "--tiny", "--directory", folder + "/data", "--json", json_path],
                       check=True)
        with open(json_path, encoding="utf-8") as file:
            problems = list(problems_of(json.load(file)))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
