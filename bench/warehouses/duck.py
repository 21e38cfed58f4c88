"""DuckDB: CREATE TABLE of both files, then tables in its own best form, and the questions.

Asked are, for each question, the text that Nave has, word for word, and DuckDB's own best: the same text prepared, and
texts with semi-joins, anti-joins and aggregates in place of correlated counts, each as it is and prepared; the one with
the least median counts. Its tables carry the number that a user id holds, one table an event, and an index on
identifiers.
"""

import duckdb
from common import NOW, cells, clock, size_of, timed, worker

EVENTS = {
    "view": "page",
    "open": "campaign",
    "click": "campaign",
    "cart": "category, amount",
    "purchase": "category, amount",
}
NUMBER = "CAST(substr(user_id, 2) AS INTEGER) AS no"


def connect(path, read_only=False):
    connection = duckdb.connect(str(path), read_only=read_only)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def load(work, result, _questions, _runs):
    """Both Parquet files as they are: the load that Nave's is held against."""
    path = work / "plain.duckdb"
    path.unlink(missing_ok=True)

    def create():
        connection = connect(path)
        for table in ("profiles", "events"):
            file = work / "files" / f"{table}.parquet"
            timed(result, f"{table}_seconds", lambda: connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{file}')"))
        connection.close()

    timed(result, "seconds", create)
    result["bytes"] = size_of(path)
    path.unlink()


def prepare(work, result, _questions, _runs):
    """The tables that are asked: the same names as in Nave, a table an event."""
    path = work / "asked.duckdb"
    path.unlink(missing_ok=True)
    files = work / "files"

    def create():
        connection = connect(path)
        connection.execute(
            f"CREATE TABLE profiles AS SELECT {NUMBER}, user_id AS profile_id, * EXCLUDE (user_id) "
            f"FROM read_parquet('{files}/profiles.parquet')")
        for event, columns in EVENTS.items():
            connection.execute(
                f"CREATE TABLE {event} AS SELECT {NUMBER}, user_id AS profile_id, time, {columns} "
                f"FROM read_parquet('{files}/events.parquet') WHERE event = '{event}'")
        connection.execute("CREATE UNIQUE INDEX by_id ON profiles (profile_id)")
        connection.close()

    timed(result, "seconds", create)
    result["bytes"] = size_of(path)


def variants(connection, question):
    """Name and how to run it, of every text of a question."""
    best = [question["text"], *question.get("duckdb", [])]
    ids = question["ids"] or [""]

    def direct(text):
        return lambda run: connection.execute(text.replace("{id}", ids[run % len(ids)])).fetchall()

    yield "same", question["text"], direct(question["text"])
    for number, text in enumerate(best):
        if number:
            yield "best", text, direct(text)
        name, parameter = f"q{number}", "{id}" in text
        connection.execute(f"PREPARE {name} AS {text.replace(chr(39) + '{id}' + chr(39), '$1')}")
        if parameter:
            yield "best", text, lambda run, name=name: connection.execute(
                f"EXECUTE {name}('{ids[run % len(ids)]}')").fetchall()
        else:
            yield "best", text, lambda run, name=name: connection.execute(f"EXECUTE {name}").fetchall()


def ask(work, result, questions, runs):
    connection = connect(work / "asked.duckdb", read_only=True)
    connection.execute(f"CREATE TEMP MACRO now() AS TIMESTAMPTZ '{NOW}'")
    result["version"] = duckdb.__version__
    result["threads"] = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    result["answers"] = []
    for question in questions:
        answer = {"name": question["name"], "others": []}
        for kind, text, run in variants(connection, question):
            rows, times = clock(run, runs, len(question["ids"]))
            found = {**times, "text": text, "rows": cells(rows)}
            answer["others"].append({"kind": kind, **found})
            if kind not in answer or times["median_us"] < answer[kind]["median_us"]:
                answer[kind] = found
        if answer["same"]["median_us"] < answer["best"]["median_us"]:
            answer["best"] = answer["same"]
        result["answers"].append(answer)
        print(f"  {question['name']}: {answer['same']['median_us']:.0f} {answer['best']['median_us']:.0f}", flush=True)


if __name__ == "__main__":
    worker("duck", {"load": load, "prepare": prepare, "ask": ask})
