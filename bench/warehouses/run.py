#!/usr/bin/env python3
"""Nave beside DuckDB and ClickHouse: the same data, the same questions, all answers compared, in one run.

    bench/warehouses/run.py --profiles 1000000

builds what it needs, writes two Parquet files from a seed, loads them into every engine, asks the questions of
questions.toml and further.toml, compares all answers, and writes a table and plots into docs/benchmarks. Each load and
each engine's questions run in a process of their own, one after the other. What a stage found is kept in WORK/results,
so that `--stages report` writes the table again, and `--stages nave-load,nave-ask,report` measures a new build of Nave
beside what the others did.

Exit code: 0 if all answers are equal, 1 if one differs, 2 if something could not be run.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

import answers
import report
from common import NOW, size_of

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAGES = [
    "make", "nave-load", "duck-load", "duck-prepare", "click-load", "nave-ask", "duck-ask", "click-ask", "fusion-ask",
    "floor-ask", "live", "report",
]  # fmt: skip
LOADS = {
    "profiles": ["--source", "crm", "--as", "identify", "--id", "user_id=user_id"],
    "events": ["--source", "shop", "--as", "track", "--event-column", "event", "--id", "user_id=user_id",
               "--time", "time"],
}  # fmt: skip


def give_up(message):
    print(f"run: {message}", file=sys.stderr)
    sys.exit(2)


def run(command):
    """Runs a command: what it printed, and seconds from start to exit, those of all processors, and MiB at most."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode != 0:
        print(printed)
        give_up(f"failed with {process.returncode}: {' '.join(map(str, command))}")
    cost = {"seconds": round(seconds, 3), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "memory_mib": round(usage.ru_maxrss / 1024)}  # fmt: skip
    return printed, cost


def keep(work, stage, result):
    (work / "results").mkdir(exist_ok=True)
    told = {**result, "load_average": round(os.getloadavg()[0], 1)}
    (work / "results" / f"{stage}.json").write_text(json.dumps(told, indent=1))


def environment(folder):
    """A Python with the other engines, of the versions of requirements.txt."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = HERE / "requirements.txt"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text() != wanted.read_text():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
        subprocess.run(pip, check=True)
        done.write_text(wanted.read_text())
    return str(python)


def build(arguments):
    """Builds the binaries unless they were named."""
    if arguments.no_build:
        return
    packages = [["-p", "nave-server"], ["-p", "nave-bench", "--example", "warehouse", "--example", "warehouse_ask"]]
    for package in packages:
        subprocess.run(["cargo", "build", "--release", "--locked", *package], check=True, cwd=ROOT)


def read_questions(profiles):
    """All questions, those of the table first; a profile is asked for by a hundred identifiers."""
    found = []
    for file in ("questions.toml", "further.toml"):
        for question in tomllib.loads((HERE / file).read_text())["question"]:
            ids = [f"u{(number * 7_919 + 17) * 104_729 % profiles:08}" for number in range(100)]
            question["ids"] = ids if question["kind"] == "profile" else []
            question["text"] = question["text"].strip()
            found.append({**question, "file": file})
    return found


def make(arguments, work):
    _, cost = run([arguments.examples / "warehouse", work / "files", str(arguments.profiles), str(arguments.seed)])
    sizes = {name: size_of(work / "files" / f"{name}.parquet") for name in LOADS}
    keep(work, "make", {**cost, "files": sizes, "profiles": arguments.profiles, "seed": arguments.seed})


def nave_load(arguments, work):
    store = work / "store"
    shutil.rmtree(store, ignore_errors=True)
    result = {}
    for name, flags in LOADS.items():
        file = work / "files" / f"{name}.parquet"
        printed, cost = run([arguments.nave, "load", "--data", store, "--json", *flags, file])
        told = json.loads(printed)["files"][0]
        if told["rows"] != told["written"] or told["quarantined_values"] or told["broken"]:
            give_up(f"{name}: {told}")
        result[name] = {**cost, "rows": told["rows"]}
        print(f"  {name}: {told['rows']:,} rows in {cost['seconds']:.1f} s, {cost['memory_mib']:,} MiB", flush=True)
    both = [result[name] for name in LOADS]
    result.update({"seconds": sum(one["seconds"] for one in both), "memory_mib": max(one["memory_mib"] for one in both),
                   "cpu_seconds": sum(one["cpu_seconds"] for one in both), "bytes": size_of(store),
                   "parts": {part.name: size_of(part) for part in sorted(store.iterdir())}})  # fmt: skip
    keep(work, "nave-load", result)


def asked_of_nave(work, questions):
    """The file of questions for the example warehouse_ask."""
    file = work / "nave_questions.json"
    asked = [{"name": q["name"], "kind": q["kind"], "text": q.get("nave", q["text"]).strip(), "ids": q["ids"]}
             for q in questions]  # fmt: skip
    file.write_text(json.dumps(asked, indent=1))
    return file


def nave_ask(arguments, work, questions):
    out = work / "results" / "nave-ask.json"
    _, cost = run([arguments.examples / "warehouse_ask", work / "store", asked_of_nave(work, questions), out, NOW,
                   str(arguments.runs)])  # fmt: skip
    result = json.loads(out.read_text())
    for answer in result["answers"]:
        print(f"  {answer['name']}: {answer.get('median_us', answer.get('error'))}", flush=True)
    keep(work, "nave-ask", {**result, **cost})


def working_copy(store, copy):
    """A store that may be written: large files never change and get a second name; the end of the log is a copy."""
    shutil.rmtree(copy, ignore_errors=True)
    last = max((store / "log").glob("*.log"))
    for file in sorted(store.rglob("*")):
        to = copy / file.relative_to(store)
        if file.is_dir():
            to.mkdir(parents=True)
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        if file == last or file.stat().st_size < 1 << 20:
            shutil.copy2(file, to)
        else:
            os.link(file, to)


def live(arguments, work, questions):
    copy, out = work / "live", work / "results" / "live.json"
    working_copy(work / "store", copy)
    asked = [question for question in questions if question["file"] == "questions.toml"]
    file = asked_of_nave(work, asked)
    _, cost = run([arguments.examples / "warehouse_ask", copy, file, out, NOW, "1", "--live",
                   str(arguments.live_seconds), str(arguments.events), str(arguments.joins)])  # fmt: skip
    keep(work, "live", {**json.loads(out.read_text()), **cost})
    shutil.rmtree(copy)


def rival(python, work, stage, runs):
    """A stage of another engine."""
    engine, what = stage.split("-")
    printed, cost = run([python, HERE / f"{engine}.py", what, work, str(runs)])
    print(printed, end="", flush=True)
    file = work / "results" / f"{stage}.json"
    # The seconds of a load are its own: starting Python is no part of it.
    keep(work, stage, {**cost, **json.loads(file.read_text())})


def parsed():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=100_000, help="how many profiles; five times as many events")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--runs", type=int, default=31, help="warm runs of each text, for at most 5 seconds")
    parser.add_argument("--work", type=pathlib.Path, help="a folder for files, stores and results, kept")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks", help="where the table goes")
    parser.add_argument("--stages", default=",".join(STAGES), help="what is done, in this order: " + ", ".join(STAGES))
    parser.add_argument("--nave", type=pathlib.Path, default=target / "release" / "nave", help="the binary that loads")
    parser.add_argument("--examples", type=pathlib.Path, default=target / "release" / "examples")
    parser.add_argument("--venv", type=pathlib.Path, default=HERE / ".venv", help="where the other engines live")
    parser.add_argument("--no-build", action="store_true", help="take the binaries as they are")
    parser.add_argument("--live-seconds", type=int, default=20, help="how long events arrive while it is asked")
    parser.add_argument("--events", type=int, default=50_000, help="events a second that arrive then")
    parser.add_argument("--joins", type=int, default=500, help="joins a second that arrive then")
    arguments = parser.parse_args()
    unknown = set(arguments.stages.split(",")) - set(STAGES)
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    arguments.work = arguments.work or target / "warehouses" / str(arguments.profiles)
    return arguments


def main():
    arguments = parsed()
    work = arguments.work.resolve()
    (work / "results").mkdir(parents=True, exist_ok=True)
    stages = [stage for stage in STAGES if stage in arguments.stages.split(",")]
    if set(stages) & {"make", "nave-load", "nave-ask", "live"}:
        build(arguments)
    questions = read_questions(arguments.profiles)
    (work / "questions.json").write_text(json.dumps(questions, indent=1))
    python = None
    for stage in stages:
        begin = time.perf_counter()
        print(f"{stage} ...", flush=True)
        own = {"make": make, "nave-load": nave_load}
        asking = {"nave-ask": nave_ask, "live": live}
        if stage in own:
            own[stage](arguments, work)
        elif stage in asking:
            asking[stage](arguments, work, questions)
        elif stage != "report":
            python = python or environment(arguments.venv)
            rival(python, work, stage, arguments.runs)
        else:
            different = tell(arguments, work, questions)
            sys.exit(1 if different else 0)
        print(f"{stage}: {time.perf_counter() - begin:.1f} s", flush=True)


def tell(arguments, work, questions):
    """Compares the answers and writes the table; gives back what differs."""
    results = {file.stem: json.loads(file.read_text()) for file in (work / "results").glob("*.json")}
    asked = {stage: result for stage, result in results.items() if stage.endswith("-ask")}
    different, counted = answers.judge(questions, asked)
    for line in different:
        print(f"DIFFERENT: {line}")
    print(f"{counted} answers compared with Nave's, {len(different)} different")
    command = f"bench/warehouses/run.py --profiles {arguments.profiles} --seed {arguments.seed} --runs {arguments.runs}"
    report.write(arguments.out, questions, results, (command, different, counted))
    return different


if __name__ == "__main__":
    main()
