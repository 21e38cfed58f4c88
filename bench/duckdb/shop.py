"""Asks Nave and DuckDB the same random audiences about a seeded shop, and compares every answer.

The example `shop` of the bench crate makes the files and the audiences, `nave load` and the engine's API write them
into a store, and DuckDB folds the same files by shop_truth.sql, without Nave, but for one thing: the ids of profiles
are names that Nave gives, so they are taken from it, once the identifiers behind them are the same ones. Where SQL has
all that an audience says, both get the same words; else DuckDB gets what `nave audience explain --sql` prints. With
`--expanded` DuckDB answers that text for every audience as well. Numbers are equal when they are the same, floats when
they differ by at most 1e-12 of their size.

Exit code: 0 if all answers are equal, 1 if one differs, 2 if a side could not be asked.
"""

import argparse
import datetime
import decimal
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import duckdb
from compare import ROOT, give_up, machine, statements

HERE = pathlib.Path(__file__).resolve().parent
NOW = "2025-01-01T00:00:00Z"
RECEIVED = "2024-11-05T06:07:08.000009Z"
# Seconds after which DuckDB is asked no further.
PATIENCE = 300
IDS = ["--id", "user_id=no", "--id", "email=mail", "--id", "anonymous_id=cookie"]
LOADS = [
    ("crm_people.csv", ["--source", "crm", "--as", "identify", "--time", "changed", *IDS[:4]]),
    ("crm_tags.ndjson", ["--source", "crm", "--as", "identify", "--time", "at", *IDS[:2]]),
    ("web_signups.ndjson", ["--source", "web", "--as", "identify", "--time", "at", *IDS]),
    ("web_views.csv", ["--source", "web", "--as", "track", "--event", "view", "--time", "at", "--time-unit", "ms",
                       *IDS[:2], *IDS[4:]]),
    ("web_purchases.csv", ["--source", "web", "--as", "track", "--event", "purchase", "--time", "at",
                           "--message-id", "order_no", *IDS]),
    ("crm_till.csv", ["--source", "crm", "--as", "track", "--event", "purchase", "--time", "at", "--time-unit",
                      "%d/%m/%Y %H:%M", "--zone", "Europe/Paris", "--message-id", "receipt", *IDS[:2]]),
    ("web_mixed.ndjson", ["--source", "web", "--as", "track", "--event-column", "event", "--time", "at",
                          "--message-id", "key", *IDS]),
]  # fmt: skip
TRAITS = [
    "country", "city", "name", "plan", "zone", "device", "address.zip", "age", "select", "visits", "balance",
    "balance.currency", "größe", "score", "vip", "opt in", "born", "last seen", "tags", "interests",
]  # fmt: skip
# Null takes these away: that they were said is a column of its own.
NULLED = ["plan", "opt in"]
EVENTS = ["view", "purchase", "refund", "Wish List"]
ENTITIES = {
    "product": {
        "name": "VARCHAR", "price": "DECIMAL(12, 2)", "price.currency": "VARCHAR", "weight": "DOUBLE",
        "category": "VARCHAR", "brand_id": "VARCHAR", "materials": "VARCHAR[]", "launched": "DATE",
        "in stock": "BOOLEAN", "stock": "BIGINT",
    },
    "brand": {"name": "VARCHAR", "country": "VARCHAR", "since": "DATE", "id": "VARCHAR"},
    "currency_rate": {"from": "VARCHAR", "to": "VARCHAR", "date": "DATE", "rate": "DECIMAL(7, 5)"},
}  # fmt: skip


def run(what, command):
    """Runs a command and tells how long it took and how much memory it needed."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode != 0:
        give_up(f"{what} failed: {' '.join(command)}")
    return printed, seconds, usage.ru_maxrss / 1024


def load(nave, shop, files, store):
    """All records into the store; tells the rate of every file."""
    print(f"{'written':24} {'rows':>9} {'seconds':>8} {'rows/s':>9} {'MiB at most':>12}")

    def tell(what, rows, seconds, memory):
        print(f"{what:24} {rows:9,} {seconds:8.2f} {rows / seconds:9,.0f} {memory:12,.0f}", flush=True)

    lines = lambda name: sum(1 for _ in (files / name).open("rb"))
    _, seconds, memory = run("prepare", [shop, "prepare", str(files), str(store)])
    undated = lines("crm_undated.csv") + lines("web_undated.csv") - 2
    tell("through the API, undated", undated + lines("entities.ndjson"), seconds, memory)
    whole = [0, 0.0]
    for name, flags in LOADS:
        command = [nave, "load", "--data", str(store), "--json", *flags, str(files / name)]
        printed, seconds, memory = run(name, command)
        file = json.loads(printed)["files"][0]
        if file["broken"] or file["rows"] != file["written"] + file["duplicates"] + file["conflicts"]:
            give_up(f"{name}: {file}")
        tell(name, file["rows"], seconds, memory)
        whole = [whole[0] + file["rows"], whole[1] + seconds]
    _, seconds, memory = run("stream", [shop, "stream", str(files), str(store)])
    tell("through the API", lines("web_stream.ndjson"), seconds, memory)
    print(f"{whole[0]:,} rows of files in {whole[1]:.1f} s: {whole[0] / whole[1]:,.0f} a second", flush=True)


def same_person(connection):
    """Gives every node the least node that it is joined with, directly or by others."""
    connection.execute("CREATE TABLE labels AS SELECT node, node AS label FROM nodes")
    before = None
    while (now := connection.execute("SELECT sum(label) FROM labels").fetchone()[0]) != before:
        before = now
        connection.execute(
            """
            CREATE OR REPLACE TABLE labels AS
            SELECT node, min(label) AS label FROM (
                SELECT l.node, m.label FROM labels l JOIN labels m ON m.node = l.label
                UNION ALL SELECT e.a, l.label FROM edges e JOIN labels l ON l.node = e.b
                UNION ALL SELECT e.b, l.label FROM edges e JOIN labels l ON l.node = e.a)
            GROUP BY node"""
        )


def take_names(connection, ids):
    """The names of profiles are those that Nave gives. The identifiers behind each must be those that are joined."""
    connection.execute(
        f"CREATE TABLE named AS SELECT * FROM read_csv('{ids}', header = false, all_varchar = true, "
        "names = ['namespace', 'value', 'profile_id'])"
    )
    one_sided, split, mixed = connection.execute(
        """
        WITH both_sides AS (
            SELECT l.label, i.profile_id FROM labels l JOIN nodes n USING (node)
            FULL JOIN named i ON i.namespace = n.namespace AND i.value = n.value)
        SELECT count(*) FILTER (WHERE label IS NULL OR profile_id IS NULL),
               count(DISTINCT (label, profile_id)) - count(DISTINCT label),
               count(DISTINCT (label, profile_id)) - count(DISTINCT profile_id)
        FROM both_sides"""
    ).fetchone()
    if one_sided or split or mixed:
        print(f"IDENTITIES DIFFER: {one_sided} identifiers on one side only, "
              f"{split} profiles too many, {mixed} too few")
    connection.execute(
        """
        CREATE TABLE identifiers AS
        SELECT i.profile_id, n.namespace, n.value, l.label, n.node
        FROM nodes n JOIN labels l USING (node) JOIN named i ON i.namespace = n.namespace AND i.value = n.value"""
    )
    return one_sided + split + mixed


def with_profiles(table, columns):
    """The rows of a table with the profile that the best of their identifiers belongs to."""
    return f"""
        SELECT coalesce(u.profile_id, m.profile_id, c.profile_id) AS profile_id, {columns}
        FROM {table} t
        LEFT JOIN identifiers u ON u.namespace = 'user_id' AND u.value = t.no
        LEFT JOIN identifiers m ON t.no IS NULL AND m.namespace = 'email' AND m.value = t.mail
        LEFT JOIN identifiers c ON t.no IS NULL AND t.mail IS NULL
          AND c.namespace = 'anonymous_id' AND c.value = t.cookie"""


def fold(connection):
    """Golden records and tables of events, as docs/audience-language.md says that they are."""
    connection.execute(f"CREATE TABLE facts AS {with_profiles('said', 't.* EXCLUDE (no, mail, cookie)')}")
    connection.execute("DROP TABLE said")
    connection.execute("CREATE TABLE profiles AS SELECT DISTINCT profile_id FROM identifiers ORDER BY profile_id")
    latest = "ORDER BY moment DESC, source DESC, value DESC NULLS LAST"
    for trait in TRAITS:
        said = f'"{trait}_said"' if trait in NULLED else f'"{trait}" IS NOT NULL'
        value = f"coalesce(g.value, [])" if trait in ("tags", "interests") else "g.value"
        connection.execute(
            f"""
            CREATE OR REPLACE TABLE profiles AS
            SELECT p.*, {value} AS "{trait}" FROM profiles p LEFT JOIN (
                SELECT profile_id, "{trait}" AS value, moment, source FROM facts WHERE {said}
                QUALIFY row_number() OVER (PARTITION BY profile_id {latest}) = 1) g USING (profile_id)"""
        )
    connection.execute("DROP TABLE facts")
    for event in EVENTS:
        columns = "t.moment AS time, t.* EXCLUDE (no, mail, cookie, moment)"
        connection.execute(f'CREATE TABLE "{event}" AS {with_profiles(chr(34) + "did_" + event + chr(34), columns)}')
        connection.execute(f'DROP TABLE "did_{event}"')
    for entity, fields in ENTITIES.items():
        connection.execute(f"CREATE TABLE {entity} AS SELECT DISTINCT id FROM said_{entity}")
        for field, kind in fields.items():
            path, name = f"""'$."{field}"'""", "fields.id" if field == "id" else field
            text = f"traits ->> {path}"
            value = f"set_of(traits -> {path})" if kind.endswith("[]") else f"CAST({text} AS {kind})"
            shown = "coalesce(g.value, [])" if kind.endswith("[]") else "g.value"
            connection.execute(
                f"""
                CREATE OR REPLACE TABLE {entity} AS
                SELECT p.*, {shown} AS "{name}" FROM {entity} p LEFT JOIN (
                    SELECT id, {value} AS value, moment, source FROM said_{entity} WHERE json_exists(traits, {path})
                    QUALIFY row_number() OVER (PARTITION BY id {latest}) = 1) g USING (id)"""
            )


def truth(shop, store, files, work):
    """The same shop in DuckDB, and how many of its identities differ from those of the store."""
    begin = time.perf_counter()
    connection = duckdb.connect(str(work / "shop.duckdb"))
    # A plan that goes wrong must not fill the machine.
    connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'; SET max_temp_directory_size = '8GB'")
    text = (HERE / "shop_truth.sql").read_text().replace("FILES", str(files)).replace("RECEIVED", RECEIVED)
    for statement in text_statements(text):
        connection.execute(statement)
    same_person(connection)
    ids = work / "ids.csv"
    run("ids", [shop, "ids", str(store), str(ids)])
    different = take_names(connection, ids)
    fold(connection)
    connection.execute(f"CREATE MACRO now() AS TIMESTAMPTZ '{NOW}'; CREATE MACRO amount(money) AS money")
    count = lambda table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
    sizes = ", ".join(f"{count(table):,} {table}" for table in ["profiles", "identifiers", *EVENTS, *ENTITIES])
    print(f"DuckDB has folded the same in {time.perf_counter() - begin:.1f} s: {sizes}", flush=True)
    return connection, different


def text_statements(text):
    """The statements of a text, without comments."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement for statement in "\n".join(lines).split(";\n") if statement.strip()]


def of_nave(cell):
    """The value of a list of type and text."""
    if cell is None:
        return None
    kind, text = cell
    match kind:
        case "integer" | "decimal":
            return decimal.Decimal(text)
        case "float":
            return float(text)
        case "boolean":
            return text == "true"
        case "date":
            return datetime.date.fromisoformat(text)
        case "timestamp":
            return datetime.datetime.fromisoformat(text)
    return text


def of_duckdb(value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return decimal.Decimal(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC) if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    return value


def equal(ours, theirs):
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    numbers = (decimal.Decimal, float)
    if isinstance(ours, numbers) and isinstance(theirs, numbers):
        if isinstance(ours, decimal.Decimal) and isinstance(theirs, decimal.Decimal):
            return ours == theirs
        a, b = float(ours), float(theirs)
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12)
    # A day may be told as its midnight.
    if type(ours) is datetime.date and isinstance(theirs, datetime.datetime):
        ours = datetime.datetime(ours.year, ours.month, ours.day, tzinfo=datetime.UTC)
    if type(theirs) is datetime.date and isinstance(ours, datetime.datetime):
        theirs = datetime.datetime(theirs.year, theirs.month, theirs.day, tzinfo=datetime.UTC)
    return type(ours) is type(theirs) and ours == theirs


def difference(ours, theirs, ordered):
    """In what two tables differ, or nothing."""
    if len(ours) != len(theirs):
        return f"Nave gives {len(ours)} rows, DuckDB {len(theirs)}"
    if not ordered:
        key = lambda row: [
            (cell is not None, str(type(cell)), str(cell)) for cell in row if not isinstance(cell, float)
        ]
        ours, theirs = sorted(ours, key=key), sorted(theirs, key=key)
    for number, (a, b) in enumerate(zip(ours, theirs)):
        if len(a) != len(b) or not all(equal(x, y) for x, y in zip(a, b)):
            shown = lambda row: "(" + ", ".join(map(str, row)) + ")"
            return f"row {number + 1} of {len(ours)}: Nave {shown(a)}, DuckDB {shown(b)}"
    return None


def ask_duckdb(connection, text, runs, most):
    """The rows, and the microseconds of warm runs."""
    guard = threading.Timer(PATIENCE, connection.interrupt)
    guard.start()
    try:
        rows = connection.execute(text).fetchall()
    finally:
        guard.cancel()
    begin, times = time.perf_counter(), []
    while len(times) < min(runs, 1) or (len(times) < runs and time.perf_counter() - begin < most):
        start = time.perf_counter_ns()
        connection.execute(text).fetchall()
        times.append((time.perf_counter_ns() - start) / 1000)
    return [[of_duckdb(value) for value in row] for row in rows], times


def judge(connection, answers, arguments, report):
    """Compares every answer, and tells those that differ; gives back how many do."""
    different, empty, ratios, timed = 0, 0, [], []
    same_words = 0
    for line in answers.open():
        asked = json.loads(line)
        name = asked["name"]
        if "error" in asked:
            different += 1
            print(f"\n{name}: NAVE REFUSES: {asked['error']}\n  {asked['text']}")
            continue
        ours = [[of_nave(cell) for cell in row] for row in asked["rows"]]
        whole, sql = asked["whole"], asked["sql"]
        same_words += asked["plain"]
        texts = [whole if asked["plain"] else sql] + ([sql] if asked["plain"] and arguments.expanded else [])
        for number, text in enumerate(texts):
            try:
                theirs, times = ask_duckdb(connection, text, 0 if number else arguments.runs, arguments.most)
                wrong = difference(ours, theirs, asked["ordered"])
            except duckdb.Error as error:
                wrong, times = f"DuckDB refuses: {error}", None
            if wrong:
                different += 1
                what = "DIFFERENT" + (" (what explain --sql prints)" if text is sql else "")
                print(f"\n{name}: {what}: {wrong}\n  {asked['text']}\n  DuckDB was asked: {text}", flush=True)
                break
            if number == 0:
                nave, duck = statistics.median(asked["micros"]), statistics.median(times)
                ratios.append(duck / max(nave, 0.1))
                timed.append((nave, duck, name, whole))
        shown = "; ".join(str(cell) for cell in ours[0]) if len(ours) == 1 else f"{len(ours)} rows"
        empty += shown in ("0", "0 rows")
        if report and times and not wrong:
            print(f"{name}\t{shown}\t{nave:.0f}\t{duck:.0f}\t{whole}", file=report, flush=True)
    timed.sort(reverse=True)
    print(f"\nthe slowest for Nave{'':34} {'Nave, ms':>9} {'DuckDB, ms':>10}")
    for nave, duck, name, whole in timed[: arguments.slowest]:
        print(f"{name:54} {nave / 1000:9.1f} {duck / 1000:10.1f}\n  {whole}")
    total = len(ratios) + different
    print(f"\n{total} audiences, {total - different} answers equal, {different} different; "
          f"{same_words} word for word, {empty} select nobody")
    quantile = statistics.quantiles([nave / 1000 for nave, *_ in timed], n=20) if len(timed) > 1 else [0] * 19
    print(f"Nave: median {quantile[9]:.1f} ms, one in twenty above {quantile[18]:.1f} ms, "
          f"most {timed[0][0] / 1000:.1f} ms")
    print(
        f"medians: DuckDB takes {statistics.geometric_mean(ratios):.2f} times as long (geometric mean), "
        f"least {min(ratios):.2f}, median {statistics.median(ratios):.2f}, most {max(ratios):.2f}"
    )
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    parser.add_argument("--nave", default=str(target / "nave"), help="the binary that loads")
    parser.add_argument("--shop", default=str(target / "examples" / "shop"), help="the example of the bench crate")
    parser.add_argument("--persons", type=int, default=20_000, help="how many persons; five times as many events")
    parser.add_argument("--audiences", type=int, default=300, help="how many audiences")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--runs", type=int, default=5, help="warm runs of each audience")
    parser.add_argument("--most", type=float, default=6, help="seconds after which an audience is not run again")
    parser.add_argument("--slowest", type=int, default=0, help="how many of the slowest audiences are shown")
    parser.add_argument("--expanded", action="store_true", help="DuckDB also answers what explain --sql prints")
    parser.add_argument("--work", help="a folder for files and stores, kept; without it a temporary one")
    parser.add_argument("--report", help="a file for a line on every audience: answer, times, text")
    arguments = parser.parse_args()
    for binary in (arguments.nave, arguments.shop):
        if not os.access(binary, os.X_OK):
            give_up(f"{binary} is missing: cargo build --release -p nave-server; "
                    "cargo build --release -p nave-bench --example shop")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(arguments.work or folder)
        work.mkdir(parents=True, exist_ok=True)
        files, store, answers = work / "files", work / "store", work / "answers.ndjson"
        size = [str(arguments.persons), str(arguments.seed)]
        run("make", [arguments.shop, "make", str(files), *size])
        load(arguments.nave, arguments.shop, files, store)
        connection, different = truth(arguments.shop, store, files, work)
        ask = [arguments.shop, "ask", str(store), *size, str(arguments.audiences), str(arguments.runs), str(answers)]
        _, seconds, memory = run("ask", ask)
        print(f"Nave has answered in {seconds:.1f} s, with {memory:,.0f} MiB at most", flush=True)
        with open(arguments.report or os.devnull, "w") as report:
            different += judge(connection, answers, arguments, report)
        threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
        print(f"DuckDB {duckdb.__version__} with {threads} threads; {machine()}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
