//! Tests of what may be typed.

use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let words = std::iter::once("nave").chain(line.split(' '));
    Arguments::try_parse_from(words).map(|a| a.command).map_err(|e| e.kind())
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn right_lines_are_read() {
    for line in [
        "demo",
        "demo --json --data d",
        "load --data d --source s --as identify f",
        "load --data d --source s --as track --event e --id user_id=u --id email=e --time t \
         --time-unit %Y --zone Europe/Paris --message-id a,b --delimiter tab --origin history \
         --level sync --strict f g",
        "load --data d --source s --as track --event-column c --format ndjson --delimiter - f",
        "load --data d --source s --as identify --id a=b --from sqlite:f --table t",
        "load --data d --source s --as identify --from mysql://h/d --query q --query-name n \
         --watermark w --again",
        "audience count --data d p.a=1",
        "audience count --data d --now 1998-07-01T00:00:00Z p.a=1",
        "audience explain --data d --as-of 1998-07-01 p.a=1",
        "audience explain --data d --sql p.a=1",
        "audience members --data d p.a=1",
        "audience members --data d --select a,b --with email --limit 5 --after \
         00000000000000000000000000000000 p.a=1",
        "audience breakdown --data d --by a,b p.a=1",
        "audience top --data d --by a p.a=1",
        "audience top --data d --by a --limit 100000 --as-of 1998-07-01 p.a=1",
        "audience aggregate --data d --of a p.a=1",
        "profile explain --data d user_id=1",
        "audience bench --data d --file q.sql --runs 5",
        "audience bench --data d p.a=1",
        "profile get --data d user_id=1",
        "profile timeline --data d x=y=z",
        "record get --data d --source s m",
        "quarantine count --data d",
        "quarantine list --data d --source s --kind value --field a.b --limit 5 --after 7",
        "quarantine replay --data d --accept 7",
        "quarantine replay --data d --all-conflicts",
        "source list --data d",
        "source hold --data d --reason x s",
        "source release --data d s",
        "source refuse --data d s",
        "quality --data d --source s --days 7 --check",
        "retract --data d --load 7",
        "retract --data d --source s --message-id m",
        "retract --data d --source s --from 7",
        "retract --data d --source s --from 7 --to 9",
        "load --data d --source s --as identify --id u=u --revise f",
        "stats --data d --digest",
        "check --data d",
        "rebuild --data d",
        "repair --data d",
        "serve --data d --listen 127.0.0.1:0 --password-file f",
        "docs",
        "help-commands",
        "load --data d --source s --as track --event e --id user_id=u --id email=e --time t \
             --time-unit %Y --zone Europe/Paris --message-id a,b --delimiter tab --origin history \
             --level sync --strict f g",
        "load --data d --source s --as messages f",
        "load --data d --source s --as entity --entity product --id-column sku f",
        "load --data d --source s --as membership --group account --group-id a --state-column x f",
        "load --data d --source s --as consent --channel email --purpose-column p --state granted f",
        "export --data d --to f --format csv --where p.a=1 --only profiles,events --compress none --force",
        "log export --data d --to -",
        "log import --data d f",
        "audience members --data d --select a,b --with email --limit 5 --after \
             00000000000000000000000000000000 p.a=1",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
}

#[test]
fn wrong_lines_are_refused() {
    for line in [
        "nothing",
        "load --data d --source s --as identify",
        "load --data d --source s --as identify --from sqlite:f --table t f",
        "load --data d --source s --as identify --from sqlite:f --table t --query q",
        "load --data d --source s --as identify --table t f",
        "load --data d --source s --as identify --from sqlite:f --table t --again",
        "load --data d --source s --as identify --from sqlite:f --format csv --table t",
        "load --data d --source s --as page f",
        "load --data d --source s --as track --event e --event-column c f",
        "load --data d --source s --as track --event e --id user_id f",
        "load --data d --source s --as track --event e --level fast f",
        "load --data d --source s --as track --event e --origin correction f",
        "audience count --data d --now yesterday p.a=1",
        "audience count --data d --now 1998-07-01 --as-of 1998-07-01 p.a=1",
        "audience count p.a=1",
        "audience members --data d --limit 0 p.a=1",
        "audience members --data d --limit 100001 p.a=1",
        "audience members --data d --after 7 p.a=1",
        "audience members --data d --select a,,b p.a=1",
        "audience members --data d --with= p.a=1",
        "audience breakdown --data d p.a=1",
        "audience top --data d p.a=1",
        "audience aggregate --data d p.a=1",
        "profile explain --data d user_id",
        "audience bench --data d",
        "audience bench --data d --file q.sql p.a=1",
        "audience bench --data d --file q.sql --runs 0",
        "profile get --data d user_id",
        "profile get --data d =1",
        "quarantine list --data d --kind odd",
        "quarantine replay --data d --accept 7 --all-conflicts",
        "source hold --data d",
        "quality --data d --days 0",
        "retract --data d --load 7 --source s --message-id m",
        "retract --data d --message-id m",
        "retract --data d --source s --message-id m --from 7",
        "retract --data d --from 7",
        "retract --data d --source s --from 0",
        "retract --data d --load x",
        "stats",
        "load --data d --source s --as consent --channel email --channel-column c f",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
