//! Loading each kind of record from the command line.

use super::{done, failed, json, run};
use crate::scratch::Scratch;

#[test]
fn every_kind_of_record_loads() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let load = ["load", "--data", store.as_str(), "--source", "crm", "--as"];
    let messages = scratch.file(
        "m.ndjson",
        "{\"batch\":[{\"type\":\"identify\",\"userId\":\"7\",\"traits\":{\"a\":1},\"messageId\":\"x\"}]}\n",
    );
    assert_eq!(json(&[&load[..], &["messages", &messages]].concat())["files"][0]["written"], 1);
    let record = done(&["record", "get", "--data", &store, "--source", "crm", "x"]);
    assert_eq!(record, r#"{"type":"identify","userId":"7","traits":{"a":1},"messageId":"x"}"#);
    let file = scratch.file("c.csv", "u,said,firm,at\n7,yes,f1,2024-03-01\n8,no,f1,2024-03-01\n");
    let person = ["--id", "user_id=u", "--time", "at", file.as_str()];
    let consent = ["consent", "--channel", "email", "--purpose", "ads", "--state-column", "said"];
    let report = json(&[&load[..], &consent, &person].concat());
    assert_eq!((&report["level"], &report["files"][0]["written"]), (&"sync".into(), &2.into()));
    let member = ["membership", "--group", "account", "--group-id", "firm"];
    assert_eq!(json(&[&load[..], &member, &person].concat())["level"], "group");
    let entity = ["entity", "--entity", "account", "--id-column", "firm", &file];
    assert_eq!(json(&[&load[..], &entity].concat())["files"][0]["written"], 2);
    let count = |text: &str| done(&["audience", "count", "--data", &store, text]);
    assert_eq!(count("consents('email', 'ads')"), "1\n");
    let joined = "EXISTS (SELECT 1 FROM \"nave.membership\" e JOIN account a ON a.id = e.group_id)";
    assert_eq!(count(joined), "2\n");
    let profile = json(&["profile", "get", "--data", &store, "user_id=8"]);
    assert_eq!(profile["consents"][0]["state"], "denied");
    assert_eq!(profile["memberships"][0]["id"], "f1");
    let shown = done(&["profile", "get", "--data", &store, "user_id=8"]);
    assert!(shown.contains("consents\n  email  ads  denied") && shown.contains("memberships\n"));
    let misused = |arguments: &[&str], word: &str| {
        let said = run(&[&load[..], arguments].concat());
        assert!(said.code == Some(2) && said.err.contains(word), "{arguments:?}: {said:?}");
    };
    misused(&["identify", "--channel", "email", &file], "--as consent");
    misused(&["consent", "--channel", "email", &file], "--purpose");
    misused(&["entity", "--entity", "product", &file], "--id-column");
    failed(&[&load[..], &["messages", &file]].concat(), &["ndjson"]);
}

#[test]
fn pairs_of_another_matcher_load_as_evidence() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let people = scratch.file("p.csv", "id,name\n1,Ann\n2,Anne\n3,Bob\n");
    let load = ["load", "--data", store.as_str(), "--source"];
    done(&[&load[..], &["crm", "--as", "identify", "--id", "record=id", &people]].concat());
    let pairs = scratch.file(
        "pairs.csv",
        "match_weight,match_probability,unique_id_l,unique_id_r\n8.1,0.996,1,2\n2.0,likely,1,3\n",
    );
    let evidence = [&load[..], &["splink", "--as", "evidence"]].concat();
    let columns = ["--left", "record=unique_id_l", "--right", "record=unique_id_r", pairs.as_str()];
    let score = ["--score", "match_probability", "--rule", "splink-2024"];
    let said = run(&[&evidence[..], &columns, &score].concat());
    assert!(said.out.contains("2 rows, 1 new") && said.out.contains("1 broken"), "{said:?}");
    assert!(
        said.err.contains("pairs.csv:3:2: column match_probability: 'likely' is no score"),
        "{said:?}"
    );
    let why = done(&["identity", "why", "--data", &store, "record=1", "record=2"]);
    assert!(why.contains("fuzzy 0.996 from splink by splink-2024"), "{why}");
    let waiting = done(&["quarantine", "list", "--data", &store]);
    assert!(waiting.contains("'likely' is no score"), "{waiting}");
    failed(&[&evidence[..], &columns].concat(), &["--score COLUMN"]);
    let weight = ["--score", "match_weight", "--kind", "behavioural"];
    assert_eq!(json(&[&evidence[..], &columns, &weight].concat())["files"][0]["written"], 2);
    let misused = |arguments: &[&str], word: &str| {
        let said = run(&[&load[..], arguments].concat());
        assert!(said.code == Some(2) && said.err.contains(word), "{arguments:?}: {said:?}");
    };
    misused(&["s", "--as", "identify", "--left", "a=b", &pairs], "--as evidence");
    misused(&["s", "--as", "identify", "--kind", "fuzzy", &pairs], "--as evidence");
    misused(&["s", "--as", "evidence", "--left", "a=b", &pairs], "--right NAMESPACE=COLUMN");
}
