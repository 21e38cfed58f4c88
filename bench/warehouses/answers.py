"""Whether two engines gave the same answer: numbers are the same, floats differ by at most 1e-12 of their size."""

import decimal
import re

TOLERANCE = 1e-12
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def of_nave(cell):
    """A cell as the example warehouse_ask writes it."""
    if cell is None:
        return None
    kind, text = cell
    read = {
        "integer": int, "float": float, "decimal": decimal.Decimal, "boolean": lambda text: text == "true",
        "set": lambda texts: sorted(texts),
    }  # fmt: skip
    return read.get(kind, str)(text)


def of_duck(cell):
    """A cell as common.cell writes it."""
    return of_nave(cell) if isinstance(cell, list) else cell


def of_click(cell):
    """A cell of ClickHouse's JSON."""
    if isinstance(cell, list):
        return float(cell[1]) if len(cell) == 2 and cell[0] == "number" else sorted(cell)
    if isinstance(cell, str) and INSTANT.fullmatch(cell):
        return cell.replace(" ", "T") + "Z"
    return cell


def same(one, other):
    """Whether two cells are equal."""
    is_number = lambda cell: isinstance(cell, (int, float, decimal.Decimal)) and not isinstance(cell, bool)
    if not (is_number(one) and is_number(other)):
        return one == other
    if isinstance(one, float) or isinstance(other, float):
        one, other = float(one), float(other)
        return one == other or abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
    return one == other


def in_order(question, rows):
    """The rows in an order that all engines agree on: by what is no float."""
    if question["kind"] != "set":
        return rows
    return sorted(rows, key=lambda row: [str(cell) for cell in row if not isinstance(cell, (float, decimal.Decimal))])


def difference(question, ours, theirs):
    """What differs between two answers; nothing when they are equal."""
    ours, theirs = in_order(question, ours), in_order(question, theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} rows and {len(theirs)}"
    for one, other in zip(ours, theirs):
        if len(one) != len(other) or not all(map(same, one, other)):
            return f"{one} and {other}"
    return None


def nave_rows(question, answer):
    """The rows of Nave; those of a profile in the order of the question's columns."""
    rows = [[of_nave(cell) for cell in row] for row in answer["rows"]]
    if question["kind"] != "profile":
        return rows
    said = dict(zip(answer["columns"], rows[0]))
    return [[said.get(column) for column in question["columns"]]]


def judge(questions, results):
    """Compares all answers of all engines; the differences as text."""
    found, counted = [], 0
    by_name = {engine: {a["name"]: a for a in results[engine]["answers"]} for engine in results}
    for question in questions:
        name = question["name"]
        nave = by_name["nave-ask"].get(name)
        if nave is None or "error" in nave:
            found.append(f"{name}: Nave: {nave and nave['error']}")
            continue
        ours = nave_rows(question, nave)
        theirs = []
        for engine, read in (("duck-ask", of_duck), ("click-ask", of_click), ("fusion-ask", of_duck)):
            for other in by_name.get(engine, {}).get(name, {}).get("others", []):
                theirs.append((f"{engine} {other['kind']}", [[read(c) for c in row] for row in other["rows"]]))
        floor = by_name.get("floor-ask", {}).get(name)
        if floor:
            theirs.append(("floor", floor["rows"]))
        for engine, rows in theirs:
            counted += 1
            wrong = difference(question, ours, rows)
            if wrong:
                found.append(f"{name}: {engine}: {wrong}")
    return found, counted
