//! `nave serve --match`: what arrives is matched while clients go on, and before the server ends.

use super::process::Server;
use crate::binary::nave;
use crate::rng::Rng;
use crate::scratch::Scratch;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const NAMES: [&str; 8] =
    ["berger", "caruso", "dumont", "eriksen", "fischer", "garnier", "horvath", "ivanov"];

/// What person `number` says of themselves, as traits.
fn traits(number: usize) -> String {
    let mut rng = Rng::new(number as u64);
    format!(
        r#"{{"given_name":"{}","surname":"{}{}","birth_date":"{}-{:02}-{:02}","street":"{} rue {}","city":"lyon"}}"#,
        ["anna", "bruno", "clara", "david", "elena", "felix"][rng.below(6)],
        rng.pick(&NAMES),
        number % 7,
        1940 + rng.below(60),
        1 + rng.below(12),
        1 + rng.below(28),
        1 + rng.below(90),
        rng.pick(&NAMES),
    )
}

fn message(user: &str, person: usize) -> String {
    let traits = traits(person);
    format!(r#"{{"type":"identify","userId":"{user}","messageId":"{user}","traits":{traits}}}"#)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(nave()).args(arguments).output().expect("nave starts")
}

/// Runs `nave`, which must succeed, and gives what it printed.
fn done(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "nave {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("nave prints text")
}

fn profiles(store: &str) -> String {
    done(&["audience", "count", "--data", store, "true"])
}

#[test]
fn what_arrives_is_matched_while_the_server_runs_and_before_it_ends() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let twice = |person: usize| person.is_multiple_of(2);
    let all: Vec<String> = (0..150)
        .flat_map(|person| {
            let second = twice(person).then(|| message(&format!("b{person}"), person));
            [message(&format!("a{person}"), person)].into_iter().chain(second)
        })
        .collect();
    let file = scratch.file("people.ndjson", format!("{}\n", all.join("\n")));
    done(&["load", &file, "--data", &store, "--source", "crm", "--as", "messages"]);
    let serve = ["serve", "--data", &store, "--listen", "127.0.0.1:0", "--match"];
    let refused = run(&serve);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("run `nave identity match` first"),
        "{said}"
    );
    done(&["identity", "match", "--data", &store]);
    assert_eq!(profiles(&store), "150\n", "who is there twice is one");

    let server = Server::start_with(&store, &["--match"]);
    let mut connection = server.connect();
    let mut put = |user: &str, person: usize| {
        let reply = connection.ask(&["RECORD.PUT", "crm", &message(user, person), "os"]);
        assert_eq!(reply.field("status"), &super::process::Reply::bulk("written"));
    };
    for person in (1..40).filter(|person| !twice(*person)) {
        put(&format!("c{person}"), person);
    }
    let mut asking = server.connect();
    let end = Instant::now() + Duration::from_secs(30);
    while asking.ask(&["AUDIENCE.COUNT", "true"]).integer() > 150 {
        assert!(Instant::now() < end, "what arrived is matched soon");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The last ones come right before the end.
    for person in (41..60).filter(|person| !twice(*person)) {
        put(&format!("c{person}"), person);
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(profiles(&store), "150\n");
}
