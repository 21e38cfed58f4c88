"""Loads one and four million rows that are like CDNOW, and says the rate and the memory at most.

    cargo build --release && python3 bench/bulk.py --nave target/release/nave

The rows are those of tests/data/cdnow_master.txt again and again, each time with other customers, as CSV in the order
of `--order`: by `day`, as a shop writes them down, or by `customer`, as the data set has them. Each run starts with
an empty folder and ends with the exit of `nave load` at level group, the checkpoint included; memory is the greatest
resident set of that process, mapped files among it.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CUSTOMERS = 23_570


def purchases():
    with open(HERE.parent / "tests/data/cdnow_master.txt", encoding="ascii") as file:
        next(file)
        for line in file:
            customer, day, count, amount = line.split()
            yield int(customer), f"{day[:4]}-{day[4:6]}-{day[6:]}", count, amount


def write(path, rows, order):
    once = list(purchases())
    all_rows = [
        (customer + copy * CUSTOMERS, day, count, amount)
        for copy in range(-(-rows // len(once)))
        for customer, day, count, amount in once
    ][:rows]
    if order == "day":
        random.Random(7).shuffle(all_rows)
        all_rows.sort(key=lambda row: row[1])
    with open(path, "w", encoding="ascii") as file:
        file.write("customer,day,count,amount\n")
        file.writelines(f"{row[0]},{row[1]},{row[2]},{row[3]}\n" for row in all_rows)


def load(nave, file, data):
    """Seconds and bytes at most of one load."""
    begin = time.monotonic()
    child = subprocess.Popen(
        [nave, "load", file, "--data", data, "--source", "shop", "--as", "track", "--event", "purchase",
         "--id", "user_id=customer", "--time", "day", "--level", "group"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"nave load ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--nave", required=True, type=pathlib.Path)
    arguments.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 4_000_000])
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--order", choices=["day", "customer"], default="day")
    given = arguments.parse_args()
    most = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            file = pathlib.Path(folder, "rows.csv")
            # In a process of its own: what a process held before it started another counts for that one as well.
            writer = multiprocessing.Process(target=write, args=(file, rows, given.order))
            writer.start()
            writer.join()
            runs = [load(given.nave.resolve(), file, pathlib.Path(folder, f"data-{rows}-{run}"))
                    for run in range(given.runs)]
            times = [seconds for seconds, _ in runs]
            most.append(max(bytes_ for _, bytes_ in runs))
            print(f"{rows:>10} rows, {file.stat().st_size / 1e6:.0f} MB: min {min(times):.2f} s, median "
                  f"{statistics.median(times):.2f} s, {rows / statistics.median(times):,.0f} rows a second, "
                  f"{most[-1] / 1e6:.0f} MB at most", flush=True)
    if len(most) > 1:
        print(f"memory of the last to the first: {most[-1] / most[0]:.2f}")


if __name__ == "__main__":
    main()
