"""Drives a server with redis-py as an application would: redis_client.py PORT 2|3|default [PASSWORD]."""

import json
import sys
import threading

import redis


def connect(port, protocol, password, **more):
    if protocol != "default":
        more["protocol"] = int(protocol)
    return redis.Redis(host="127.0.0.1", port=port, password=password or None, socket_timeout=30, **more)


def fields(reply):
    """A map: RESP3 gives a dict, RESP2 names and values in turn."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2]))


def equal(got, wanted):
    assert got == wanted, f"{got!r} is not {wanted!r}"


def fails(call, *words):
    try:
        got = call()
    except redis.exceptions.RedisError as error:
        assert all(word in f"{type(error).__name__} {error}" for word in words), repr(error)
    else:
        raise AssertionError(f"{got!r} is no error")


def message(user, traits):
    return json.dumps({"type": "identify", "userId": user, "traits": traits}, ensure_ascii=False)


def basics(client, protocol):
    assert client.ping()
    speaks = fields(client.execute_command("HELLO"))[b"proto"]
    assert speaks in (2, 3) if protocol == "default" else speaks == int(protocol), speaks
    assert client.info()["redis_version"]
    assert client.client_id() > 0
    assert client.client_setname("till")
    equal(client.client_getname() in ("till", b"till"), True)
    fails(lambda: client.get("a key"), "unknown command")
    equal(client.echo("after an error"), b"after an error")


def bytes_are_exact(client):
    everything = bytes(range(256)) * 5
    for payload in (everything, b"", b"\r\n", b"$5\r\nhello\r\n", "Grüße, 世界 🛞".encode(), b"x" * 1_000_000):
        equal(client.echo(payload), payload)


def own_commands(client, protocol):
    name = "Zoë \"Zo\" O'Brien\u2028\t\n世界 🛞"
    for user, age in (("zoe", 30), ("max", 40), ("ida", 50)):
        put = client.execute_command("RECORD.PUT", "crm", message(user, {"age": age, "name": name, "score": 1.5e0}))
        equal(fields(put)[b"status"], b"written")
        equal(fields(put)[b"level"], b"group")
    profile = fields(client.execute_command("PROFILE.GET", "user_id", "zoe"))
    traits = fields(profile[b"traits"])
    equal(fields(traits[b"name"])[b"value"], name.encode())
    equal(fields(traits[b"age"])[b"value"], 30)
    equal(client.execute_command("PROFILE.GET", "user_id", "nobody"), None)
    equal(client.execute_command("AUDIENCE.COUNT", "p.age BETWEEN 35 AND 55"), 2)
    equal(client.execute_command("audience.count", "p.name = '" + name.replace("'", "''") + "'"), 3)
    page = fields(client.execute_command("AUDIENCE.MEMBERS", "p.age > 35", "SELECT", 1, "age", "LIMIT", 1))
    first = fields(page[b"members"][0])
    rest = client.execute_command("AUDIENCE.MEMBERS", "p.age > 35", "SELECT", 1, "age", "AFTER", page[b"next"])
    second = fields(fields(rest)[b"members"][0])
    equal({fields(member[b"traits"])[b"age"] for member in (first, second)}, {40, 50})
    equal((fields(rest)[b"next"], page[b"next"]), (None, first[b"profile_id"]))
    equal(fields(client.execute_command("AUDIENCE.BREAKDOWN", "p.age > 45", "BY", "age"))[b"rows"], [[50, 1]])
    fails(lambda: client.execute_command("AUDIENCE.COUNT", "p.agee > 3"), "age")
    fails(lambda: client.execute_command("AUDIENCE.COUNT"), "wrong number of arguments")
    fails(lambda: client.execute_command("RECORD.PUT", "crm", b"\xff\xfe not json"), "")
    equal(fields(client.execute_command("STATS"))[b"profiles"], 3)


def pipelines(client):
    count = ("AUDIENCE.COUNT", "p.visits >= 0")
    for transaction in (True, False):
        with client.pipeline(transaction=transaction) as pipe:
            for visits in range(50):
                pipe.execute_command("RECORD.PUT", "web", message(f"v{transaction}{visits}", {"visits": visits}), "os")
            pipe.execute_command(*count)
            pipe.echo(b"\x00\xff")
            replies = pipe.execute()
        equal(len(replies), 52)
        equal(replies[-2:], [50 if transaction else 100, b"\x00\xff"])
    with client.pipeline(transaction=False) as pipe:
        pipe.execute_command(*count).execute_command("AUDIENCE.COUNT", "p.").execute_command(*count)
        first, second, third = pipe.execute(raise_on_error=False)
    equal((first, third), (100, 100))
    assert isinstance(second, redis.exceptions.ResponseError), second
    with client.pipeline(transaction=True) as pipe:
        pipe.execute_command("NO.SUCH.COMMAND").execute_command(*count)
        fails(pipe.execute, "unknown command")


def many_at_once(port, protocol, password):
    pool = connect(port, protocol, password, max_connections=8)
    wrong = []

    def work(number):
        try:
            for step in range(50):
                text = f"{number}:{step}".encode()
                equal(pool.echo(text), text)
        except BaseException as error:  # told by the main thread
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong


def passwords(port, protocol):
    fails(lambda: connect(port, protocol, "a guess").ping(), "invalid username-password pair")
    fails(lambda: connect(port, "2", "").ping(), "Authentication")


def main():
    port, protocol = int(sys.argv[1]), sys.argv[2]
    password = sys.argv[3] if len(sys.argv) > 3 else ""
    client = connect(port, protocol, password)
    basics(client, protocol)
    bytes_are_exact(client)
    own_commands(client, protocol)
    pipelines(client)
    many_at_once(port, protocol, password)
    if password:
        passwords(port, protocol)
    equal(connect(port, protocol, password, decode_responses=True).echo("Grüße"), "Grüße")
    print(f"redis-py {redis.__version__}, protocol {protocol}: all checks passed")


if __name__ == "__main__":
    main()
