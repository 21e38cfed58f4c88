//! Tests of the one list of commands.

use super::*;
use std::collections::HashSet;

fn words(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn check(list: &[Command], parent: &str) {
    let mut names = HashSet::new();
    for command in list {
        let name = format!("{parent}{}", command.name);
        assert!(names.insert(command.name), "{name} twice");
        assert_eq!(command.name, command.name.to_uppercase());
        assert!(command.args.0 <= command.args.1 && !command.summary.is_empty(), "{name}");
        assert_eq!(
            command.args.1 == 0,
            command.syntax.is_empty() || !command.subcommands.is_empty()
        );
        assert!(command.run.is_some() || !command.subcommands.is_empty(), "{name} does nothing");
        if command.run.is_some() {
            assert!(command.example.starts_with(&name) && !command.reply.is_empty(), "{name}");
        }
        assert_eq!(command.group.is_empty(), !parent.is_empty(), "{name}");
        check(command.subcommands, &format!("{name} "));
    }
}

#[test]
fn the_table_is_sound() {
    check(COMMANDS, "");
}

#[test]
fn names_are_found_in_any_case() {
    let found = |text: &str| match find(&words(text)) {
        Found::Command(command, parent, used) => format!("{parent}/{}/{used}", command.name),
        Found::NoCommand => "none".to_owned(),
        Found::NoSubcommand(command) => format!("no sub of {}", command.name),
        Found::NeedsSubcommand(command) => format!("sub of {}", command.name),
    };
    assert_eq!(found("record.put"), "/RECORD.PUT/1");
    assert_eq!(found("Client setName x"), "CLIENT/SETNAME/2");
    assert_eq!(found("COMMAND"), "/COMMAND/1");
    assert_eq!(found("command docs"), "COMMAND/DOCS/2");
    assert_eq!(found("client"), "sub of CLIENT");
    assert_eq!(found("client kill"), "no sub of CLIENT");
    assert_eq!(found("get"), "none");
}

#[test]
fn arity_counts_as_redis_does() {
    let arity = |text: &str| match find(&words(text)) {
        Found::Command(command, _, used) => command.arity(used),
        _ => 0,
    };
    assert_eq!(
        ["PING", "ECHO", "TIME", "RECORD.PUT", "COMMAND", "CLIENT SETNAME", "INFO"].map(arity),
        [-1, 2, 1, -3, -1, 3, -1]
    );
}
