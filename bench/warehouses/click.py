"""ClickHouse, inside this process (chDB): MergeTree tables in an order that suits the questions, states of bitmaps.

Profiles lie in the order of country, plan and number, and once more in that of their identifier; events in the order of
event and time. `bitmaps` has a groupBitmap state for every value of every trait: ClickHouse's own best for audiences.
"""

import json
import shutil

from chdb import session
from common import NOW, clock, size_of, timed, worker

INSTANT = f"toDateTime('{NOW[:10]} {NOW[11:19]}', 'UTC')"
PROFILES = """
    no UInt32, user_id String, country LowCardinality(String), city LowCardinality(String),
    plan LowCardinality(String), language LowCardinality(String), consent_email Bool, consent_sms Bool,
    age Nullable(UInt8), value Float64, signed_up DateTime('UTC'), tags Array(LowCardinality(String))"""
EVENTS = """
    no UInt32, event LowCardinality(String), time DateTime('UTC'), page LowCardinality(String),
    campaign LowCardinality(String), category LowCardinality(String), amount Decimal(12, 2)"""
NUMBER = "toUInt32(substring(user_id, 2)) AS no"
TRAITS = ["country", "city", "plan", "language", "age"]


def opened(work):
    return session.Session(str(work / "clickhouse"))


def answer_of(connection, text):
    """The rows of an answer."""
    lines = str(connection.query(text, "JSONCompactEachRow")).splitlines()
    return [json.loads(line, parse_float=lambda text: ["number", text]) for line in lines if line.strip()]


def load(work, result, _questions, _runs):
    shutil.rmtree(work / "clickhouse", ignore_errors=True)
    connection = opened(work)
    connection.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
    connection.query("USE bench")
    connection.query("SET allow_suspicious_low_cardinality_types = 1")
    order = "ENGINE = MergeTree ORDER BY"
    connection.query(f"CREATE TABLE profiles ({PROFILES}) {order} (country, plan, no)")
    connection.query(f"CREATE TABLE events ({EVENTS}) {order} (event, time)")
    columns = {
        "profiles": f"{NUMBER}, user_id, country, city, plan, language, consent_email, consent_sms, age, value, "
                    "signed_up, tags",
        "events": f"{NUMBER}, event, time, ifNull(page, ''), ifNull(campaign, ''), ifNull(category, ''), "
                  "ifNull(amount, 0)",
    }  # fmt: skip

    def insert():
        for table, selected in columns.items():
            file = work / "files" / f"{table}.parquet"
            timed(result, f"{table}_seconds", lambda: connection.query(
                f"INSERT INTO {table} SELECT {selected} FROM file('{file}', Parquet)"))

    timed(result, "seconds", insert)
    timed(result, "optimize_seconds", lambda: [connection.query(f"OPTIMIZE TABLE {t} FINAL") for t in columns])
    result["bytes"] = size_of_tables(connection, "('profiles', 'events')")

    def more():
        connection.query(f"CREATE TABLE profiles_by_id ({PROFILES}) {order} user_id SETTINGS index_granularity = 256")
        connection.query("INSERT INTO profiles_by_id SELECT * FROM profiles")
        connection.query("OPTIMIZE TABLE profiles_by_id FINAL")
        connection.query(
            "CREATE TABLE bitmaps (trait LowCardinality(String), value String, "
            f"members AggregateFunction(groupBitmap, UInt32)) {order} (trait, value) SETTINGS index_granularity = 1")
        for trait in TRAITS:
            connection.query(f"INSERT INTO bitmaps SELECT '{trait}', toString({trait}), groupBitmapState(no) "
                             f"FROM profiles WHERE {trait} IS NOT NULL GROUP BY {trait}")
        for trait in ("consent_email", "consent_sms"):
            connection.query(f"INSERT INTO bitmaps SELECT '{trait}', '', groupBitmapState(no) "
                             f"FROM profiles WHERE {trait}")
        connection.query("INSERT INTO bitmaps SELECT 'tags', tag, groupBitmapState(no) "
                         "FROM profiles ARRAY JOIN tags AS tag GROUP BY tag")
        connection.query("OPTIMIZE TABLE bitmaps FINAL")

    timed(result, "more_seconds", more)
    result["more_bytes"] = size_of_tables(connection, "('profiles_by_id', 'bitmaps')")
    result["folder_bytes"] = size_of(work / "clickhouse")
    connection.close()


def size_of_tables(connection, names):
    text = f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table IN {names}"
    return answer_of(connection, text)[0][0]


def ask(work, result, questions, runs):
    connection = opened(work)
    connection.query("USE bench")
    result["version"] = answer_of(connection, "SELECT version()")[0][0]
    result["threads"] = answer_of(connection, "SELECT getSetting('max_threads')")[0][0]
    result["answers"] = []
    for question in questions:
        answer, ids = {"name": question["name"], "others": []}, question["ids"] or [""]
        texts = [("best", text) for text in question.get("clickhouse", [])]
        texts += [("bitmap", text) for text in question.get("bitmap", [])]
        for kind, text in texts:
            whole = text.replace("{now}", INSTANT)
            rows, times = clock(
                lambda run: connection.query(whole.replace("{id}", ids[run % len(ids)]), "JSONCompactEachRow"), runs,
                len(question["ids"]))
            rows = answer_of(connection, whole.replace("{id}", ids[0]))
            answer["others"].append({**times, "kind": kind, "text": text, "rows": rows})
            if kind not in answer or times["median_us"] < answer[kind]["median_us"]:
                answer[kind] = {**times, "text": text, "rows": rows}
        result["answers"].append(answer)
        print(f"  {question['name']}: {answer['best']['median_us']:.0f}", flush=True)
    connection.close()


if __name__ == "__main__":
    worker("click", {"load": load, "ask": ask})
