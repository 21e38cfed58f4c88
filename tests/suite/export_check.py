"""Reads every file of exports with PyArrow, Polars and DuckDB: export_check.py FOLDER...

The folders are exports of one store in many forms, in turn of all and of an audience of nobody. The number of rows must
be what the manifest says, and all readers must find the same values in all forms.
"""

import datetime
import decimal
import json
import os
import pathlib
import sys

import duckdb
import polars
import pyarrow
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

TEXT_KINDS = ("text", "decimal as text")


def value(kind, cell):
    """A value in Python, from a value of a reader or from its text."""
    if cell is None:
        return None
    if kind in TEXT_KINDS:
        return str(cell)
    if kind == "list of text":
        return tuple(json.loads(cell) if isinstance(cell, str) else cell)
    if kind.startswith("decimal"):
        return decimal.Decimal(cell)
    if kind == "boolean":
        return {"true": True, "false": False}[cell] if isinstance(cell, str) else cell
    if kind == "date":
        return datetime.date.fromisoformat(cell) if isinstance(cell, str) else cell
    if kind.startswith("timestamp"):
        moment = datetime.datetime.fromisoformat(cell) if isinstance(cell, str) else cell
        return moment.astimezone(datetime.UTC)
    return {"int64": int, "double": float}[kind](cell)


def of_arrow(table):
    return [list(row.values()) for row in table.to_pylist()]


def by_pyarrow(file, form, columns):
    names = [column["name"] for column in columns]
    if form == "parquet":
        return of_arrow(pyarrow.parquet.read_table(file))
    if form == "csv":
        options = pyarrow.csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in names},
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
        )  # fmt: skip
        parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
        return of_arrow(pyarrow.csv.read_csv(file, convert_options=options, parse_options=parse))
    kinds = {"int64": pyarrow.int64(), "double": pyarrow.float64(), "boolean": pyarrow.bool_(),
             "list of text": pyarrow.list_(pyarrow.string())}  # fmt: skip
    schema = pyarrow.schema([(c["name"], kinds.get(c["type"], pyarrow.string())) for c in columns])
    with pyarrow.input_stream(str(file)) as stream:
        text = stream.read()
    if not text:
        return []
    options = pyarrow.json.ParseOptions(explicit_schema=schema, newlines_in_values=False)
    return of_arrow(pyarrow.json.read_json(pyarrow.BufferReader(text), parse_options=options))


def by_polars(file, form, columns):
    if form == "parquet":
        return [list(row) for row in polars.read_parquet(file).rows()]
    if form == "csv":
        return [list(row) for row in polars.read_csv(file, infer_schema=False).rows()]
    kinds = {"int64": polars.Int64, "double": polars.Float64, "boolean": polars.Boolean,
             "list of text": polars.List(polars.String)}  # fmt: skip
    schema = {c["name"]: kinds.get(c["type"], polars.String) for c in columns}
    with pyarrow.input_stream(str(file)) as stream:
        text = stream.read()
    return [list(row) for row in polars.read_ndjson(text, schema=schema).rows()] if text else []


def by_duckdb(connection, name):
    quoted = name.replace('"', '""')
    return [list(row) for row in connection.execute(f'SELECT * FROM "{quoted}"').fetchall()]


def check(folder):
    """The tables of an export, as all readers agree on them."""
    manifest = json.loads((folder / "manifest.json").read_text())
    form, found = manifest["format"], {}
    os.chdir(folder)
    connection = duckdb.connect()
    connection.execute((folder / "nave.sql").read_text())
    for table in manifest["tables"]:
        columns = table["columns"]
        kinds = [column["type"] for column in columns]
        file = folder / table["file"]
        read = {
            "pyarrow": by_pyarrow(file, form, columns),
            "polars": by_polars(file, form, columns),
            "duckdb": by_duckdb(connection, table["name"]),
        }
        for reader, rows in read.items():
            here = f"{folder.name}: {table['name']} by {reader}"
            assert len(rows) == table["rows"], f"{here}: {len(rows)} rows, not {table['rows']}"
            rows = [tuple(value(kind, cell) for kind, cell in zip(kinds, row, strict=True)) for row in rows]
            known = found.setdefault(table["name"], rows)
            assert rows == known, f"{here}:\n{rows}\n{known}"
    # The words of audiences.
    count = lambda text: connection.execute(f"SELECT count(*) FROM profiles p WHERE {text}").fetchone()[0]
    some = len(found["profiles"]) > 0
    assert count("has_identifier('email')") == some
    assert count("has_identifier(' User_ID ') AND bucket('x', 10) BETWEEN 0 AND 9") == 4 * some
    assert count("'a,\"q\"' = ANY(p.tags)") == some
    assert connection.execute("SELECT now()").fetchone()[0] == datetime.datetime.fromisoformat(manifest["clock"])
    if form == "parquet":
        for table in manifest["tables"]:
            meta = pyarrow.parquet.ParquetFile(folder / table["file"]).metadata
            assert meta.num_rows == table["rows"]
    return found


def known_values(tables):
    """What was loaded is what is read."""
    by_text = {row["Größe \"x\""]: row for row in tables["profiles"]}
    assert set(by_text) == {'say "a"\r\nline', "", "007", " 😀,;\t' "}, set(by_text)
    ann = by_text['say "a"\r\nline']
    assert ann["born"] == datetime.date(1901, 2, 3)
    assert ann["seen"] == datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, datetime.UTC)
    assert ann["tags"] == ('a,"q"', "b", "é\n")
    assert (ann["n"], ann["d"], ann["ok"], ann["f"]) == (1, decimal.Decimal("1.5"), True, 1000.0)
    bob = by_text[""]
    assert (bob["n"], bob["d"]) == (None, decimal.Decimal("-12345678901234567890.125"))
    assert bob["tags"] == () and bob["born"] is None and bob["f"] == -2.5e-300
    eve = by_text["007"]
    assert eve["n"] == -(2**63) and eve["traits.profile_id"] == "odd"
    # No scale of 38 digits has both: they are text.
    wide = {decimal.Decimal(row["wide"]) for row in by_text.values() if row["wide"]}
    assert wide == {decimal.Decimal("1E-38"), decimal.Decimal("12345678901234567890123456789012345678")}
    events = tables["Wish List/ä \"1\"'s"]
    assert [row["amount"] for row in events] == [decimal.Decimal(t) for t in ("0.125", "19.99", "5")]
    assert [row["note"] for row in events] == ["two\nlines", 'a, "b"', None]
    assert [row["properties.time"] for row in events] == [None, "x", "y"]


def main():
    folders = [pathlib.Path(folder).resolve() for folder in sys.argv[1:]]
    first = [None, None]
    for number, folder in enumerate(folders):
        found = check(folder)
        known = first[number % 2] = first[number % 2] or found
        assert found == known, f"{folder.name} differs from {folders[number % 2].name}"
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    named = {
        table["name"]: [
            dict(zip([column["name"] for column in table["columns"]], row, strict=True))
            for row in first[0][table["name"]]
        ]
        for table in manifest["tables"]
    }
    known_values(named)
    assert all(not rows for rows in first[1].values())
    print("all checks passed")


if __name__ == "__main__":
    main()
