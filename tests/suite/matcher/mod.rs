//! Matching on arrival says what runs over the whole store say.

mod made;

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, say, session, view};
use made::{Row, made};
use navedb::dir::MemoryDir;
use navedb::{
    Db, DefineRequest, ErrorKind, Level, MatchReport, MatchRequest, MatcherRequest, ProfileMatcher,
    Retraction,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

type Pairs = BTreeSet<(String, String)>;

/// Records of other users.
fn made_of(seed: u64, persons: usize, users: &str) -> Vec<Row> {
    let mut rows = made(seed, persons);
    rows.iter_mut().for_each(|row| row.user.insert_str(0, users));
    rows
}

/// The definition of a model that was learnt of other persons.
fn model(seed: u64) -> String {
    let db = store::new();
    let rows = made(seed, 300);
    let messages: Vec<String> = rows.iter().map(|row| row.message(&row.user, 0)).collect();
    store::write(&db, "crm", &messages);
    assert!(whole(&db).saved);
    let all = view(&db).definitions();
    let model = all.iter().find(|one| one.kind == "model").unwrap();
    format!("[model.person]\n{}\n", model.body)
}

fn define_model(db: &Db) {
    static TEXT: OnceLock<String> = OnceLock::new();
    define(db, TEXT.get_or_init(|| model(900)));
}

fn define(db: &Db, text: &str) {
    let text = text.to_owned();
    session(db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
}

fn whole(db: &Db) -> MatchReport {
    let source = "matcher".to_owned();
    session(db).identity_match(&MatchRequest { source, ..MatchRequest::default() }).unwrap()
}

/// Runs over the whole store until one says nothing new.
fn whole_until_settled(db: &Db) {
    loop {
        let before = view(db).position();
        whole(db);
        if view(db).position() == before {
            return;
        }
    }
}

fn request() -> MatcherRequest {
    let (source, level) = ("matcher".to_owned(), Some(Level::Memory));
    MatcherRequest { source, level, ..MatcherRequest::default() }
}

fn matcher(db: &Db) -> ProfileMatcher {
    session(db).matcher(&request()).unwrap()
}

fn store_with_model() -> Db {
    let db = store::new();
    define_model(&db);
    db
}

/// The users of each profile.
fn groups(db: &Db) -> Vec<BTreeSet<String>> {
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    view(db)
        .identity_clusters(&mut |_, value, id| {
            groups.entry(id.to_owned()).or_default().insert(value.to_owned());
            Ok(())
        })
        .unwrap();
    // Ids depend on the salt of the store.
    let mut groups: Vec<BTreeSet<String>> = groups.into_values().collect();
    groups.sort_unstable();
    groups
}

fn pairs(groups: &[BTreeSet<String>]) -> Pairs {
    let of = |group: &BTreeSet<String>| {
        let all: Vec<String> = group.iter().cloned().collect();
        let pair = |(place, one): (usize, &String)| {
            let later = all.iter().skip(place + 1);
            later.map(|other| (one.clone(), other.clone())).collect::<Vec<_>>()
        };
        all.iter().enumerate().flat_map(pair).collect::<Vec<_>>()
    };
    groups.iter().flat_map(of).collect()
}

fn truth(rows: &[Row]) -> Pairs {
    let mut persons: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        persons.entry(row.person).or_default().insert(row.user.clone());
    }
    pairs(&persons.into_values().collect::<Vec<_>>())
}

/// How many of some pairs are among others, of how many.
fn shared(left: &Pairs, right: &Pairs) -> (usize, usize) {
    (left.intersection(right).count(), left.len())
}

fn share(all: &[(usize, usize)]) -> f64 {
    let (same, of) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    same as f64 / of as f64
}

#[test]
fn records_one_by_one_are_joined_as_by_a_run_over_all() {
    let (mut found, mut kept, mut right, mut right_there) = (vec![], vec![], vec![], vec![]);
    for seed in [1, 2, 3] {
        let rows = made(seed, 120);
        let (db, twin) = (store_with_model(), store_with_model());
        let both = |message: &str| [&db, &twin].map(|db| say(db, "crm", message).written);
        both(&rows[0].message("first", 0));
        let mut matcher = matcher(&db);
        for (number, row) in rows.iter().enumerate() {
            both(&row.message(&format!("m{number}"), number));
            let report = matcher.follow().unwrap();
            assert!(report.settled && report.conflicts == 0 && report.chained == 0, "{report:?}");
        }
        whole_until_settled(&twin);
        let (here, there, true_pairs) = (pairs(&groups(&db)), pairs(&groups(&twin)), truth(&rows));
        found.push(shared(&there, &here));
        kept.push(shared(&here, &there));
        right.push(shared(&here, &true_pairs));
        right_there.push(shared(&there, &true_pairs));
        let profiles = view(&db).stats().unwrap().profiles;
        whole_until_settled(&db);
        let less = profiles - view(&db).stats().unwrap().profiles;
        assert!(less * 100 <= profiles, "a run afterwards joins {less} of {profiles}");
    }
    assert!(share(&found) >= 0.95, "of what runs over all join: {found:?}");
    assert!(share(&kept) >= 0.95, "of what they would not join: {kept:?}");
    let precision = (share(&right), share(&right_there));
    assert!(precision.0 >= precision.1 - 0.03, "{precision:?}");
}

/// What happens to a store, one thing at a time.
enum Step {
    Say(&'static str, String),
    Retract(String),
}

/// A story of records that come, say something else, are joined, forbidden and taken back.
fn story(seed: u64) -> Vec<Step> {
    let mut rng = Rng::new(seed * 77);
    let mut rows = made(seed, 30);
    let mut said: Vec<(usize, String)> = Vec::new();
    let mut steps = Vec::new();
    let mut next = 0;
    for number in 0..120 {
        let id = format!("m{number}");
        let user =
            |rng: &mut Rng, said: &[(usize, String)]| format!("u{}", said[rng.below(said.len())].0);
        match rng.below(10) {
            0 if said.len() > 9 => {
                let (_, id) = said.remove(rng.below(said.len()));
                steps.push(Step::Retract(id));
            }
            1 if said.len() > 9 => {
                let (left, right) = (user(&mut rng, &said), user(&mut rng, &said));
                let kind = ["forbid", "unlink"][rng.below(2)];
                steps.push(Step::Say("operator", format!(
                    r#"{{"type":"{kind}","left":{{"namespace":"user_id","value":"{left}"}},"messageId":"{id}",
                        "right":{{"namespace":"user_id","value":"{right}"}},"until":"2025-01-01T00:00:00Z"}}"#
                )));
            }
            2 if said.len() > 9 => {
                let (left, right) = (user(&mut rng, &said), user(&mut rng, &said));
                steps.push(Step::Say("crm", format!(
                    r#"{{"type":"alias","userId":"{left}","previousId":"{right}","messageId":"{id}"}}"#
                )));
            }
            3 if next > 0 => {
                let row = &mut rows[rng.below(next)];
                row.slip(&mut rng);
                steps.push(Step::Say("crm", row.message(&id, number)));
            }
            _ if next < rows.len() => {
                let user = rows[next].user[1..].parse().unwrap();
                steps.push(Step::Say("crm", rows[next].message(&id, number)));
                said.push((user, id));
                next += 1;
            }
            _ => {}
        }
    }
    steps
}

#[test]
fn whatever_happens_what_is_followed_is_what_runs_over_all_say() {
    for seed in seeds(1, scale(2, 20)) {
        let disk = MemoryDir::new();
        let mut db = store::open_with(disk.clone(), store::small()).unwrap();
        define_model(&db);
        let twin = store_with_model();
        let first = made_of(99, 1, "first")[0].message("first", 0);
        [&db, &twin].into_iter().for_each(|db| drop(say(db, "crm", &first)));
        let mut follower = matcher(&db);
        let mut written = 0;
        for (number, step) in story(seed).iter().enumerate() {
            for target in [&db, &twin] {
                match step {
                    Step::Say(source, message) => drop(say(target, source, message)),
                    Step::Retract(id) => {
                        let (source, message_id) = ("crm".to_owned(), id.clone());
                        let _ = session(target)
                            .retract(&Retraction::Record { source, message_id })
                            .unwrap();
                    }
                }
            }
            let report = follower.follow().unwrap();
            assert!(report.settled && report.conflicts == 0, "{report:?}");
            written += report.written;
            let again = follower.follow().unwrap();
            assert_eq!((again.changed, again.written, again.gone), (0, 0, 0), "it is said already");
            whole_until_settled(&twin);
            assert_eq!(groups(&db), groups(&twin), "seed {seed}, step {number}");
            assert_eq!(
                view(&db).identity_review(1000).unwrap().len(),
                view(&twin).identity_review(1000).unwrap().len(),
                "seed {seed}, step {number}"
            );
            assert_eq!(follower.profiles(), view(&db).stats().unwrap().profiles);
            match number % 40 {
                13 => drop(db.checkpoint().unwrap()),
                29 => {
                    drop(follower);
                    db.close().unwrap();
                    db = store::open_with(disk.clone(), store::small()).unwrap();
                    follower = matcher(&db);
                }
                _ => {}
            }
        }
        assert!(written > 20, "{written}");
    }
}

/// A record of a customer and of an e-mail address, which names the profile.
fn bought(row: &Row, customer: &str, day: usize) -> String {
    let message = row.message(customer, day);
    let two = format!(r#""identifiers":{{"customer":"{customer}","email":"shared@example.net"}}"#);
    message.replace(&format!(r#""userId":"{}""#, row.user), &two)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_found_stays_with_the_record_that_it_was_found_by_when_an_identifier_goes() {
    let rows = made(3, 40);
    let her = &rows[0];
    let him = rows.iter().find(|row| row.says[1] != her.says[1] && row.person != her.person);
    let him = him.unwrap();
    let copy = Row { user: "copy".to_owned(), ..him.clone() };
    for arrives in [false, true] {
        let db = store_with_model();
        // Of the two who have the address, what he says is newer, and so what is compared.
        for message in [bought(her, "her", 0), bought(him, "him", 1)] {
            assert_eq!(say(&db, "crm", &message).written, 1);
        }
        let follower = arrives.then(|| matcher(&db));
        say(&db, "crm", &copy.message("copy", 0));
        let linked = match follower {
            Some(mut follower) => follower.follow().unwrap().linked,
            None => whole(&db).linked,
        };
        assert_eq!(linked, 1);
        assert_eq!(groups(&db), [set(&["copy", "her", "him", "shared@example.net"])]);
        let retired = r#"{"type":"retire","until":"2025-01-01T00:00:00Z","messageId":"retired",
            "identifier":{"namespace":"email","value":"shared@example.net"}}"#;
        say(&db, "operator", retired);
        let apart = [set(&["copy", "him"]), set(&["her"]), set(&["shared@example.net"])];
        assert_eq!(groups(&db), apart, "arrives: {arrives}");
    }
}

#[test]
fn nobody_is_asked_twice_about_two_persons() {
    let db = store::new();
    let row = &made(3, 1)[0];
    say(&db, "crm", &bought(row, "her", 0));
    say(&db, "crm", &row.message("other", 0));
    let about = |kind: &str, namespace: &str, value: &str| {
        let user = &row.user;
        let message = format!(
            r#"{{"type":"{kind}","left":{{"namespace":"{namespace}","value":"{value}"}},"score":2,"rule":"r",
                "right":{{"namespace":"user_id","value":"{user}"}},"messageId":"{kind} {value}"}}"#
        );
        assert_eq!(say(&db, "matcher", &message).written, 1);
        view(&db).identity_review(9).unwrap().len()
    };
    assert_eq!(about("propose", "customer", "her"), 1);
    assert_eq!(about("propose", "email", "shared@example.net"), 1, "it is the same question");
    assert_eq!(about("forbid", "customer", "her"), 0, "it is decided");
}

#[test]
fn only_what_is_compared_is_judged_again() {
    let db = store_with_model();
    let rows = made(5, 60);
    let messages: Vec<String> = rows.iter().map(|row| row.message(&row.user, 0)).collect();
    store::write(&db, "crm", &messages);
    let mut matcher = matcher(&db);
    assert_eq!(matcher.follow().unwrap().changed, 0, "what was there counts as matched");
    say(&db, "web", &store::track("u1", "t1", "2024-01-01T00:00:00Z", "view", "{}"));
    say(&db, "web", &rows[0].message("again", 1));
    db.checkpoint().unwrap();
    let report = matcher.follow().unwrap();
    assert_eq!((report.changed, report.gone, report.read_again), (0, 0, false));
    say(
        &db,
        "web",
        &store::identify("u1", "i1", "2024-02-02T00:00:00Z", r#"{"city":"elsewhere"}"#),
    );
    let report = matcher.follow().unwrap();
    assert_eq!((report.changed > 0, report.read_again), (true, false));
    // A new trait is a new column: everything is read again, and only who has it is judged.
    say(
        &db,
        "web",
        &store::identify("u2", "i2", "2024-02-02T00:00:00Z", r#"{"suburb":"northside"}"#),
    );
    let report = matcher.follow().unwrap();
    assert!(report.read_again && report.changed >= 1 && report.changed < 5, "{report:?}");
    // More than there were: they are all read, and the new ones are judged.
    let many = made_of(6, 2_500, "v");
    let messages: Vec<String> = many.iter().map(|row| row.message(&row.user, 1)).collect();
    messages.chunks(1_000).for_each(|some| drop(store::write(&db, "shop", some)));
    let report = matcher.follow().unwrap();
    assert!(report.read_again && report.changed >= many.len() as u64, "{report:?}");
    assert_eq!(matcher.profiles(), view(&db).stats().unwrap().profiles);
    assert!(matcher.bytes() > 100_000);
}

#[test]
fn the_saved_model_is_the_one_that_is_used() {
    let db = store::new();
    let refused = session(&db).matcher(&request()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.message().contains("nave identity match"), "{refused}");
    define_model(&db);
    let rows = made(7, 30);
    say(&db, "crm", &rows[0].message("first", 0));
    let mut matcher = matcher(&db);
    let say_row = |row: &Row| drop(say(&db, "crm", &row.message(&row.user, 0)));
    let add = |rows: &[Row]| rows.iter().for_each(say_row);
    add(&rows[1..30]);
    let first = matcher.follow().unwrap();
    assert!(first.linked > 0 && first.changed >= 29);

    let drop = vec!["model.person".to_owned()];
    session(&db).define(&DefineRequest { drop, ..DefineRequest::default() }).unwrap();
    add(&rows[30..40]);
    let refused = matcher.follow().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    define(&db, &model(901));
    let second = matcher.follow().unwrap();
    assert!(second.read_again && second.rule != first.rule);
    assert!(second.changed >= 10 && second.changed < 20, "none is forgotten: {second:?}");
    let unknown = MatcherRequest { roles: vec![("odd".into(), "city".into())], ..request() };
    assert_eq!(session(&db).matcher(&unknown).unwrap_err().kind(), ErrorKind::NotFound);
}
