//! Lists: members page by page, breakdowns, greatest values, aggregates, and where values come from.

use super::{done, failed, json, load_people, run};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Asks about the store's audience with these flags.
fn ask<'a>(command: &'a str, store: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    [&["audience", command, "--data", store], flags].concat()
}

#[test]
fn members_are_a_table_of_ids_traits_and_identifiers() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let id = |user: &str| {
        let profile = json(&["profile", "get", "--data", &store, user]);
        profile["id"].as_str().expect("an id").to_owned()
    };
    let mut lines = [
        format!("{}\tFR\t33\tann@example.org", id("user_id=1")),
        format!("{}\tDE\t44\tbob@example.org", id("user_id=2")),
        format!("{}\tFR\t\t", id("user_id=3")),
    ];
    lines.sort();
    let flags = ["--select", "country,age", "--with", "email", "true"];
    let printed = done(&ask("members", &store, &flags));
    assert_eq!(printed, format!("profile_id\tcountry\tage\temail\n{}\n", lines.join("\n")));
    let bob = json(&ask("members", &store, &["--select", "age", "--with", "email", "p.age > 40"]));
    let member = json!({
        "profile_id": id("user_id=2"), "traits": {"age": 44}, "identifiers": ["bob@example.org"]
    });
    assert_eq!(bob, json!({"members": [member], "next": null}));
    let plain = json(&ask("members", &store, &["p.age IS NULL"]));
    let member = json!({"profile_id": id("user_id=3"), "traits": {}, "identifiers": []});
    assert_eq!(plain, json!({"members": [member], "next": null}));
    assert_eq!(done(&ask("members", &store, &["--with", "email", "false"])), "profile_id\temail\n");
}

#[test]
fn a_cursor_goes_on_over_loads_retractions_and_rebuilds() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let load = |name: &str, from: usize, to: usize| {
        let rows: String = (from..to).map(|n| format!("{n},yes\n")).collect();
        let file = scratch.file(name, format!("id,here\n{rows}"));
        let load = ["load", "--data", &store, "--source", "crm", "--as", "identify"];
        json(&[&load[..], &["--id", "user_id=id", &file]].concat())["files"][0]["load"].clone()
    };
    load("first.csv", 1, 41);
    let ids = |page: &Value| -> Vec<String> {
        let members = page["members"].as_array().expect("a list").iter();
        members.map(|m| m["profile_id"].as_str().expect("an id").to_owned()).collect()
    };
    let stayed = ids(&json(&ask("members", &store, &["p.here = 'yes'"])));
    assert_eq!(stayed.len(), 40);
    let mut told: Vec<String> = Vec::new();
    let mut after: Option<String> = None;
    for round in 0.. {
        let cursor: Vec<&str> = after.iter().flat_map(|a| ["--after", a.as_str()]).collect();
        let flags = [&["--limit", "15"], &cursor[..], &["p.here = 'yes'"]].concat();
        let said = run(&ask("members", &store, &flags));
        let page = json(&ask("members", &store, &flags));
        told.extend(ids(&page));
        // The text names the same cursor, beside the table.
        let next = page["next"].as_str().map(str::to_owned);
        assert_eq!(said.out.lines().count(), 1 + ids(&page).len());
        match &next {
            Some(cursor) => assert!(said.err.contains(&format!("--after {cursor}")), "{said:?}"),
            None => assert_eq!(said.err, ""),
        }
        if next.is_none() {
            break;
        }
        after = next;
        let new = load(&format!("{round}.csv"), 100 * (round + 1), 100 * (round + 1) + 5);
        match round % 3 {
            0 => done(&["rebuild", "--data", &store]),
            1 => done(&["retract", "--data", &store, "--load", &new.to_string()]),
            _ => done(&["check", "--data", &store]),
        };
    }
    let once: BTreeSet<&String> = told.iter().collect();
    assert_eq!(once.len(), told.len(), "somebody was told twice");
    assert!(told.is_sorted() && stayed.iter().all(|id| once.contains(id)), "somebody was lost");
}

#[test]
fn values_are_counted_ranked_and_summed_up() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let by = |flags: &[&str]| done(&ask("breakdown", &store, flags));
    assert_eq!(by(&["--by", "country", "true"]), "country\tcount\nFR\t2\nDE\t1\n");
    let both = by(&["--by", "country,age", "p.country = 'FR'"]);
    assert_eq!(both, "country\tage\tcount\nFR\t33\t1\nFR\t\t1\n");
    assert_eq!(
        json(&ask("breakdown", &store, &["--by", "age", "true"])),
        json!({"columns": ["age", "count"], "rows": [[33, 1], [44, 1], [null, 1]]})
    );
    let top = json(&ask("top", &store, &["--by", "joined", "--limit", "2", "true"]));
    assert_eq!(top["columns"], json!(["profile_id", "joined"]));
    let values: Vec<&Value> = top["rows"].as_array().expect("rows").iter().map(|r| &r[1]).collect();
    assert_eq!(values, ["2025-06-15", "2025-01-31"]);
    let oldest = done(&ask("top", &store, &["--by", "age", "true"]));
    assert!(oldest.starts_with("profile_id\tage\n") && oldest.ends_with("\t33\n"), "{oldest}");
    assert_eq!(
        done(&ask("aggregate", &store, &["--of", "age", "true"])),
        "count\tsum\tavg\tmin\tmax\n2\t77\t38.5\t33\t44\n"
    );
    assert_eq!(
        json(&ask("aggregate", &store, &["--of", "age", "true"])),
        json!({"count": 2, "sum": 77, "avg": 38.5, "min": 33, "max": 44})
    );
    assert_eq!(
        json(&ask("aggregate", &store, &["--of", "country", "p.age < 40"])),
        json!({"count": 1, "sum": null, "avg": null, "min": "FR", "max": "FR"})
    );
    let past = ["--as-of", "2020-01-01T00:00:00Z"];
    let nobody = json(&[&ask("aggregate", &store, &["--of", "age", "true"])[..], &past].concat());
    assert_eq!(nobody, json!({"count": 0, "sum": null, "avg": null, "min": null, "max": null}));
}

#[test]
fn a_question_is_printed_for_a_warehouse() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let flags = ["--sql", "p.country = 'FR'"];
    let printed = done(&ask("explain", &store, &flags));
    assert!(printed.starts_with("SELECT ") && printed.ends_with('\n'), "{printed}");
    assert_eq!(json(&ask("explain", &store, &flags)), json!({"sql": printed.trim_end()}));
}

#[test]
fn a_profile_tells_where_its_values_come_from() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let file = scratch.file(
        "later.ndjson",
        "{\"mail\":\"ANN@example.org\",\"at\":\"2030-01-01T00:00:00Z\",\"age\":34}\n\
         {\"mail\":\"ann@example.org\",\"at\":\"2019-01-01T00:00:00Z\",\"age\":27,\"vip\":null}\n",
    );
    let load = ["load", "--data", &store, "--source", "web", "--as", "identify"];
    done(&[&load[..], &["--id", "email=mail", "--time", "at", &file]].concat());
    let explained = json(&["profile", "explain", "--data", &store, "user_id=1"]);
    assert_eq!(explained, json(&["profile", "explain", "--data", &store, "email=Ann@example.org"]));
    let profile = json(&["profile", "get", "--data", &store, "user_id=1"]);
    assert_eq!(explained["id"], profile["id"]);
    for (name, source, namespace, identifier) in
        [("age", "web", "email", "ann@example.org"), ("country", "crm", "user_id", "1")]
    {
        let (fact, golden) = (&explained["traits"][name][0], &profile["traits"][name]);
        for field in ["value", "time", "source", "position"] {
            assert_eq!(fact[field], golden[field], "{name}: {field}");
        }
        assert_eq!((&fact["won"], &fact["reason"]), (&json!(true), &Value::Null), "{fact}");
        assert_eq!(fact["source"], source);
        let about = (&fact["namespace"], &fact["identifier"]);
        assert_eq!(about, (&json!(namespace), &json!(identifier)));
    }
    assert_eq!(explained["traits"]["vip"][0]["value"], Value::Null, "a NULL that won is told");
    assert_eq!(explained["traits"]["vip"][0]["dated"], true);
    assert_eq!(explained["traits"]["country"][0]["dated"], false);
    let shown = done(&["profile", "explain", "--data", &store, "user_id=1"]);
    for words in ["age\n", "34", "email=ann@example.org", "NULL", "won", "(received)"] {
        assert!(shown.contains(words), "{words} is missing in {shown}");
    }
}

#[test]
fn mistakes_in_lists_are_told() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let fails = |command: &str, flags: &[&str], words: &[&str]| {
        failed(&ask(command, &store, flags), words);
    };
    fails("members", &["--select", "contry", "true"], &["contry", "country"]);
    fails("members", &["--select", "age,Age", "true"], &["twice"]);
    fails("members", &["--select", "profile_id", "true"], &["profile_id"]);
    fails("members", &["p.country = 'FR' AND p.agee > 3"], &["agee", "at character 22"]);
    fails("members", &["SELECT p.age FROM profiles p"], &["table", "query"]);
    fails("members", &["p.age >"], &["at the end"]);
    fails("breakdown", &["--by", "plan", "true"], &["plan"]);
    fails("top", &["--by", "agee", "true"], &["agee", "did you mean 'age'?"]);
    fails("aggregate", &["--of", "", "true"], &["no trait"]);
    fails("aggregate", &["--of", "age", "p.ag > 3"], &["at character 1"]);
    let error = run(&ask("members", &store, &["--select", "contry", "true", "--json"]));
    let document: Value = serde_json::from_str(&error.out).expect("a document");
    assert_eq!(document["error"]["kind"], "invalid");
    assert_eq!(document["error"]["place"], Value::Null, "a name is no place in the text");
    failed(&["profile", "explain", "--data", &store, "user_id=99"], &["99"]);
    let nowhere = scratch.path("nowhere");
    failed(&ask("members", &nowhere, &["true"]), &["nowhere"]);
    failed(&["profile", "explain", "--data", &nowhere, "user_id=1"], &["nowhere"]);
}
