"""DataFusion: the same text as Nave and DuckDB, over tables in memory. What it refuses is left out."""

import datafusion
from common import NOW, cells, clock, timed, worker
from duck import EVENTS

INSTANT = f"TIMESTAMP '{NOW}'"


def prepared(work):
    context = datafusion.SessionContext()
    files = work / "files"
    context.register_parquet("profiles_file", str(files / "profiles.parquet"))
    context.register_parquet("events_file", str(files / "events.parquet"))
    context.sql(
        "CREATE TABLE profiles AS SELECT user_id AS profile_id, country, city, plan, language, consent_email, "
        "consent_sms, age, value, signed_up, tags FROM profiles_file").collect()
    for event, columns in EVENTS.items():
        context.sql(f"CREATE TABLE {event} AS SELECT user_id AS profile_id, time, {columns} "
                    f"FROM events_file WHERE event = '{event}'").collect()
    return context


def rows_of(batches):
    return [list(row) for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns))]


def ask(work, result, questions, runs):
    context = timed(result, "load_seconds", lambda: prepared(work))
    result["version"], result["threads"] = datafusion.__version__, "all"
    result["answers"], result["refused"] = [], []
    for question in questions:
        ids = question["ids"] or [""]
        text = question["text"].replace("now()", INSTANT)
        try:
            batches, times = clock(lambda run: context.sql(text.replace("{id}", ids[run % len(ids)])).collect(), runs,
                                   len(question["ids"]))  # fmt: skip
        except Exception as error:
            result["refused"].append([question["name"], str(error)[:200]])
            print(f"  {question['name']}: refused: {str(error)[:100]}", flush=True)
            continue
        rows = cells(rows_of(batches))
        result["answers"].append({"name": question["name"], "same": times,
                                  "others": [{"kind": "same", "rows": rows}]})  # fmt: skip
        print(f"  {question['name']}: {times['median_us']:.0f}", flush=True)


if __name__ == "__main__":
    worker("fusion", {"ask": ask})
