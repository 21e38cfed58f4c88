"""Asks Nave and DuckDB the same audiences about the CDNOW purchases, word for word, and compares every answer.

The statements are the audiences of the demo, with the correlation that Nave implies written out by
`nave audience explain`, and those of audiences.sql. Both get the same text: DuckDB has `SET TimeZone = 'UTC'` and a
macro `now()` that gives the instant of `--now`. Each side is timed inside its own process, after warming up.

Exit code: 0 if all answers are equal, 1 if one differs, 2 if a side could not be asked.
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PURCHASES = ROOT / "tests" / "data" / "cdnow_master.txt"
FILES = [ROOT / "server" / "src" / "cli" / "demo_audiences.sql", HERE / "audiences.sql"]
NOW = "1998-07-01T00:00:00Z"


def give_up(message):
    print(f"compare: {message}", file=sys.stderr)
    sys.exit(2)


def nave(binary, *arguments):
    """Runs the binary and gives back its JSON."""
    done = subprocess.run([binary, *arguments, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        give_up(f"nave {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def statements(path):
    """The (name, text) pairs of a file: a line `-- name`, perhaps more comments, then the text up to `;`."""
    found = []
    for piece in without_quoted(path.read_text()):
        lines = piece.strip().splitlines()
        names = [line[2:].strip() for line in lines if line.startswith("--")]
        text = "\n".join(line for line in lines if not line.startswith("--")).strip()
        if text:
            found.append((names[0] if names else text, text))
    return found


def without_quoted(text):
    """Splits at each `;` that stands outside a literal and outside a comment."""
    pieces, start, quote = [], 0, None
    for at, char in enumerate(text):
        if quote:
            quote = None if char == quote else quote
        elif text.startswith("--", at):
            quote = "\n"
        elif char in "'\"":
            quote = char
        elif char == ";":
            pieces.append(text[start:at])
            start = at + 1
    return pieces + [text[start:]]


def load_nave(binary, store):
    nave(
        binary, "load", "--data", store, "--source", "shop", "--as", "track", "--event", "purchase",
        "--id", "customer_id=customer_id", "--time", "date", "--time-unit", "%Y%m%d",
        "--delimiter", "whitespace", str(PURCHASES),
    )  # fmt: skip


def load_duckdb(folder):
    """The same rows in DuckDB. No audience asks for message ids: here they are the numbers of the rows."""
    lines = PURCHASES.read_text().splitlines()[1:]
    table = pathlib.Path(folder) / "purchase.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([number, *line.split()] for number, line in enumerate(lines, 1) if line.strip())
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE MACRO now() AS TIMESTAMPTZ '{NOW}'")
    connection.execute(
        f"""
        CREATE TABLE purchase AS
        SELECT customer AS profile_id, strptime(day, '%Y%m%d')::TIMESTAMPTZ AS time, 'shop' AS source,
               number AS message_id, discs AS number_of_cds, dollars AS dollar_value
        FROM read_csv('{table}', header = false, columns = {{'number': 'VARCHAR', 'customer': 'VARCHAR',
                      'day': 'VARCHAR', 'discs': 'BIGINT', 'dollars': 'DECIMAL(18, 2)'}})"""
    )
    connection.execute("CREATE TABLE profiles AS SELECT DISTINCT profile_id FROM purchase")
    return connection


def ask_duckdb(connection, text, runs):
    """The answer, and the microseconds of each warm run."""
    answer = connection.execute(text).fetchall()[0][0]
    times = []
    for _ in range(runs):
        begin = time.perf_counter_ns()
        connection.execute(text).fetchall()
        times.append((time.perf_counter_ns() - begin) / 1000)
    return answer, times


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = names[0] if names else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def compare(binary, store, connection, runs):
    """Asks both, prints the table, and gives back how many answers differ."""
    asked = []
    for path in FILES:
        for name, text in statements(path):
            if not text[:6].upper() == "SELECT":
                text = nave(binary, "audience", "explain", "--data", store, "--now", NOW, text)["text"]
            asked.append((name, text))
    file = pathlib.Path(store).parent / "asked.sql"
    file.write_text("".join(f"-- {name}\n{text};\n" for name, text in asked))
    report = nave(binary, "audience", "bench", "--data", store, "--now", NOW, "--file", str(file), "--runs", str(runs))
    answers = report["statements"]
    if [answer["name"] for answer in answers] != [name for name, _ in asked]:
        give_up("nave audience bench did not answer every statement under its name")

    print(f"{'':58} {'':>7}  {'Nave, microseconds':>19}  {'DuckDB, microseconds':>20}")
    print(f"{'audience':58} {'answer':>7}  {'min':>9} {'median':>9}  {'min':>10} {'median':>9}")
    different, ratios = 0, []
    for (name, text), ours in zip(asked, answers):
        theirs, times = ask_duckdb(connection, text, runs)
        median = statistics.median(times)
        ratios.append(median / max(ours["median_us"], 0.001))
        nave_times = f"{ours['min_us']:9.1f} {ours['median_us']:9.1f}"
        line = f"{name[:58]:58} {theirs:7}  {nave_times}  {min(times):10.1f} {median:9.1f}"
        if int(ours["answer"]) != theirs:
            different += 1
            line += f"  DIFFERENT: Nave says {ours['answer']}\n{text}"
        print(line)
    print(f"\n{len(asked)} audiences, {len(asked) - different} answers equal, {different} different")
    print(
        f"medians: DuckDB takes {statistics.geometric_mean(ratios):.1f} times as long (geometric mean), "
        f"least {min(ratios):.1f}, most {max(ratios):.1f}"
    )
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    print(f"{runs} warm runs of each; DuckDB {duckdb.__version__} with {threads} threads; {machine()}")
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nave", default=str(ROOT / "target" / "release" / "nave"), help="the binary to ask")
    parser.add_argument("--runs", type=int, default=20, help="warm runs of each statement")
    arguments = parser.parse_args()
    if not os.access(arguments.nave, os.X_OK):
        give_up(f"{arguments.nave} is missing: build it with `cargo build --release -p nave-server`")
    with tempfile.TemporaryDirectory() as folder:
        store = str(pathlib.Path(folder) / "store")
        load_nave(arguments.nave, store)
        different = compare(arguments.nave, store, load_duckdb(folder), max(arguments.runs, 1))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
