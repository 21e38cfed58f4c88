"""Joins of two profiles in Nave, and the same by hand in Redis, SQLite and PostgreSQL, in one run on one machine.

    cargo build --release -p nave-bench --example identity
    python3 bench/joins.py --nave target/release/examples/identity --profiles 1000000

Each profile has three identifiers and twenty traits. A join looks two identifiers up, moves the identifiers of one
profile to the other, adds the traits that this one lacks, and removes the first: in batches of 64, alone, and in
batches of 64 where each profile has 100 events, which move too. Events, identifiers and traits are found by their
profile, as one would lay them out by hand.

| who | how |
|---|---|
| Nave | the example `identity`: whole calls, with log, rules, evidence, history, publishing; splits in between |
| Redis | a script for each join, 64 in one pipeline, over a Unix socket, nothing written to disk |
| SQLite | in this process, WAL, `synchronous = OFF`, a transaction for each batch, traits as JSON |
| PostgreSQL | a PL/pgSQL function, called 64 times in one statement, unlogged tables, `fsync = off`, a Unix socket |

None of the three keeps what a join was made of, so none can split; no rule is looked at; and traits are taken without
a look at who said them when, which favours them. Requests are written down before the clock starts. Who is not
installed is told and passed over: `apt-get install redis-server postgresql`, `pip install psycopg[binary]` (in a
virtual environment; run this with its Python).
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time

BATCH, ROUNDS, ALONE, EVENTFUL, EVENTS = 64, 100, 2_000, 20, 100


def pairs(profiles):
    """Pairs that are far from each other, none twice: as the example has them."""
    half = profiles // 2
    return [(n * 7919 % half, half + n * 104_729 % half) for n in range(ROUNDS * BATCH + ALONE + EVENTFUL * BATCH)]


def traits(number):
    return {f"t{t}": (number * 31 + t) % 1000 for t in range(20)}


def measured(profiles, join):
    """Times of each kind of join, in microseconds for one."""
    all_pairs = pairs(profiles)
    apart, last = all_pairs[ROUNDS * BATCH:-EVENTFUL * BATCH], all_pairs[-EVENTFUL * BATCH:]
    batches = [all_pairs[at:at + BATCH] for at in range(0, ROUNDS * BATCH, BATCH)]
    eventful = [last[at:at + BATCH] for at in range(0, len(last), BATCH)]
    kinds = {"batch": batches, "alone": [[pair] for pair in apart], "events": eventful}
    found = {}
    for kind, groups in kinds.items():
        times = sorted(join(group) / len(group) * 1e6 for group in groups)
        found[kind] = (at(times, 0.5), at(times, 0.99), times[-1])
    return found


def at(times, share):
    return times[int((len(times) - 1) * share)]


def nave(example, profiles):
    told = subprocess.run([example, str(profiles)], check=True, capture_output=True, text=True).stdout
    print("".join(f"  {line}\n" for line in told.splitlines()), end="", flush=True)
    names = {"a join, 64 in a batch": "batch", "a join alone": "alone", "a join with 100 events each": "events"}
    sizes = {"ns": 1e-3, "µs": 1, "ms": 1e3, "s": 1e6}
    found = {}
    for line in told.splitlines():
        name, _, rest = line.partition(": ")
        numbers = re.findall(r"([0-9.]+)(ns|µs|ms|s)\b", rest)
        if name.partition(",")[0] in names or name in names:
            kind = names.get(name) or names[name.partition(",")[0]]
            found[kind] = tuple(float(number) * sizes[unit] for number, unit in numbers[:3])
    return found


REDIS_MAKE = """
for n = ARGV[1], ARGV[2] - 1 do
  for _, name in ipairs({'u:u' .. n, 'a:a' .. n, 'e:p' .. n .. '@example.org'}) do
    redis.call('SET', name, n)
    redis.call('SADD', 'm' .. n, name)
  end
  local all = {}
  for t = 0, 19 do
    all[#all + 1] = 't' .. t
    all[#all + 1] = (n * 31 + t) % 1000
  end
  redis.call('HSET', 't' .. n, unpack(all))
end"""
REDIS_EVENTS = """
for k = 1, #ARGV do
  for e = 0, 99 do redis.call('RPUSH', 'v' .. ARGV[k], '{"event":"view","n":' .. e .. '}') end
end"""
REDIS_JOIN = """
local l, r = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if l == r then return 0 end
local moved = redis.call('SMEMBERS', 'm' .. r)
for _, name in ipairs(moved) do redis.call('SET', name, l) end
redis.call('SADD', 'm' .. l, unpack(moved))
local known, all = {}, redis.call('HGETALL', 't' .. r)
for _, name in ipairs(redis.call('HKEYS', 't' .. l)) do known[name] = true end
for k = 1, #all, 2 do
  if not known[all[k]] then redis.call('HSET', 't' .. l, all[k], all[k + 1]) end
end
local events = redis.call('LRANGE', 'v' .. r, 0, -1)
if #events > 0 then redis.call('RPUSH', 'v' .. l, unpack(events)) end
redis.call('DEL', 'm' .. r, 't' .. r, 'v' .. r)
return 1"""


def command(*words):
    words = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def redis(folder, profiles):
    path = f"{folder}/redis.sock"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", folder],
        stdout=subprocess.DEVNULL)
    try:
        line = socket.socket(socket.AF_UNIX)
        while line.connect_ex(path):
            time.sleep(0.05)
        replies = line.makefile("rb")

        def ask(*words):
            line.sendall(command(*words))
            reply = replies.readline()
            if reply.startswith(b"$") and reply != b"$-1\r\n":
                reply = replies.read(int(reply[1:]) + 2)
            if reply.startswith(b"-"):
                raise SystemExit(f"Redis: {reply.decode()}")
            return reply.strip().decode()

        for first in range(0, profiles, 10_000):
            ask("EVAL", REDIS_MAKE, 0, first, min(first + 10_000, profiles))
        for pair in pairs(profiles)[-EVENTFUL * BATCH:]:
            ask("EVAL", REDIS_EVENTS, 0, *pair)
        script = ask("SCRIPT", "LOAD", REDIS_JOIN)

        def join(group):
            request = b"".join(command("EVALSHA", script, 2, f"u:u{left}", f"a:a{right}") for left, right in group)
            begin = time.perf_counter()
            line.sendall(request)
            told = [replies.readline() for _ in group]
            took = time.perf_counter() - begin
            assert told == [b":1\r\n"] * len(group), told[:3]
            return took

        return measured(profiles, join)
    finally:
        server.terminate()
        server.wait()


SQLITE = """
CREATE TABLE identifier (name TEXT PRIMARY KEY, profile INTEGER) WITHOUT ROWID;
CREATE TABLE profile (id INTEGER PRIMARY KEY, traits TEXT);
CREATE TABLE event (id INTEGER PRIMARY KEY, profile INTEGER, text TEXT);
"""


def sqlite(folder, profiles):
    database = sqlite3.connect(f"{folder}/joins.sqlite", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -1000000"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(SQLITE)
    database.execute("BEGIN")
    names = ((name, n) for n in range(profiles) for name in (f"u:u{n}", f"a:a{n}", f"e:p{n}@example.org"))
    database.executemany("INSERT INTO identifier VALUES (?, ?)", names)
    rows = ((n, json.dumps(traits(n))) for n in range(profiles))
    database.executemany("INSERT INTO profile VALUES (?, ?)", rows)
    last = (one for pair in pairs(profiles)[-EVENTFUL * BATCH:] for one in pair)
    events = ((one, f'{{"event":"view","n":{n}}}') for one in last for n in range(EVENTS))
    database.executemany("INSERT INTO event (profile, text) VALUES (?, ?)", events)
    database.execute("CREATE INDEX of_profile ON identifier (profile)")
    database.execute("CREATE INDEX event_of ON event (profile)")
    database.execute("COMMIT")

    def join(group):
        begin = time.perf_counter()
        run = database.execute
        run("BEGIN")
        for left, right in group:
            find = "SELECT profile FROM identifier WHERE name = ?"
            left, = run(find, (f"u:u{left}",)).fetchone()
            right, = run(find, (f"a:a{right}",)).fetchone()
            if left == right:
                continue
            run("UPDATE profile SET traits = json_patch((SELECT traits FROM profile WHERE id = ?), traits) "
                "WHERE id = ?", (right, left))
            run("UPDATE identifier SET profile = ? WHERE profile = ?", (left, right))
            run("UPDATE event SET profile = ? WHERE profile = ?", (left, right))
            run("DELETE FROM profile WHERE id = ?", (right,))
        run("COMMIT")
        return time.perf_counter() - begin

    return measured(profiles, join)


POSTGRES = """
CREATE UNLOGGED TABLE identifier (name text PRIMARY KEY, profile int);
CREATE UNLOGGED TABLE profile (id int PRIMARY KEY, traits jsonb);
CREATE UNLOGGED TABLE event (id serial PRIMARY KEY, profile int, text text);
INSERT INTO profile SELECT n, (SELECT jsonb_object_agg('t' || t, (n * 31::bigint + t) % 1000)
  FROM generate_series(0, 19) t) FROM generate_series(0, {count} - 1) n;
INSERT INTO identifier SELECT name, n FROM generate_series(0, {count} - 1) n,
  unnest(ARRAY['u:u' || n, 'a:a' || n, 'e:p' || n || '@example.org']) name;
INSERT INTO event (profile, text) SELECT n, '{{"event":"view","n":' || e || '}}'
  FROM unnest(ARRAY[{eventful}]) n, generate_series(0, 99) e;
CREATE INDEX ON identifier (profile);
CREATE INDEX ON event (profile);
CREATE FUNCTION join_two(one text, other text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE l int; r int;
BEGIN
  SELECT profile INTO l FROM identifier WHERE name = one;
  SELECT profile INTO r FROM identifier WHERE name = other;
  IF l = r THEN RETURN 0; END IF;
  UPDATE profile SET traits = (SELECT traits FROM profile WHERE id = r) || traits WHERE id = l;
  UPDATE identifier SET profile = l WHERE profile = r;
  UPDATE event SET profile = l WHERE profile = r;
  DELETE FROM profile WHERE id = r;
  RETURN 1;
END $$;
"""
ANALYSE = ["VACUUM ANALYZE identifier", "VACUUM ANALYZE profile", "VACUUM ANALYZE event"]


def postgres(folder, profiles):
    import psycopg

    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    tools = found[-1] if found else pathlib.Path(shutil.which("pg_ctl")).parent
    # The server refuses to run as root.
    root = os.geteuid() == 0
    prefix = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"] if root else []
    data = f"{folder}/postgres"
    os.mkdir(data)
    if root:
        shutil.chown(data, "postgres")
        os.chmod(folder, 0o755)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*prefix, tools / "initdb", "-D", data, "-U", "nave", "-A", "trust", "-N"], **quiet)
    flags = (f"-k {data} -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
             "-c shared_buffers=2GB -c autovacuum=off")
    subprocess.run([*prefix, tools / "pg_ctl", "-D", data, "-w", "-s", "-l", f"{data}/log", "-o", flags, "start"],
                   **quiet)
    try:
        with psycopg.connect(host=data, user="nave", dbname="postgres", autocommit=True) as database:
            eventful = ",".join(str(one) for pair in pairs(profiles)[-EVENTFUL * BATCH:] for one in pair)
            database.execute(POSTGRES.format(count=profiles, eventful=eventful))
            for words in ANALYSE:
                database.execute(words)
            many = "SELECT sum(join_two(l, r)) FROM unnest(%s::text[], %s::text[]) both_names (l, r)"

            def join(group):
                lists = [f"u:u{left}" for left, _ in group], [f"a:a{right}" for _, right in group]
                begin = time.perf_counter()
                told = database.execute(many, lists).fetchone()
                took = time.perf_counter() - begin
                assert told == (len(group),), told
                return took

            # Plans of a function are kept from the sixth call on; these join nobody.
            database.execute(many, (["u:u0"] * 8, ["a:a0"] * 8))
            return measured(profiles, join)
    finally:
        subprocess.run([*prefix, tools / "pg_ctl", "-D", data, "-s", "-m", "immediate", "stop"], check=False, cwd="/")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nave", required=True, help="the example `identity`, built")
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--without", nargs="*", default=[], choices=["redis", "sqlite", "postgres"])
    given = parser.parse_args()
    nave_path = str(pathlib.Path(given.nave).resolve())
    found = {"Nave": nave(nave_path, given.profiles)}
    peers = {"Redis": redis, "SQLite": sqlite, "PostgreSQL": postgres}
    for name, peer in peers.items():
        if peer.__name__ in given.without:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                begin = time.monotonic()
                found[name] = peer(folder, given.profiles)
                print(f"  {name}: done after {time.monotonic() - begin:.0f} s", flush=True)
            except (ImportError, FileNotFoundError, TypeError, subprocess.CalledProcessError) as error:
                print(f"  {name} is not measured: {error!r}", flush=True)
    # Others may have worked on the machine meanwhile: Nave stands at both ends, and ratios are to the mean of the two.
    found["Nave again"] = nave(nave_path, given.profiles)
    print(f"\nmicroseconds for one join, {given.profiles:,} profiles\n")
    kinds = {"batch": "64 in a batch", "alone": "alone", "events": "64 in a batch, 100 events each"}
    print("| who |" + "".join(f" {what}: p50 | p99 |" for what in kinds.values()))
    print("|---|" + "---:|---:|" * len(kinds))
    for name, told in found.items():
        cells = []
        for kind in kinds:
            for place in (0, 1):
                own, ends = told[kind][place], [found[end][kind][place] for end in ("Nave", "Nave again")]
                ratio = "" if name.startswith("Nave") else f" ({own / (sum(ends) / 2):.1f}x)"
                cells.append(f" {own:.1f}{ratio} |")
        print(f"| {name} |" + "".join(cells))


if __name__ == "__main__":
    main()
