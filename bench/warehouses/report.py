"""Writes what a run found: a table in Markdown, plots in SVG, and the numbers themselves as JSON."""

import json
import os
import platform
import statistics
import textwrap

import plot

MIB = 2**20


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = names[0] if names else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def micros(value):
    """A time that is read at a glance."""
    if value is None:
        return ""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.2f} s"
    if value >= 1_000:
        return f"{value / 1_000:.3g} ms"
    return f"{value:.3g} µs"


def times(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    """A table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def compared(questions, results):
    """A row of numbers for each question, in microseconds."""
    by_name = {stage: {a["name"]: a for a in result["answers"]} for stage, result in results.items()
               if stage.endswith("-ask")}  # fmt: skip
    found = []
    for question in questions:
        get = lambda stage: by_name.get(stage, {}).get(question["name"], {})
        nave, duck, click = get("nave-ask"), get("duck-ask"), get("click-ask")
        median = lambda answer: answer.get("median_us") if answer else None
        found.append({
            "name": question["name"], "file": question["file"],
            "first": nave.get("first_us"), "new_text": nave.get("new_text_us"), "min": nave.get("min_us"),
            "nave": nave.get("median_us"), "duck_same": median(duck.get("same")), "duck": median(duck.get("best")),
            "click": median(click.get("best")), "bitmap": median(click.get("bitmap")),
            "fusion": median(get("fusion-ask").get("same")), "floor": median(get("floor-ask")),
            "duck_min": (duck.get("best") or {}).get("min_us"), "click_min": (click.get("best") or {}).get("min_us"),
        })  # fmt: skip
    return found


def ratio(row, engine):
    """How many times as long as Nave an engine takes at its best: ClickHouse also by its bitmaps."""
    others = [row[key] for key in ((engine, "bitmap") if engine == "click" else (engine,)) if row.get(key)]
    return min(others) / row["nave"] if others and row.get("nave") else None


def mean(rows, engine):
    ratios = [ratio(row, engine) for row in rows if ratio(row, engine)]
    return statistics.geometric_mean(ratios) if ratios else None


def question_table(rows):
    head = ["question", "Nave: first", "new text", "least", "median", "DuckDB, same text", "DuckDB, its best",
            "ClickHouse, its best", "its bitmaps", "DataFusion", "CRoaring", "× DuckDB", "× ClickHouse"]  # fmt: skip
    lines = []
    for row in rows:
        cells = [row[key] for key in ("first", "new_text", "min", "nave", "duck_same", "duck", "click", "bitmap",
                                      "fusion", "floor")]  # fmt: skip
        lines.append([row["name"], *map(micros, cells), times(ratio(row, "duck")), times(ratio(row, "click"))])
    lines.append(["geometric mean", *[""] * 10, times(mean(rows, "duck")), times(mean(rows, "click"))])
    return table(head, lines)


def size(count, files):
    return f"{count / MIB:,.0f} MiB ({count / files:.1f} ×)"


def load_table(results):
    make, nave, duck = results["make"], results.get("nave-load"), results.get("duck-load")
    files = sum(make["files"].values())
    rows = []

    def row(name, told, seconds="seconds", count="bytes"):
        share = f"{told[seconds] / duck['seconds']:.2f}" if duck else ""
        whole = seconds == "seconds"
        cpu = f"{told['cpu_seconds']:.1f} s" if whole and "cpu_seconds" in told else ""
        memory = f"{told['memory_mib']:,} MiB" if whole else ""
        rows.append([name, f"{told[seconds]:.1f} s", share, cpu, memory, size(told[count], files)])

    if nave:
        row("Nave: `nave load` of both files, start to exit", nave)
    if duck:
        row("DuckDB: CREATE TABLE of both files", duck)
    if more := results.get("duck-prepare"):
        row("DuckDB: a table an event, numbers, an index", more)
    if click := results.get("click-load"):
        row("ClickHouse: INSERT of both files (processors, memory: with what follows)", click)
        row("ClickHouse: OPTIMIZE FINAL", click, "optimize_seconds")
        row("ClickHouse: profiles by identifier, bitmaps", click, "more_seconds", "more_bytes")
    return table(["load", "time", "× DuckDB", "processors", "memory at most", "size (× Parquet)"], rows)


def notes(results):
    """What memory and opening cost, and versions."""
    lines, nave = [], results.get("nave-ask")
    if nave:
        memory, opened = nave["memory"], nave["memory_opened"]
        kib = lambda told, name: f"{told.get(name, 0) / 1024:,.0f} MiB"
        lines.append(f"- Nave opens in {nave['open_seconds'] * 1000:.1f} ms, with {kib(opened, 'VmRSS')} resident; "
                     f"after all questions {kib(memory, 'VmRSS')} ({kib(memory, 'RssAnon')} its own, the rest mapped "
                     "files that the system may drop).")  # fmt: skip
    for stage, name in (("duck-ask", "DuckDB"), ("click-ask", "ClickHouse (chDB)"), ("fusion-ask", "DataFusion")):
        if told := results.get(stage):
            lines.append(f"- {name} {told['version']}, {told['threads']} threads; {told['memory_mib']:,} MiB at most "
                         "while it is asked.")  # fmt: skip
    busy = [f"{stage} {told['load_average']}" for stage, told in results.items() if "load_average" in told]
    if busy:
        lines.append("- Programs that ran or waited for a processor in the last minute of each stage (as many as it "
                     f"uses where nothing else runs): {', '.join(sorted(busy))}.")  # fmt: skip
    unasked = []
    for stage, name in (("nave-ask", "Nave"), ("duck-ask", "DuckDB"), ("click-ask", "ClickHouse")):
        for answer in results.get(stage, {}).get("answers", []):
            # Of the texts of an engine the first: the others find what it read.
            first = (answer.get("others") or [answer])[0].get("unasked_us")
            unasked += [f"{name} {micros(first)}"] if first else []
    if unasked:
        lines.append("- One profile is the golden record of one of 100 persons, each of whom was asked for once "
                     "before; the medians for "
                     f"those whom nobody asked for yet: {', '.join(unasked)}.")  # fmt: skip
    if told := results.get("floor-ask"):
        lines.append(f"- CRoaring by pyroaring {told['version']}; a call from Python costs about a microsecond.")
    return lines


def live_section(results):
    told = results.get("live")
    if not told:
        return []
    live = told["live"]
    late = live["acknowledged_late"]
    lines = [
        "", "## While events arrive", "",
        f"{live['events_a_second']:,} events and {live['joins_a_second']:,} joins a second were due for "
        f"{live['due_seconds']} s; {live['records']:,} records were written in {live['seconds']:.1f} s "
        f"({live['records_a_second']:,.0f} a second), acknowledged {micros(late['median_us'])} after they were due in "
        f"the median, {micros(late['most_us'])} at most. The age of an answer is the time from the arrival of the "
        "oldest event that it does not know to the moment it is given. Resident at the end: "
        f"{told['memory'].get('VmRSS', 0) / 1024:,.0f} MiB.",
        "",
    ]  # fmt: skip
    rows = []
    for answer in live["answers"]:
        took, age = answer["took"], answer["age"]
        rows.append([answer["name"], f"{answer['answers']:,}", micros(took["median_us"]), micros(took["p99_us"]),
                     micros(age["median_us"]), micros(age["p99_us"]), micros(age["most_us"])])  # fmt: skip
    head = ["question", "answers", "latency, median", "99 of 100", "age, median", "99 of 100", "most"]
    return lines + table(head, rows)


def document(name, results, rows, about):
    command, different, counted = about
    make = results["make"]
    files = sum(make["files"].values())
    main = [row for row in rows if row["file"] == "questions.toml"]
    further = [row for row in rows if row["file"] != "questions.toml"]
    people = make["profiles"]
    equal = "all are equal" if not different else f"**{len(different)} differ**"
    return [
        f"# {people:,} profiles, {people * 5:,} events", "",
        f"`{command}` on {machine()}; {counted} answers of other engines were compared with Nave's: {equal} (sums and "
        "averages of floats within 1e-12 of their size).", "",
        "All engines ran in their own process, one after the other, warm, asked from inside; times are medians. Nave's "
        "*first* run of a text parses, plans and reads what was not read yet; *new text* is a text that was never "
        "asked, on warm data. DuckDB's best is the fastest of the same text prepared and of its own texts (semi-joins, "
        "joins with aggregates, as they are and prepared); ClickHouse has texts of its own. × is how many times as "
        "long the other engine's best takes.", "",
        *notes(results), "",
        f"![Medians of the questions]({name}.svg)", "",
        "## Loads", "", f"The two Parquet files have {files / MIB:,.0f} MiB (Snappy).", "", *load_table(results), "",
        "## Questions", "", *question_table(main), "",
        "## Further questions", "", *question_table(further), *live_section(results), "",
    ]  # fmt: skip


def wrapped(lines):
    """Lines of text are as short as in other documents; tables and headings stay."""
    for line in lines:
        if line[:1] in ("|", "#", "!", ""):
            yield line
        else:
            indent = "  " if line.startswith("- ") else ""
            yield textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def write(folder, questions, results, about):
    """Writes the table of this run, its plots, and the growth over all runs that the folder knows."""
    make = results["make"]
    folder.mkdir(parents=True, exist_ok=True)
    name = f"warehouses-{make['profiles']}"
    rows = compared(questions, results)
    (folder / f"{name}.md").write_text("\n".join(wrapped(document(name, results, rows, about))))
    kept = {"command": about[0], "machine": machine(), "profiles": make["profiles"], "rows": rows,
            "loads": {stage: results[stage] for stage in results if "load" in stage},
            "live": results.get("live", {}).get("live")}  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    (folder / f"{name}.svg").write_text(plot.bars(rows, f"{make['profiles']:,} profiles, median of warm runs"))
    runs = sorted((json.loads(file.read_text()) for file in folder.glob("warehouses-*.json")),
                  key=lambda run: run["profiles"])  # fmt: skip
    if len(runs) > 1:
        (folder / "warehouses-growth.svg").write_text(plot.growth(runs))
    print(f"written: {folder / name}.md")
