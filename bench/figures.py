#!/usr/bin/env python3
"""Prints the least and the median time of every bench that `cargo bench` has run, as a table."""
import json
import os
import pathlib
import statistics
import sys

target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))


def shown(nanoseconds):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


print("| what | least | median |")
print("|---|---:|---:|")
for sample in sorted(target.glob("criterion/**/new/sample.json")):
    name = json.loads((sample.parent / "benchmark.json").read_text())["full_id"]
    if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
        continue
    found = json.loads(sample.read_text())
    times = [time / count for time, count in zip(found["times"], found["iters"])]
    print(f"| {name} | {shown(min(times))} | {shown(statistics.median(times))} |")
