//! Kinds of records: messages of Segment, entities, memberships and consents, from files and through the API.

use crate::store::{self, NOON, say, session, view};
use navedb::dir::MemoryDir;
use navedb::{
    At, ConsentColumns, Db, ErrorKind, Input, Level, LoadReport, LoadRequest, RecordKind,
    Retraction, Said, Settings, Timestamp, Value, View,
};
use std::sync::Arc;

fn request(kind: RecordKind, name: &str, text: &str) -> LoadRequest {
    let mut request = LoadRequest::new("web", kind);
    request.inputs = vec![Input::Bytes { name: name.to_owned(), bytes: text.as_bytes().to_vec() }];
    request
}

fn messages(db: &Db, text: &str) -> LoadReport {
    let request = request(RecordKind::Message, "m.ndjson", text);
    db.load(&LoadRequest { level: Some(Level::Memory), ..request }).unwrap()
}

/// The users, of a list, that an audience selects.
fn selected(view: &View, users: &[&str], text: &str) -> String {
    let members = view.members(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let id = |user: &str| view.profile("user_id", user).unwrap().map(|profile| profile.id);
    users.iter().copied().filter(|u| id(u).is_some_and(|id| members.contains(&id))).collect()
}

fn trait_of(view: &View, user: &str, name: &str) -> Option<String> {
    let profile = view.profile("user_id", user).unwrap().unwrap();
    profile.traits.iter().find(|t| t.name == name).map(|t| t.value.to_string())
}

const SDK: &str = concat!(
    r#"{"batch":[{"type":"identify","userId":"a","anonymousId":null,"messageId":"1","timestamp":"2024-03-01T00:00:00Z","context":{"traits":{"plan":"pro","age":3}},"traits":{"age":4}},"#,
    r#" {"type":"track" , "userId":"a","messageId":"2","event":"buy","properties":{"n":1},"originalTimestamp":"2024-03-02T00:00:00Z"} ,"#,
    r#"{"type":"page","anonymousId":"x","messageId":"3","name":"Home","category":"shop","properties":{"url":"/","Name":"Start"},"timestamp":"2024-03-02T00:00:00Z"}],"#,
    r#""sentAt":"2024-03-05T00:00:00Z","writeKey":"secret","context":{"traits":{"city":"Lyon"},"device":{"id":"d1","advertisingId":"00000000-0000-0000-0000-000000000000"}}}"#,
    "\n",
    r#"{"type":"alias","userId":"a","previousId":"x","messageId":"4","timestamp":"2024-03-03T00:00:00Z"}"#,
    "\n",
    r#"[{"type":"group","userId":"a","groupId":7,"messageId":"5","traits":{"name":"Acme"},"timestamp":"2024-03-03T00:00:00Z"},{"type":"screen","userId":"b","name":"Cart"}]"#,
    "\n"
);

#[test]
fn messages_of_segment_are_understood() {
    let db = store::new();
    let report = messages(&db, SDK);
    let file = &report.files[0];
    assert_eq!((file.rows, file.written, file.broken), (6, 6, 0), "{:?}", report.broken);
    let now = view(&db);
    assert_eq!(trait_of(&now, "a", "plan").as_deref(), Some("pro"));
    assert_eq!(trait_of(&now, "a", "age").as_deref(), Some("4"));
    // What the item says in its own context hides what the batch says there.
    assert_eq!(trait_of(&now, "a", "city"), None);
    let profile = now.profile("device_id", "d1").unwrap().unwrap();
    let known: Vec<_> = profile.identifiers.iter().map(|i| i.namespace.as_str()).collect();
    assert_eq!(known, ["anonymous_id", "device_id", "user_id", "user_id"]);
    assert_eq!(profile.events.len(), 3, "{:?}", profile.events);
    let timeline = now.timeline("user_id", "a").unwrap().unwrap();
    let page = timeline.iter().find(|event| event.event == "page").unwrap();
    let mut properties: Vec<_> = page.properties.iter().map(|(n, v)| format!("{n}={v}")).collect();
    properties.sort();
    assert_eq!(properties, ["Name=Start", "category=shop", "url=/"]);
    let buy = timeline.iter().find(|event| event.event == "buy").unwrap();
    assert_eq!(buy.time.to_string(), "2024-03-02T00:00:00Z");
    assert_eq!(profile.memberships.len(), 1);
    let group = "EXISTS (SELECT 1 FROM \"nave.membership\" e JOIN \"group\" g ON g.id = e.group_id \
                 WHERE g.name = 'Acme' AND e.state = 'joined')";
    assert_eq!(selected(&now, &["a", "b"], group), "a");
    assert_eq!(
        selected(&now, &["a", "b"], "EXISTS (SELECT 1 FROM screen e WHERE e.name = 'Cart')"),
        "b"
    );
}

#[test]
fn messages_of_a_batch_are_rows_of_their_own() {
    let db = store::new();
    messages(&db, SDK);
    let first = &SDK[10..SDK.find("}, {").unwrap() + 1];
    assert_eq!(view(&db).record("web", "1").unwrap().unwrap(), first.as_bytes());
    let second = view(&db).record("web", "2").unwrap().unwrap();
    assert!(second.starts_with(br#"{"type":"track" , "#) && second.ends_with(br#"00Z"}"#));
    // The same messages in another batch, at another time, are known.
    let digest = view(&db).digest().unwrap();
    let report = messages(&db, &SDK.replace("2024-03-05", "2024-03-06"));
    let file = &report.files[0];
    assert_eq!((file.duplicates, file.conflicts), (5, 0));
    assert_eq!(file.written, 1, "one has no message id, and the content of the file is another");
    let _ = session(&db).retract(&Retraction::Load(file.load.unwrap())).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest);
    // Other content under a known id is a conflict.
    let report = messages(&db, &SDK.replace("Acme", "Other"));
    assert_eq!(report.files[0].conflicts, 1);
    let _ = session(&db).retract(&Retraction::Load(report.files[0].load.unwrap())).unwrap();
    let what = Retraction::Record { source: "web".into(), message_id: "5".into() };
    let _ = session(&db).retract(&what).unwrap();
    let profile = view(&db).profile("user_id", "a").unwrap().unwrap();
    assert_eq!(profile.memberships, []);
    // Alone or in batches, the messages mean the same.
    let alone = store::new();
    let lines: Vec<&str> = SDK.lines().collect();
    messages(&alone, &lines[1..].join("\n"));
    let together = store::new();
    messages(&together, &format!("{{\"batch\":[{}]}}\n{}", lines[1], lines[2]));
    assert_eq!(view(&alone).digest().unwrap(), view(&together).digest().unwrap());
}

#[test]
fn a_replay_reads_a_batch_as_it_was_loaded() {
    let dir = MemoryDir::new();
    let settings = Settings { open_bytes: 1, ..store::small() };
    let db = store::open_with(dir.clone(), settings.clone()).unwrap();
    // What a batch shares is needed for the time: the clock of the device is a day ahead.
    let line = r#"{"batch":[{"type":"track","userId":"a","event":"e","messageId":"1","originalTimestamp":"2024-03-02T00:00:00Z","receivedAt":"2024-03-03T00:00:00Z"}],"sentAt":"2024-03-04T00:00:00Z","context":{"externalIds":[{"id":"7","type":"CRM","collection":"users","encoding":"none"},{"id":"9","type":"firm","collection":"accounts"}]}}"#;
    messages(&db, line);
    let told = |db: &Db| {
        let event = view(db).timeline("crm", "7").unwrap().unwrap().remove(0);
        assert_eq!(event.time.to_string(), "2024-03-01T00:00:00Z");
        assert!(view(db).profile("firm", "9").unwrap().is_none());
        view(db).digest().unwrap()
    };
    let live = told(&db);
    db.checkpoint().unwrap();
    db.close().unwrap();
    let db = store::open_with(dir.clone(), settings.clone()).unwrap();
    assert_eq!(told(&db), live);
    db.close().unwrap();
    navedb::rebuild(Arc::new(dir.clone()), store::clock(NOON), settings.clone()).unwrap();
    assert_eq!(told(&store::open_with(dir, settings).unwrap()), live);
}

#[test]
fn broken_messages_say_why() {
    let db = store::new();
    let lines = [
        (r#"{"type":"what","userId":"a"}"#, "unknown"),
        (r#"{"type":"track","userId":"a","event":"Nave.consent"}"#, "reserved"),
        (r#"{"type":"alias","userId":"a"}"#, "previousId"),
        (r#"{"type":"group","userId":"a"}"#, "groupId"),
        (r#"{"type":"group","groupId":"a"}"#, "identifier"),
        (r#"{"type":"entity","entity":"nave.x","id":"1"}"#, "reserved"),
        (r#"{"type":"consent","userId":"a","channel":"email","state":"yes"}"#, "purpose"),
        (
            r#"{"type":"consent","userId":"a","channel":"email","purpose":"x","state":"perhaps"}"#,
            "'perhaps' is no state",
        ),
        (r#"{"type":"consent","channel":"email","purpose":"x","state":"yes"}"#, "identifier"),
        (r#"{"userId":"a","batch":7}"#, "batch"),
        (
            r#"{"batch":[{"type":"track","userId":"a","event":"e"},7,{"batch":[]}]}"#,
            "no JSON object",
        ),
    ];
    let text: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
    let report = messages(&db, &text.join("\n"));
    assert_eq!((report.files[0].rows, report.files[0].broken), (13, 12));
    for ((line, reason), broken) in lines.iter().zip(&report.broken) {
        assert!(broken.reason.contains(reason), "{line}: {broken}");
    }
    let wrong = |kind: RecordKind, name: &str| {
        db.load(&request(kind, name, "a,b\n1,2\n")).unwrap_err().to_string()
    };
    assert!(wrong(RecordKind::Message, "m.csv").contains("ndjson"));
    assert!(wrong(RecordKind::Track(Said::Fixed("nave.x".into())), "m.csv").contains("reserved"));
    let entity = RecordKind::Entity { entity: "product".into(), id: "sku".into() };
    assert!(wrong(entity, "m.csv").contains("no column 'sku'"));
    let mut named = request(RecordKind::Message, "m.ndjson", "{}");
    named.time = Some("at".into());
    assert_eq!(db.load(&named).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn entities_come_from_files() {
    let csv = "sku,price,day\np1,1,2024-01-01\n p2 ,2.5,\n,9,\n";
    let json = "{\"sku\":\"p1\",\"price\":1,\"day\":\"2024-01-01\"}\n{\"sku\":\"p2\",\"price\":2.5}\n{\"price\":9}";
    let kind = RecordKind::Entity { entity: "product".into(), id: "sku".into() };
    let load = |name: &str, text: &str| {
        let db = store::new();
        let report = db.load(&request(kind.clone(), name, text)).unwrap();
        assert_eq!((report.files[0].written, report.files[0].broken), (2, 1));
        // The types are those of the whole file, though the first row has an integer.
        assert_eq!(view(&db).stats().unwrap().entity_fields.len(), 2);
        say(
            &db,
            "web",
            r#"{"type":"track","userId":"a","event":"buy","properties":{"sku":"p2"},"messageId":"t","timestamp":"2024-03-01"}"#,
        );
        let text =
            "EXISTS (SELECT 1 FROM buy e JOIN product d ON d.id = e.sku WHERE d.price = 2.5)";
        assert_eq!(selected(&view(&db), &["a"], text), "a");
        let report =
            db.load(&request(kind.clone(), name, if name == "p.csv" { csv } else { json }));
        assert_eq!(report.unwrap().files[0].written, 0);
        view(&db)
    };
    let (left, right) = (load("p.csv", csv), load("p.ndjson", json));
    assert_eq!(left.stats().unwrap().entity_fields, right.stats().unwrap().entity_fields);
}

/// Entities from files go by column, those of messages one by one.
#[test]
fn entities_are_the_same_from_files_and_from_messages() {
    let csv =
        "sku,day,price,name\n p1,2024-01-02,1,\"a\"\"b\"\np2,2024-01-01,2.5,\np1,2024-01-01,7,x\n";
    let json = "{\"sku\":\" p1\",\"day\":\"2024-01-02\",\"price\":1,\"name\":\"a\\\"b\"}\n\
                {\"day\":\"2024-01-01\",\"price\":2.5,\"sku\":\"p2\"}\n\
                {\"sku\":\"p1\",\"day\":\"2024-01-01\",\"price\":7,\"name\":\"x\"}\n";
    let kind = RecordKind::Entity { entity: "product".into(), id: "sku".into() };
    let mut digests = Vec::new();
    for (name, text) in [("p.csv", csv), ("p.ndjson", json)] {
        let db = store::new();
        let mut request = request(kind.clone(), name, text);
        request.time = Some("day".into());
        assert_eq!(db.load(&request).unwrap().files[0].written, 3, "{name}");
        digests.push(view(&db).digest().unwrap());
    }
    let db = store::new();
    for (number, (day, traits)) in [
        ("2024-01-02", r#""price":1,"name":"a\"b""#),
        ("2024-01-01", r#""price":2.5"#),
        ("2024-01-01", r#""price":7,"name":"x""#),
    ]
    .iter()
    .enumerate()
    {
        let id = if number == 1 { "p2" } else { "p1" };
        let message = format!(
            r#"{{"type":"entity","entity":"product","id":"{id}","messageId":"e{number}","timestamp":"{day}","traits":{{{traits}}}}}"#
        );
        say(&db, "web", &message);
    }
    digests.push(view(&db).digest().unwrap());
    assert_eq!(digests[0], digests[1], "CSV and NDJSON");
    assert_eq!(digests[1], digests[2], "NDJSON and messages");
}

fn consents(columns: &str) -> RecordKind {
    let column = |name: &str| Said::Column(name.to_owned());
    let topic = columns.contains("topic").then(|| column("topic"));
    RecordKind::Consent(ConsentColumns {
        channel: column("channel"),
        purpose: column("purpose"),
        topic,
        state: column("state"),
        basis: None,
        text: None,
    })
}

const CONSENTS: &str = "user,mail,channel,purpose,topic,state,at
a,,Email,marketing,,granted,2024-03-01
b,,email,marketing,,granted,2024-03-01
b,,email,marketing,,opt-out,2024-03-02
c,,email,marketing,,yes,2024-03-01
,c@x.org,email,marketing,,no,2024-02-01
d,,*,marketing,,true,2024-03-01
e,,email,marketing,,granted,2024-03-01
e,,email,marketing,,denied,2024-03-01
f,,email,marketing,news,granted,2024-03-01
f,,email,marketing,deals,denied,2024-03-01
g,,email,marketing,,granted,2024-03-20
g,,*,*,,withdrawn,2024-03-10
h,,email,marketing,,maybe,2024-03-10
";

#[test]
fn consents_are_the_latest_of_each_identifier_and_the_strictest_of_all() {
    let db = store::new();
    let mut load = request(consents("topic"), "c.csv", CONSENTS);
    load.ids = vec![("user_id".into(), "user".into()), ("email".into(), "mail".into())];
    load.time = Some("at".into());
    let report = db.load(&load).unwrap();
    assert_eq!(
        (report.files[0].written, report.files[0].broken, report.level),
        (12, 1, Level::Sync)
    );
    let users = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let ask = |text: &str| selected(&view(&db), &users, text);
    assert_eq!(ask("consents('email', 'marketing')"), "acd");
    assert_eq!(ask("consents(' EMAIL', 'Marketing', 'news')"), "acdf");
    assert_eq!(ask("consents('sms', 'marketing')"), "d");
    assert_eq!(ask("NOT consents('email', 'studies')"), "abcdefg");
    // A join brings the refusal of the other identifier; taking it back lifts it again.
    let join = r#"{"type":"identify","userId":"c","identifiers":{"email":"C@x.org"},"messageId":"j","timestamp":"2024-03-05"}"#;
    say(&db, "crm", join);
    assert_eq!(ask("consents('email', 'marketing')"), "ad");
    let before = At::AsOf(Timestamp::parse("2024-03-04T00:00:00Z").unwrap());
    let past = view(&db).members("consents('email', 'marketing')", before).unwrap();
    // As of before the join, and before g granted and withdrew.
    assert_eq!(past.len(), 3, "{past:?}");
    let first = At::AsOf(Timestamp::parse("2024-03-01T12:00:00Z").unwrap());
    assert_eq!(view(&db).count("consents('email', 'marketing')", first).unwrap(), 4);
    let profile = view(&db).profile("user_id", "c").unwrap().unwrap();
    assert_eq!((profile.consents.len(), profile.consents[0].state.as_str()), (1, "denied"));
    let what = Retraction::Record { source: "crm".into(), message_id: "j".into() };
    let _ = session(&db).retract(&what).unwrap();
    assert_eq!(ask("consents('email', 'marketing')"), "acd");
    let explained = view(&db).explain("consents('Email', 'marketing')", At::Latest).unwrap();
    assert!(explained.text.ends_with("WHERE consents('email', 'marketing')"), "{}", explained.text);
    assert_eq!(explained.steps[0].rows, Some(12));
    assert!(explained.sql.contains("bool_and") && !explained.sql.contains("consents("));
    let nested = "EXISTS (SELECT 1 FROM \"nave.consent\" e WHERE consents('email', 'x'))";
    assert!(view(&db).count(nested, At::Latest).is_err());
}

/// A refusal belongs to the identifier that its message names first, whatever the order of the keys: it is lifted where
/// the later consent belongs to the same one, and there alone.
#[test]
fn a_consent_belongs_to_the_most_important_identifier() {
    let (user, cookie) = (r#""userId":"u""#, r#""anonymousId":"k""#);
    let (mail, phone) = (r#""email":"u@x.org""#, r#""phone":"+33123456""#);
    let named = |inner: &[&str]| format!(r#""identifiers":{{{}}}"#, inner.join(","));
    let outer = r#""context":{"externalIds":[{"id":"7","type":"crm_id","collection":"users"}]}"#;
    let device = r#""context":{"device":{"id":"d-1"}}"#;
    // What names both, the more important one alone, and the other one alone.
    let cases = [
        (format!("{cookie},{user}"), user.to_owned(), cookie.to_owned()),
        (format!("{},{user}", named(&[mail])), user.to_owned(), named(&[mail])),
        (named(&[phone, mail]), named(&[phone]), named(&[mail])),
        (named(&[mail, phone]), named(&[mail]), named(&[phone])),
        (format!("{outer},{}", named(&[mail])), named(&[mail]), outer.to_owned()),
        (format!("{cookie},{outer}"), outer.to_owned(), cookie.to_owned()),
        (format!("{device},{cookie}"), cookie.to_owned(), device.to_owned()),
    ];
    let said = |who: &str, state: &str, day: u8| {
        format!(
            r#"{{"type":"consent",{who},"channel":"email","purpose":"ads","state":"{state}","timestamp":"2024-03-{day:02}"}}"#
        )
    };
    for (both, first, second) in &cases {
        let allowed = |later: &str| {
            let db = store::new();
            say(&db, "web", &said(both, "denied", 1));
            say(&db, "web", &said(later, "granted", 2));
            view(&db).count("consents('email', 'ads')", At::Latest).unwrap()
        };
        assert_eq!((allowed(first), allowed(second)), (1, 0), "{both}");
    }
}

#[test]
fn consents_through_the_api_are_synced() {
    let db = store::new();
    let write = |json: &str| session(&db).write(store::batch("web", &[json])).unwrap().level;
    let consent = r#"{"type":"consent","userId":"a","channel":"email","purpose":"ads","state":true,"basis":"gdpr 6.1a","text":"2024-01-01"}"#;
    assert_eq!(write(consent), Level::Sync);
    assert_eq!(write(r#"{"type":"identify","userId":"a"}"#), Level::Group);
    let segment = r#"{"type":"track","userId":"b","event":"Segment Consent Preference Updated","context":{"consent":{"categoryPreferences":{"Ads":true,"Studies":false}}}}"#;
    assert_eq!(write(segment), Level::Sync);
    let ask = |text: &str| selected(&view(&db), &["a", "b"], text);
    assert_eq!(ask("consents('email', 'ads')"), "ab");
    assert_eq!(ask("consents('push', 'ads')"), "b");
    assert_eq!(ask("consents('push', 'studies')"), "");
    let profile = view(&db).profile("user_id", "a").unwrap().unwrap();
    let told = &profile.consents[0];
    assert_eq!(
        (told.basis.as_deref(), told.text.as_deref()),
        (Some("gdpr 6.1a"), Some("2024-01-01"))
    );
    let text = "EXISTS (SELECT 1 FROM \"nave.consent\" e WHERE e.text = '2024-01-01')";
    assert_eq!(ask(text), "a");
}

#[test]
fn a_file_with_a_column_for_each_channel_is_loaded_for_each() {
    let db = store::new();
    let load = |channel: &str| {
        let fixed = |text: &str| Said::Fixed(text.to_owned());
        let kind = RecordKind::Consent(ConsentColumns {
            channel: fixed(channel),
            purpose: fixed("ads"),
            topic: None,
            state: Said::Column(channel.to_owned()),
            basis: None,
            text: None,
        });
        let mut load = request(kind, "c.csv", "user,email,sms\na,yes,no\nb,no,yes\n");
        load.ids = vec![("user_id".into(), "user".into())];
        let mut report = db.load(&load).unwrap();
        let file = report.files.remove(0);
        let synced = report.level == Level::Sync;
        assert_eq!(synced, file.written > 0, "what persons allowed is synced");
        (file.written, file.duplicates)
    };
    assert_eq!([load("email"), load("sms"), load("sms")], [(2, 0), (2, 0), (0, 2)]);
    let ask = |text: &str| selected(&view(&db), &["a", "b"], text);
    assert_eq!(ask("consents('email', 'ads')"), "a");
    assert_eq!(ask("consents('sms', 'ads')"), "b");
}

#[test]
fn memberships_are_dated() {
    let db = store::new();
    let text = "user,firm,what,at\na,f1,joined,2024-03-01\na,f1,left,2024-03-09\
                \nb,f1,,2024-03-01\nb,f2,no,2024-03-02\nc,,joined,\nc,f1,maybe,\n";
    let kind = RecordKind::Membership {
        group: Said::Fixed("account".into()),
        id: "firm".into(),
        state: Some("what".into()),
    };
    let mut load = request(kind, "m.csv", text);
    load.ids = vec![("user_id".into(), "user".into())];
    load.time = Some("at".into());
    let report = db.load(&load).unwrap();
    assert_eq!((report.files[0].written, report.files[0].broken), (4, 2), "{:?}", report.broken);
    let last = "(SELECT e.state FROM \"nave.membership\" e JOIN account a ON a.id = e.group_id \
                ORDER BY e.time DESC, e.message_id DESC LIMIT 1) = 'joined'";
    assert_eq!(selected(&view(&db), &["a", "b", "c"], last), "");
    let at = At::AsOf(Timestamp::parse("2024-03-02T12:00:00Z").unwrap());
    assert_eq!(view(&db).count(last, at).unwrap(), 1);
    let profile = view(&db).profile("user_id", "b").unwrap().unwrap();
    let known: Vec<_> =
        profile.memberships.iter().map(|m| (m.id.as_str(), m.state.as_str())).collect();
    assert_eq!(known, [("f1", "joined"), ("f2", "left")]);
    let stats = view(&db).stats().unwrap();
    assert_eq!(stats.entities, [("account".to_owned(), 2)]);
    let digest = view(&db).digest().unwrap();
    let _ = session(&db).retract(&Retraction::Load(report.files[0].load.unwrap())).unwrap();
    assert_eq!(view(&db).stats().unwrap().profiles, 0);
    load.level = Some(Level::Memory);
    db.load(&load).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest);
    let value = view(&db).query("SELECT count(*) FROM profiles p", At::Now(Timestamp(NOON)));
    assert_eq!(value.unwrap().rows, [[Some(Value::Integer(2))]]);
}
