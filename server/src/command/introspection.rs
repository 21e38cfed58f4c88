//! COMMAND: the table, as Redis clients read it. redis-cli makes its hints from COMMAND DOCS.
//!
//! *Invariant:* everything comes from `table`. *Where to start reading:* `entry`, then
//! `documented`.

use super::list::COMMANDS;
use super::table::{Command, InQueue};
use super::{Call, Outcome};
use crate::resp::Reply;

/// `COMMAND`
pub(super) fn all(_: &mut Call<'_>) -> Outcome {
    Ok(Reply::list(COMMANDS, |command| entry(command, None)))
}

/// `COMMAND COUNT`
pub(super) fn count(_: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(COMMANDS.len() as u64))
}

/// `COMMAND LIST`
pub(super) fn list(_: &mut Call<'_>) -> Outcome {
    Ok(Reply::list(COMMANDS, |command| Reply::from(command.name.to_lowercase())))
}

/// `COMMAND INFO [name ...]`
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    if call.args.is_empty() {
        return all(call);
    }
    Ok(Reply::list(call.args, |name| {
        named(name).map_or(Reply::Null, |command| entry(command, None))
    }))
}

/// `COMMAND DOCS [name ...]`
pub(super) fn docs(call: &mut Call<'_>) -> Outcome {
    let chosen: Vec<&Command> = if call.args.is_empty() {
        COMMANDS.iter().collect()
    } else {
        call.args.iter().filter_map(|name| named(name)).collect()
    };
    let field = |command: &Command| {
        (Reply::from(command.name.to_lowercase()), documented(command, command.group, None))
    };
    Ok(Reply::Map(chosen.into_iter().map(field).collect()))
}

fn named(name: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| name.eq_ignore_ascii_case(command.name.as_bytes()))
}

/// The name of a command or, behind a bar, of a subcommand.
fn full_name(command: &Command, parent: Option<&str>) -> String {
    let name = command.name.to_lowercase();
    parent.map_or_else(|| name.clone(), |parent| format!("{parent}|{name}"))
}

/// The ten fields of COMMAND: name, arity, flags, three about keys (there are none), categories,
/// tips, keys, subcommands.
fn entry(command: &Command, parent: Option<&str>) -> Reply {
    let name = full_name(command, parent);
    let mut flags = vec![if command.writes { "write" } else { "readonly" }];
    if command.before_auth {
        flags.push("no_auth");
    }
    if command.in_queue == InQueue::Refused {
        flags.push("no_multi");
    }
    let arity = command.arity(if parent.is_some() { 2 } else { 1 });
    let subcommands = Reply::list(command.subcommands, |sub| entry(sub, Some(&name)));
    let category = if command.writes { "@write" } else { "@read" };
    Reply::Array(vec![
        Reply::Text(name),
        Reply::Integer(arity),
        Reply::list(flags, Reply::Simple),
        Reply::Integer(0),
        Reply::Integer(0),
        Reply::Integer(0),
        Reply::Array(vec![Reply::Simple(category)]),
        Reply::Array(Vec::new()),
        Reply::Array(Vec::new()),
        subcommands,
    ])
}

fn documented(command: &Command, group: &str, parent: Option<&str>) -> Reply {
    let name = full_name(command, parent);
    let mut fields = vec![
        (Reply::from("summary"), Reply::from(command.summary)),
        (Reply::from("since"), Reply::from(env!("CARGO_PKG_VERSION"))),
        (Reply::from("group"), Reply::from(group.to_lowercase())),
    ];
    if !command.subcommands.is_empty() {
        let subs = command.subcommands.iter();
        let subs = subs
            .map(|sub| (full_name(sub, Some(&name)).into(), documented(sub, group, Some(&name))));
        fields.push((Reply::from("subcommands"), Reply::Map(subs.collect())));
    } else if !command.syntax.is_empty() {
        fields.push((Reply::from("arguments"), Reply::list(pieces(command.syntax), argument)));
    }
    Reply::Map(fields)
}

/// The parts of a syntax that stand between spaces outside brackets.
fn pieces(syntax: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    syntax
        .split(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ' ' && depth == 0
        })
        .collect()
}

fn argument(piece: &str) -> Reply {
    let inner = piece.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let text = inner.unwrap_or(piece);
    let shown = text.strip_suffix(" ...").unwrap_or(text);
    let mut flags = Vec::new();
    if inner.is_some() {
        flags.push("optional");
    }
    if shown.len() < text.len() {
        flags.push("multiple");
    }
    let mut fields = vec![
        (Reply::from("name"), Reply::from(shown.to_lowercase())),
        (Reply::from("type"), Reply::from("string")),
        (Reply::from("display_text"), Reply::from(shown)),
    ];
    if !flags.is_empty() {
        fields.push((Reply::from("flags"), Reply::list(flags, Reply::Simple)));
    }
    Reply::Map(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_has_pieces() {
        assert_eq!(pieces("source json [level]"), ["source", "json", "[level]"]);
        assert_eq!(
            pieces("[2|3] [AUTH user password] [SETNAME name]"),
            ["[2|3]", "[AUTH user password]", "[SETNAME name]"]
        );
        assert_eq!(pieces("pattern [pattern ...]"), ["pattern", "[pattern ...]"]);
    }

    #[test]
    fn optional_and_repeated_arguments_are_marked() {
        let flags = |piece: &str| argument(piece).to_json().get("flags").map(|f| f.to_string());
        assert_eq!(flags("source"), None);
        assert_eq!(flags("[level]").as_deref(), Some(r#"["optional"]"#));
        assert_eq!(flags("[name ...]").as_deref(), Some(r#"["optional","multiple"]"#));
    }
}
