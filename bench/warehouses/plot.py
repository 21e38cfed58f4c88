"""Plots as SVG, written by hand: bars of all questions, and the growth of cost over scales. Axes are logarithmic."""

import html
import math

COLOURS = {
    "nave": "#0a7d5a", "duck": "#d9a400", "duck_same": "#f0d080", "click": "#b5482f", "bitmap": "#dba08f",
    "floor": "#7a7a7a",
}  # fmt: skip
NAMES = {
    "nave": "Nave", "duck": "DuckDB, its best", "duck_same": "DuckDB, same text", "click": "ClickHouse, its best",
    "bitmap": "ClickHouse, bitmaps", "floor": "CRoaring",
}  # fmt: skip
FONT = 'font-family="sans-serif" font-size="12"'


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {FONT} fill="#222" {more}>{html.escape(words)}</text>'


def tick(micros):
    """The name of a power of ten of microseconds."""
    for unit, size in (("s", 1_000_000), ("ms", 1_000), ("µs", 1)):
        if micros >= size:
            return f"{micros / size:g} {unit}"
    return f"{micros * 1000:g} ns"


def document(width, height, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])


def legend(keys, x, y):
    parts = []
    for key in keys:
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{COLOURS[key]}"/>')
        parts.append(text(x + 17, y, NAMES[key]))
        x += 32 + 7 * len(NAMES[key])
    return parts


def powers(values):
    """The powers of ten around some values."""
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return least, max(most, least + 1)


def bars(rows, title):
    """A group of bars for each question."""
    keys = [key for key in NAMES if any(row.get(key) for row in rows)]
    values = [row[key] for row in rows for key in keys if row.get(key)]
    least, most = powers(values)
    left, wide, thick = 350, 620, 7
    place = lambda value: left + wide * (math.log10(value) - least) / (most - least)
    parts = [text(left, 22, title, 'font-weight="bold"'), *legend(keys, left - 200, 46)]
    top = y = 66
    groups = []
    for row in rows:
        shown = [key for key in keys if row.get(key)]
        groups.append(text(left - 8, y + thick * len(shown) / 2 + 4, row["name"], 'text-anchor="end"'))
        for key in shown:
            length = max(place(row[key]) - left, 1)
            words = f"{NAMES[key]}: {tick(float(f'{row[key]:.3g}'))}"
            groups.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{thick - 1}" '
                          f'fill="{COLOURS[key]}"><title>{html.escape(words)}</title></rect>')  # fmt: skip
            y += thick
        y += 8
    for power in range(least, most + 1):
        x = place(10.0**power)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{y}" stroke="#ddd"/>')
        parts.append(text(x, y + 16, tick(10.0**power), 'text-anchor="middle"'))
    return document(left + wide + 60, y + 30, parts + groups)


def panel(runs, name, x, y, size):
    """How the cost of one question grows with the number of profiles."""
    width, height = size
    keys = ("nave", "duck", "click")
    rows = [(run["profiles"], next((row for row in run["rows"] if row["name"] == name), {})) for run in runs]
    values = [row[key] for _, row in rows for key in keys if row.get(key)]
    if not values:
        return []
    least, most = powers(values)
    first, last = math.log10(rows[0][0]), math.log10(rows[-1][0])
    across = lambda count: x + 50 + (width - 70) * (math.log10(count) - first) / max(last - first, 1e-9)
    up = lambda value: y + height - 24 - (height - 50) * (math.log10(value) - least) / (most - least)
    parts = [text(x + 50, y + 14, name, 'font-weight="bold"')]
    for power in range(least, most + 1):
        parts.append(f'<line x1="{x + 50}" y1="{up(10.0**power):.1f}" x2="{x + width - 20}" '
                     f'y2="{up(10.0**power):.1f}" stroke="#ddd"/>')  # fmt: skip
        parts.append(text(x + 46, up(10.0**power) + 4, tick(10.0**power), 'text-anchor="end"'))
    for count, _ in rows:
        parts.append(text(across(count), y + height - 8, f"{count:.0e}".replace("e+0", "e"), 'text-anchor="middle"'))
    for key in keys:
        points = [(across(count), up(row[key])) for count, row in rows if row.get(key)]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[key]}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{COLOURS[key]}"/>' for px, py in points]
    return parts


def growth(runs):
    """A panel for each question of the table, over the numbers of profiles of all runs."""
    names = [row["name"] for row in runs[-1]["rows"] if row["file"] == "questions.toml"]
    width, height, across = 360, 210, 3
    parts = legend(("nave", "duck", "click"), 50, 24)
    for number, name in enumerate(names):
        parts += panel(runs, name, number % across * width, 40 + number // across * height, (width, height))
    return document(width * across, 50 + -(-len(names) // across) * height, parts)
