"""Asks DuckDB the random audiences of the seeded shop on files that `nave export` wrote, and compares every answer.

As shop.py, but DuckDB folds nothing: it reads the exported tables through `nave.sql`. That the tables are what was
loaded is judged by shop.py; that they are exported whole, and that an audience is asked of them word for word, by this.
Where the macros have all that an audience says, DuckDB gets the words of `nave audience explain`; else what `--sql`
prints.

Exit code: 0 if all answers are equal, 1 if one differs, 2 if a side could not be asked.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
import time

import duckdb
from compare import ROOT, give_up, machine
from shop import NOW, judge, load, run


def export(nave, store, folder, form):
    """Exports the store and gives the manifest."""
    begin = time.perf_counter()
    printed, _, memory = run("export", [nave, "export", "--data", str(store), "--to", str(folder), "--format", form,
                                        "--json"])  # fmt: skip
    told = json.loads(printed)
    rows = sum(table["rows"] for table in told["tables"])
    print(f"exported as {form}: {rows:,} rows in {time.perf_counter() - begin:.1f} s "
          f"({rows / told['seconds']:,.0f} a second without opening), {memory:,.0f} MiB at most", flush=True)
    return json.loads((folder / "manifest.json").read_text())


def read(folder, manifest):
    """DuckDB over the files. Its now() is that of the questions."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '4GB'; SET max_temp_directory_size = '8GB'")
    connection.execute("SET file_search_path = '" + str(folder).replace("'", "''") + "'")
    connection.execute((folder / "nave.sql").read_text())
    connection.execute(f"CREATE OR REPLACE MACRO now() AS TIMESTAMPTZ '{NOW}'")
    for table in manifest["tables"]:
        name = table["name"].replace('"', '""')
        found = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        if found != table["rows"]:
            give_up(f"{table['file']} has {found} rows, not {table['rows']}")
    return connection


def in_words(audience):
    """Whether the macros have all that an audience says beyond SQL.

    What is left: funnels; conversions of money; zones in a column, where an unknown one is NULL for Nave and an error
    for DuckDB; and rows that are ordered alike, whose order SQL leaves open.
    """
    whole = audience["whole"]
    by_column = re.search(r"AT TIME ZONE (?!')", whole)
    ordered = whole.startswith("SELECT ") and not whole.startswith("SELECT count(*) FROM profiles")
    lacks = any(f"{name}(" in whole for name in ["funnel", "convert"])
    return audience["plain"] or not (lacks or by_column or ordered)


def word_for_word(answers, asked):
    """The answers with every audience marked as plain that is asked in its words; gives back how many have a macro."""
    macros = 0
    with asked.open("w") as out:
        for line in answers.open():
            audience = json.loads(line)
            if "error" not in audience:
                audience["plain"] = in_words(audience)
                macros += audience["plain"] and bool(re.search(r"(has_identifier|bucket)\(", audience["whole"]))
            out.write(json.dumps(audience) + "\n")
    return macros


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("--nave", default=str(target / "nave"), help="the binary that loads and exports")
    parser.add_argument("--shop", default=str(target / "examples" / "shop"), help="the example of the bench crate")
    parser.add_argument("--persons", type=int, default=20_000, help="how many persons; five times as many events")
    parser.add_argument("--audiences", type=int, default=300, help="how many audiences")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--format", default="parquet", help="parquet, csv or ndjson")
    parser.add_argument("--work", help="a folder for files and stores, kept; without it a temporary one")
    arguments = parser.parse_args()
    arguments.runs, arguments.most, arguments.slowest, arguments.expanded = 1, 0, 0, False
    for binary in (arguments.nave, arguments.shop):
        if not os.access(binary, os.X_OK):
            give_up(f"{binary} is missing: cargo build --release -p nave-server; "
                    "cargo build --release -p nave-bench --example shop")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(arguments.work or folder).resolve()
        work.mkdir(parents=True, exist_ok=True)
        files, store, answers, asked = work / "files", work / "store", work / "answers.ndjson", work / "asked.ndjson"
        size = [str(arguments.persons), str(arguments.seed)]
        run("make", [arguments.shop, "make", str(files), *size])
        load(arguments.nave, arguments.shop, files, store)
        manifest = export(arguments.nave, store, work / "exported", arguments.format)
        ask = [arguments.shop, "ask", str(store), *size, str(arguments.audiences), "1", str(answers)]
        run("ask", ask)
        macros = word_for_word(answers, asked)
        connection = read(work / "exported", manifest)
        different = judge(connection, asked, arguments, None)
        print(f"{macros} of them with has_identifier or bucket")
        print(f"DuckDB {duckdb.__version__} on exported files; {machine()}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
