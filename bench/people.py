"""Runs a synthetic set of people with planted truth through load, match and corrections, and holds it against truth.

    cargo build --release && cargo build --release -p nave-bench --example people
    target/release/examples/people FILES 100000
    python3 bench/people.py --nave target/release/nave --files FILES --store STORE

The rules are set first, as an operator would write them without the truth (`rules.toml`; `--rules` names others). Then
each file is loaded, profiles are matched, corrections (e-mails and telephones given up, pairs that are not one person)
are loaded, and taken back again with `nave retract`, which must leave the clusters as they were before.

After each step `nave identity clusters --csv` is held against the truth: pairwise precision, recall and F1 over the
identifiers that one person has, and for each kind of planted link the share of its pairs that are one profile. What
must be one should have 100 %, what must be apart 0 %. Cookies that no evidence ties to anything are told of by
themselves: they cannot be found. Memory is the greatest resident set of the process of each step. A step that takes
longer than `--most` seconds is ended, and so is the run.
"""

import argparse
import array
import collections
import concurrent.futures
import csv
import multiprocessing
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

LOADS = [
    ("crm", "crm.csv", ["--as", "identify", "--id", "customer=customer", "--id", "email=email", "--id", "phone=phone",
                        "--time", "updated"]),
    ("shop", "shop.ndjson", ["--as", "messages"]),
    ("web", "web.ndjson", ["--as", "messages"]),
    ("app", "app.ndjson", ["--as", "messages"]),
    ("places", "places.ndjson", ["--as", "messages"]),
]
CORRECTIONS = ("corrections", "corrections.ndjson", ["--as", "messages"])


class Ended(Exception):
    """A step that failed, or took too long."""


class Runner:
    """Runs commands of Nave, and tells of each what it took."""

    def __init__(self, nave, store, most):
        self.nave, self.store, self.most = nave, store, most

    def run(self, words, out=None):
        begin = time.monotonic()
        with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen([self.nave, *words, "--data", self.store], stdout=out or told, stderr=errors)
            late = threading.Timer(self.most, child.kill)
            late.start()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            late.cancel()
            seconds = time.monotonic() - begin
            told.seek(0)
            errors.seek(0)
            lines, errors = told.read().splitlines(), errors.read()
        if child.returncode:
            raise Ended(f"{' '.join(words)} ended with {child.returncode} after {seconds:.0f} s: {errors[-2000:]}")
        name = " ".join(pathlib.Path(word).name for word in words[:2] if not word.startswith("--"))
        rows = re.search(r": (\d+) rows, ", lines[0]) if words[0] == "load" else None
        rate = f"{int(rows[1]) / seconds:,.0f} rows/s" if rows else ""
        busy = usage.ru_utime + usage.ru_stime
        print(f"{name:25} {seconds:8.1f} s {busy:8.1f} s of CPU {rate:>15} {usage.ru_maxrss / 1024:7,.0f} MiB at most, "
              f"store {size(self.store) / 1e6:8,.1f} MB", flush=True)
        if "match" in words or "load" in words:
            print("".join(f"    {line}\n" for line in lines if "position" not in line), end="", flush=True)


def size(folder):
    return sum(file.stat().st_size for file in pathlib.Path(folder).rglob("*") if file.is_file())


def plain(namespace, value):
    """The form in which the truth has an identifier."""
    if namespace == "email":
        return value.lower()
    if namespace == "phone":
        digits = "".join(digit for digit in value if digit.isdigit())
        return "+" + digits.removeprefix("00")
    return value


def truth(files):
    """Whose each identifier is: its number by its text, and person and kind by number."""
    places, persons, kinds = {}, array.array("i"), []
    names = {}
    with open(files / "truth.csv", encoding="utf-8", newline="") as text:
        for namespace, value, person, _, kind in csv.reader(text):
            if namespace != "namespace":
                places[f"{namespace} {value}"] = len(persons)
                persons.append(int(person))
                kinds.append(names.setdefault(kind, kind))
    return places, persons, kinds


def clusters(path, places, count):
    """The cluster of each identifier of the truth by its number, -1 where there is none, and the ids of clusters."""
    found, ids, unknown = array.array("i", [-1]) * count, {}, 0
    with open(path, encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        for namespace, value, profile in rows:
            place = places.get(f"{namespace} {plain(namespace, value)}")
            if place is None:
                unknown += 1
                continue
            found[place] = ids.setdefault(profile, len(ids))
    return found, list(ids), unknown


def pairs(sizes):
    return sum(size * (size - 1) // 2 for size in sizes)


def judge(found, persons, kinds, wanted):
    """Precision, recall and F1 of pairs among identifiers of some kinds."""
    told, true, both = (collections.Counter() for _ in range(3))
    count = 0
    for cluster, person, kind in zip(found, persons, kinds):
        if cluster >= 0 and kind in wanted:
            count += 1
            told[cluster] += 1
            true[person] += 1
            both[cluster << 32 | person] += 1
    right = pairs(both.values())
    precision, recall = right / max(pairs(told.values()), 1), right / max(pairs(true.values()), 1)
    return count, precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def largest(found, persons, kinds):
    """The profile of most persons, by the identifiers that one person has."""
    of = collections.defaultdict(set)
    for cluster, person, kind in zip(found, persons, kinds):
        if cluster >= 0 and kind == "own":
            of[cluster].add(person)
    several = collections.Counter(len(of) for of in of.values())
    return max(several, default=0), sum(count for size, count in several.items() if size > 1)


def evaluate(files, path, kept):
    """Holds clusters against the truth, and keeps them to be compared with later ones."""
    places, persons, kinds = truth(files)
    found, ids, unknown = clusters(path, places, len(persons))
    lines = []
    for what, wanted in [("owned by one, tied to something", {"own"}), ("owned by one, all", {"own", "alone"})]:
        count, precision, recall, both = judge(found, persons, kinds, wanted)
        lines.append(f"  {what:32} {count:10,} identifiers  "
                     f"precision {precision:.5f}  recall {recall:.5f}  F1 {both:.5f}")
    most, several = largest(found, persons, kinds)
    lines.append(f"  {len(ids):,} profiles, {several:,} of more than one person, {most} persons at most"
                 + (f"; {unknown:,} identifiers that the truth has not" if unknown else ""))
    joined = {}
    with open(files / "links.csv", encoding="utf-8", newline="") as text:
        for kind, by, expected, one, left, other, right in csv.reader(text):
            if kind == "kind":
                continue
            left, right = places.get(f"{one} {left}"), places.get(f"{other} {right}")
            same = None not in (left, right) and found[left] >= 0 and found[left] == found[right]
            count = joined.setdefault((expected, kind, by), [0, 0])
            count[0] += 1
            count[1] += same
    # Numbers that say of equal clusters that they are equal, and in the same order the ids of the profiles.
    first = {}
    partition = array.array("i", (first.setdefault(cluster, len(first)) if cluster >= 0 else -1 for cluster in found))
    kept.write_bytes(partition.tobytes() + "".join(ids[cluster] for cluster in first if cluster >= 0).encode())
    return lines, joined


def step(runner, files, work, name):
    """What the clusters are worth after a step. The truth is read in a process of its own: what this one holds would
    count as memory of each that it starts."""
    path, kept = work / "clusters.csv", work / f"{name}.kept"
    with open(path, "wb") as out:
        runner.run(["identity", "clusters", "--csv"], out=out)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        lines, joined = pool.submit(evaluate, files, path, kept).result()
    path.unlink()
    print(f"\n{name}\n" + "\n".join(lines) + "\n", flush=True)
    return joined, kept


def table(stages):
    """A line for each kind of planted link, a column for each step."""
    print(f"{'share of pairs that are one profile, in per cent':52} {'pairs':>9} "
          + " ".join(f"{name:>12}" for name in stages))
    heads = {"one": "must be one", "apart": "must be apart", "corrected": "must be apart once corrected"}
    for wanted, head in heads.items():
        print(head)
        for key in sorted({key for joined in stages.values() for key in joined}):
            expected, kind, by = key
            if expected == wanted:
                counts = [joined[key] for joined in stages.values()]
                name = f"  {kind}" + (f" ({by})" if by else "")
                print(f"{name:52} {counts[0][0]:9,} "
                      + " ".join(f"{100 * same / count:12.2f}" for count, same in counts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nave", required=True, type=pathlib.Path)
    parser.add_argument("--files", required=True, type=pathlib.Path, help="what the example `people` has written")
    parser.add_argument("--store", required=True, type=pathlib.Path, help="a new folder for the store")
    parser.add_argument("--rules", type=pathlib.Path, help="other rules than those beside the files")
    parser.add_argument("--threads", default="2", help="threads of matching")
    parser.add_argument("--most", type=float, default=900, help="seconds that a step may take")
    parser.add_argument("--keep", action="store_true", help="keep the store")
    given = parser.parse_args()
    files, store = given.files, given.store
    if store.exists():
        sys.exit(f"{store} is there already")
    work = store.with_name(store.name + ".work")
    work.mkdir(parents=True, exist_ok=True)
    runner = Runner(str(given.nave.resolve()), str(store), given.most)
    stages, kept = {}, {}
    try:
        run(runner, files, given, work, stages, kept)
    except Ended as ended:
        print(ended)
    table(stages)
    same = "taken back" in kept and kept["matched"].read_bytes() == kept["taken back"].read_bytes()
    if "taken back" in kept:
        changed = kept["matched"].read_bytes() != kept["corrected"].read_bytes()
        print(f"\nthe corrections changed clusters: {'yes' if changed else 'no'}")
        print(f"clusters and profile ids with the corrections taken back: {'as before' if same else 'NOT as before'}")
    shutil.rmtree(work)
    if not given.keep:
        shutil.rmtree(store)
    sys.exit(0 if same else 1)


def run(runner, files, given, work, stages, kept):
    """All steps; what each is worth is put into `stages`, and its clusters into `kept`."""
    def judged(name):
        stages[name], kept[name] = step(runner, files, work, name)

    runner.run(["define", str(files / "definitions.toml")])
    runner.run(["identity", "rules", str(given.rules or files / "rules.toml")])
    load(runner, files, LOADS)
    judged("loaded")
    runner.run(["identity", "match", "--threads", given.threads])
    judged("matched")
    load(runner, files, [CORRECTIONS])
    judged("corrected")
    runner.run(["retract", "--source", "corrections", "--from", "1"])
    judged("taken back")


def load(runner, files, loads):
    for source, name, words in loads:
        runner.run(["load", str(files / name), "--source", source, *words])


if __name__ == "__main__":
    main()
