//! Questions: audiences, profiles, timelines, and the demo.

use super::{NOW, done, json, load_people, load_purchases, purchases};
use crate::scratch::Scratch;
use serde_json::Value;

#[test]
fn a_count_is_the_number_alone() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let count = |text: &str| done(&["audience", "count", "--data", &store, text]);
    assert_eq!(count("p.country = 'FR'"), "2\n");
    assert_eq!(count("p.age IS NULL OR true"), "3\n");
}

#[test]
fn now_moves_the_question_and_as_of_hides_what_came_later() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_purchases(&store, &purchases());
    let recent = "EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')";
    let count = |flags: &[&str], text: &str| {
        let arguments = [&["audience", "count", "--data", &store], flags, &[text]].concat();
        done(&arguments).trim_end().parse::<u64>().expect("a number")
    };
    assert_eq!(count(&["--now", NOW], recent), 1506);
    assert_eq!(count(&[], recent), 0, "by the clock of today nobody bought of late");
    let early = "1997-02-01T00:00:00Z";
    let often = "(SELECT count(*) FROM purchase e) >= 2";
    assert_eq!(
        count(&["--now", early], often),
        count(&["--now", NOW], often),
        "--now hides nothing"
    );
    assert!(
        count(&["--as-of", early], often) < count(&["--now", NOW], often),
        "--as-of hides what came later"
    );
}

#[test]
fn an_explanation_shows_the_whole_question() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_purchases(&store, &purchases());
    let short = "(SELECT count(*) FROM purchase e WHERE e.dollar_value > 50) >= 2";
    let explained = json(&["audience", "explain", "--data", &store, short]);
    let whole = explained["text"].as_str().expect("a text");
    // Names may be quoted.
    let has_join = |text: &str| text.replace('"', "").contains("e.profile_id = p.profile_id");
    assert!(whole.starts_with("SELECT count(*) FROM profiles") && has_join(whole), "{whole}");
    assert!(!explained["plan"].as_array().expect("a list").is_empty());
    let count = done(&["audience", "count", "--data", &store, short]);
    assert_eq!(count, format!("{}\n", explained["count"]));
    assert_eq!(
        done(&["audience", "count", "--data", &store, whole]),
        count,
        "the whole question is the same question"
    );
    assert!(has_join(&done(&["audience", "explain", "--data", &store, short])));
}

#[test]
fn a_file_of_questions_is_timed() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let file = scratch.file(
        "questions.sql",
        "-- French, said one's file\np.country = 'FR';\n\n-- a statement; with a mark in its name\n\
         SELECT count(*) FROM profiles p\nWHERE p.age > 40;\n-- text with marks\np.country = ';--''' OR p.age = 33\n",
    );
    let report = json(&["audience", "bench", "--data", &store, "--file", &file, "--runs", "5"]);
    let statements = report["statements"].as_array().expect("a list");
    let found: Vec<(&str, &Value)> =
        statements.iter().map(|s| (s["name"].as_str().expect("a name"), &s["answer"])).collect();
    assert_eq!(
        found,
        [
            ("French, said one's file", &2.into()),
            ("a statement; with a mark in its name", &1.into()),
            ("text with marks", &1.into())
        ]
    );
    for statement in statements {
        let time = |name: &str| {
            statement[name].as_f64().unwrap_or_else(|| panic!("{name} in {statement}"))
        };
        assert!(
            time("min_us") > 0.0
                && time("min_us") <= time("median_us")
                && time("median_us") <= time("p99_us")
        );
    }
    let shown = done(&["audience", "bench", "--data", &store, "--file", &file, "--runs", "5"]);
    assert!(shown.contains("French, said one's file"), "{shown}");
}

#[test]
fn a_profile_and_its_timeline_are_shown() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let file =
        scratch.file("buys.csv", "mail,at,amount\nANN@example.org ,2026-02-01T00:00:00Z,5.00\n");
    let load =
        ["load", "--data", &store, "--source", "shop", "--as", "track", "--event", "purchase"];
    done(&[&load[..], &["--id", "email=mail", "--time", "at", &file]].concat());
    let by_id = json(&["profile", "get", "--data", &store, "user_id=1"]);
    assert_eq!(by_id, json(&["profile", "get", "--data", &store, "email=ann@Example.ORG"]));
    assert_eq!(by_id["traits"]["country"]["value"], "FR");
    assert_eq!(by_id["traits"]["age"]["value"], 33);
    assert_eq!(by_id["traits"]["joined"]["value"], "2025-01-31");
    assert_eq!(by_id["events"]["purchase"], 1);
    let timeline = json(&["profile", "timeline", "--data", &store, "user_id=1"]);
    let events =
        timeline.as_array().or_else(|| timeline["events"].as_array()).expect("a list of events");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["properties"]["amount"].to_string(), "5.00", "decimals keep their digits");
    for command in ["get", "timeline"] {
        let shown = done(&["profile", command, "--data", &store, "user_id=1"]);
        assert!(shown.contains(if command == "get" { "FR" } else { "purchase" }), "{shown}");
    }
}

/// The answers of the demo, by DuckDB (`bench/duckdb/run.sh`).
const DEMO: [(&str, u64); 12] = [
    ("bought_lately", 1506),
    ("frequent", 1154),
    ("spent_1000", 200),
    ("one_timers", 11_908),
    ("lapsed", 877),
    ("january_cohort", 7846),
    ("january_cohort_came_back", 156),
    ("ever_above_200", 307),
    ("large_basket", 488),
    ("growing", 1576),
    ("one_disc_at_a_time", 176),
    ("many_days", 736),
];

#[test]
fn the_demo_is_right_the_first_and_the_second_time() {
    let scratch = Scratch::new();
    let folder = scratch.path("demo");
    let demo = json(&["demo", "--data", &folder]);
    let audiences = demo["audiences"].as_array().expect("a list");
    let answers: Vec<(&str, u64)> = audiences
        .iter()
        .map(|a| (a["name"].as_str().expect("a name"), a["answer"].as_u64().expect("a number")))
        .collect();
    assert_eq!(answers, DEMO);
    assert!(audiences.iter().all(|a| a["median_us"].as_f64().is_some_and(|time| time > 0.0)));
    assert!(!demo["timeline"].as_array().expect("a list").is_empty());
    segments_are_those_of_the_audiences(&demo["replay"], &folder);
    let shown = done(&["demo", "--data", &folder]);
    for words in ["23,570 customers", "69,659 purchases", "big_spenders", "What to try next"] {
        assert!(shown.contains(words), "{words} is missing in {shown}");
    }
    let answers: Vec<u64> = shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("=> ")?.split_once(" customers"))
        .map(|(number, _)| number.replace(',', "").parse().expect("a number"))
        .collect();
    assert_eq!(answers, DEMO.map(|(_, answer)| answer), "the second time, in words");
    // What it says to try next can be tried.
    let line = shown
        .lines()
        .map(str::trim)
        .find(|line| line.contains(" audience count "))
        .expect("a command");
    let output = std::process::Command::new("sh").args(["-c", line]).output().expect("sh starts");
    assert!(output.status.success(), "{line}: {output:?}");
    let count: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    assert!(count > 0, "{line}");
}

/// The segments of the demo, after its months have gone by, are the audiences that they were defined as, and what their
/// feeds told adds up to them.
fn segments_are_those_of_the_audiences(replay: &Value, folder: &str) {
    assert_eq!((&replay["days"], &replay["purchases"]), (&546.into(), &69_659.into()));
    let segments = replay["segments"].as_array().expect("a list");
    assert_eq!(segments.len(), 5);
    let text_of = |name: &str| {
        let of = segments.iter().find(|segment| segment["name"] == name);
        of.and_then(|of| of["audience"].as_str()).expect("a text").to_owned()
    };
    let end = ["audience", "count", "--data", folder, "--now", "1998-06-30T23:59:59Z"];
    for segment in segments {
        let text = segment["audience"].as_str().expect("a text");
        let text = text.replace("in_segment('active')", &format!("({})", text_of("active")));
        assert_eq!(done(&[&end[..], &[&text]].concat()), format!("{}\n", segment["count"]));
        let months = segment["months"].as_array().expect("a list");
        assert_eq!(months.len(), 18);
        let sum = |name: &str| months.iter().filter_map(|month| month[name].as_i64()).sum::<i64>();
        assert_eq!(sum("entered") - sum("left"), segment["count"].as_i64().expect("a number"));
        assert_eq!(months[17]["count"], segment["count"]);
    }
}

#[test]
fn a_statement_gives_a_table() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let text = "SELECT p.country, count(*) AS people FROM profiles p GROUP BY p.country ORDER BY 2 DESC, 1 LIMIT 1";
    assert_eq!(done(&["audience", "query", "--data", &store, text]), "country\tpeople\nFR\t2\n");
    let table = json(&["audience", "query", "--data", &store, text]);
    assert_eq!(table["columns"], serde_json::json!(["country", "people"]));
    assert_eq!(table["rows"], serde_json::json!([["FR", 2]]));
}
