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
