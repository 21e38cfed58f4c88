"""Recognises persons in labelled sets from the command line, and holds what is found against labels it never sees.

    cargo build --release && python3 bench/identity.py --nave target/release/nave --sets FOLDER

FOLDER has febrl1.csv, febrl2.csv and febrl3.csv (the true person is the number in rec_id) and historical_dev.csv (the
column cluster). For each set: load as identify with the record's own id as the only identifier, `nave identity match`
without flags, `nave identity clusters --csv`. Precision, recall and F1 are those of the pairs within clusters.
"""

import argparse
import collections
import csv
import pathlib
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
    """Loads and matches; the clusters, and the seconds that matching took."""
    data = f"{folder}/{name}"
    run(nave, "load", str(file), "--data", data, "--source", name, "--as", "identify", "--id", f"record={column}")
    begin = time.monotonic()
    run(nave, "identity", "match", "--data", data)
    return clusters(nave, data, "record"), time.monotonic() - begin


def told(name, records, seconds, judged):
    precision, recall, both = judged
    print(f"{name:18} {records:7} records, matched in {seconds:.2f} s, "
          f"precision {precision:.5f}, recall {recall:.5f}, F1 {both:.5f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nave", required=True)
    parser.add_argument("--sets", required=True, type=pathlib.Path)
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
        with open(hidden, "w", encoding="utf-8", newline="") as text:
            kept = [name for name in rows[0] if name != "cluster"]
            writer = csv.DictWriter(text, kept, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        found, seconds = matched(nave, folder, "historical", hidden, "unique_id")
        told(file.name, len(truth), seconds, judge(found, truth))


if __name__ == "__main__":
    main()
