"""What the engines of bench/warehouses share: the questions, the clock, and cells that can be compared.

A worker is one engine in a process of its own, so that its memory is its own: `python ENGINE.py STAGE WORK RUNS` reads
WORK/questions.json and writes WORK/results/ENGINE-STAGE.json.
"""

import datetime
import decimal
import json
import os
import pathlib
import statistics
import sys
import time

NOW = "2026-01-01T00:00:00Z"
# Runs before the clock counts.
WARM_UP = 3
# Seconds after which a text is not asked again.
MOST = 5.0


def clock(ask, runs, persons=0, most=MOST):
    """Asks again and again: the first answer, and microseconds of the first run, the least and the median. A text that
    is asked of several persons in turn is asked of each of them before, which tells the median of persons that nobody
    asked for yet."""
    begin = time.perf_counter_ns()
    answer = ask(0)
    before, whole = [time.perf_counter_ns() - begin], time.perf_counter()
    warm_up = max(WARM_UP, persons - 1)
    for run in range(1, warm_up + 1):
        if time.perf_counter() - whole < most:
            begin = time.perf_counter_ns()
            ask(run)
            before.append(time.perf_counter_ns() - begin)
    nanos, whole = [], time.perf_counter()
    while len(nanos) < runs and (not nanos or time.perf_counter() - whole < most):
        run = warm_up + 1 + len(nanos)
        begin = time.perf_counter_ns()
        ask(run)
        nanos.append(time.perf_counter_ns() - begin)
    return answer, {
        "first_us": before[0] / 1000,
        "unasked_us": statistics.median(before) / 1000 if persons else None,
        "min_us": min(nanos) / 1000,
        "median_us": statistics.median(nanos) / 1000,
        "runs": len(nanos),
    }


def cell(value):
    """A value as JSON that tells its type: whole numbers, floats, exact decimals, instants, sets."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, decimal.Decimal):
        return ["decimal", str(value)]
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return ["timestamp", utc.strftime("%Y-%m-%dT%H:%M:%SZ")]
    if isinstance(value, (list, tuple)):
        return ["set", sorted(value)]
    raise TypeError(f"no cell for {type(value)}")


def cells(rows):
    return [[cell(value) for value in row] for row in rows]


def timed(result, what, do):
    """Does something and keeps its seconds."""
    begin = time.perf_counter()
    done = do()
    result[what] = round(time.perf_counter() - begin, 3)
    print(f"  {what}: {result[what]:.2f}", flush=True)
    return done


def size_of(path):
    """Bytes of a file, or of all files in a folder."""
    path = pathlib.Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def worker(engine, stages):
    """Runs one stage of an engine in this process."""
    stage, work = sys.argv[1], pathlib.Path(sys.argv[2])
    questions = json.loads((work / "questions.json").read_text())
    result = {}
    stages[stage](work, result, questions, int(sys.argv[3]))
    results = work / "results"
    results.mkdir(exist_ok=True)
    (results / f"{engine}-{stage}.json").write_text(json.dumps(result, indent=1))
    # Engines that take long to leave have nothing to keep any more.
    sys.stdout.flush()
    os._exit(0)
