"""Recognises persons in labelled sets from the command line, and holds what is found against labels it never sees.

    cargo build --release && python3 bench/identity.py --nave target/release/nave --sets FOLDER

FOLDER has febrl1.csv, febrl2.csv and febrl3.csv (the true person is the number in rec_id) and historical_dev.csv (the
column cluster). For each set: load as identify with the record's own id as the only identifier, `nave identity match`
without flags, `nave identity clusters --csv`. Precision, recall and F1 are those of the pairs within clusters.

`--splink` runs Splink on historical_dev.csv too, in the same run and judged by the same function: see `splink_peer.py`
for its settings. It needs a Python that has it: `python3 -m venv V && V/bin/pip install splink==5.0.0`, then
V/bin/python.
"""

import argparse
import collections
import csv
import pathlib
import resource
import subprocess
import tempfile
import time


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def pairs(groups):
    sizes = collections.Counter(groups)
    return sum(size * (size - 1) // 2 for size in sizes.values())


def judge(found, truth):
    """Precision, recall and F1 of pairs: `found` and `truth` give each record its cluster."""
    both = pairs([(found[record], truth[record]) for record in truth])
    precision = both / max(pairs([found[record] for record in truth]), 1)
    recall = both / max(pairs(truth.values()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def clusters(nave, data, namespace):
    rows = csv.DictReader(run(nave, "identity", "clusters", "--csv", "--data", data).splitlines())
    return {row["value"]: row["profile_id"] for row in rows if row["namespace"] == namespace}


def matched(nave, folder, name, file, column):
    """Loads and matches; the clusters, and the seconds that matching took: by the clock, and of processors."""
    data = f"{folder}/{name}"
    run(nave, "load", str(file), "--data", data, "--source", name, "--as", "identify", "--id", f"record={column}")
    begin, busy = time.monotonic(), busy_children()
    run(nave, "identity", "match", "--data", data)
    seconds = time.monotonic() - begin, busy_children() - busy
    return clusters(nave, data, "record"), seconds


def busy_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def told(name, records, seconds, judged):
    precision, recall, both = judged
    print(f"{name:18} {records:7} records, matched in {seconds[0]:.2f} s ({seconds[1]:.2f} s of processors), "
          f"precision {precision:.5f}, recall {recall:.5f}, F1 {both:.5f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nave", required=True)
    parser.add_argument("--sets", required=True, type=pathlib.Path)
    parser.add_argument("--splink", action="store_true", help="Splink on historical_dev.csv, beside Nave")
    arguments = parser.parse_args()
    nave, sets = str(pathlib.Path(arguments.nave).resolve()), arguments.sets
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, 2, 3):
            file = sets / f"febrl{number}.csv"
            found, seconds = matched(nave, folder, f"febrl{number}", file, "rec_id")
            truth = {record: record.split("-")[1] for record in found}
            told(file.name, len(truth), seconds, judge(found, truth))
        file = sets / "historical_dev.csv"
        with open(file, encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        truth = {row["unique_id"]: row["cluster"] for row in rows}
        # The label is taken out before the file is loaded.
        hidden = pathlib.Path(folder) / "historical.csv"
        rows = [{name: value for name, value in row.items() if name != "cluster"} for row in rows]
        with open(hidden, "w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        found, seconds = matched(nave, folder, "historical", hidden, "unique_id")
        told(file.name, len(truth), seconds, judge(found, truth))
        if arguments.splink:
            splink(rows, truth)


def splink(rows, truth):
    """What Splink finds of the same rows: at the threshold that was fixed before, and at others."""
    import splink_peer

    found, (training, scoring, clustering), busy = splink_peer.clusters(rows)
    seconds = training + scoring + clustering, busy
    for threshold, ids in found.items():
        told(f"  Splink, {threshold:g}", len(truth), seconds, judge(ids, truth))
    print(f"  Splink {splink_peer.VERSION}: trained in {training:.2f} s, scored in {scoring:.2f} s, clustered in "
          f"{clustering:.2f} s: {len(truth) / (scoring + clustering):,.0f} records a second with the model given; "
          f"{splink_peer.THRESHOLDS[0]:g} was fixed before")


if __name__ == "__main__":
    main()
