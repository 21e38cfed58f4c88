"""CRoaring by pyroaring: the floor of what bitmaps can do, for the questions that are nothing but bitmaps.

The bitmaps are made from DuckDB's answer to each condition, and lie in memory; the clock counts the operations alone,
with what a call from Python costs (a microsecond or so).
"""

import re

import duckdb
import pyroaring
from common import clock, worker
from pyroaring import BitMap


def ask(work, result, questions, runs):
    connection = duckdb.connect(str(work / "asked.duckdb"), read_only=True)
    bitmaps = {}

    def bitmap(condition):
        found = bitmaps.get(condition)
        if found is None:
            rows = connection.execute(f"SELECT no FROM profiles WHERE {condition} ORDER BY no").fetchnumpy()["no"]
            found = bitmaps[condition] = BitMap(rows.astype("uint32"))
            found.run_optimize()
        return found

    result["version"] = pyroaring.__version__
    result["answers"] = []
    for question in questions:
        if "floor" not in question:
            continue
        # The bitmaps are looked up once, so that the clock does not count it.
        conditions = []

        def place(match):
            conditions.append(match[1])
            return f"_{len(conditions) - 1}"

        text = re.sub(r'b\("([^"]*)"\)', place, " ".join(question["floor"].split()))
        names = {f"_{number}": bitmap(condition) for number, condition in enumerate(conditions)}
        count = eval(f"lambda _run: {text}", {"BitMap": BitMap, **names})
        answer, times = clock(count, max(runs, 200))
        result["answers"].append({"name": question["name"], **times, "rows": [[answer]]})
        print(f"  {question['name']}: {times['median_us']:.1f}", flush=True)


if __name__ == "__main__":
    worker("floor", {"ask": ask})
