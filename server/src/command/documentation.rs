//! The table of commands as Markdown, which `docs/commands.md` contains word for word.
//!
//! *Invariant:* everything comes from `table` and `failure`; a test holds the document equal.
//! *Where to start reading:* `markdown`.

use super::failure::{CODES, SERVER_CODES};
use super::list::COMMANDS;
use super::table::Command;
use crate::resp::Reply;
use std::fmt::Write;

/// The part of `docs/commands.md` between its two marks.
pub(crate) fn markdown() -> String {
    let mut text = String::new();
    let mut group = "";
    for command in COMMANDS {
        if command.group != group {
            group = command.group;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n### {group}\n\n| command | what it does | reply | example |\n|---|---|---|---|\n"
            );
        }
        rows(&mut text, command, "");
    }
    text.push_str("\n### Errors\n\n| code | what it means |\n|---|---|\n");
    let engine = CODES.iter().map(|(_, code, meaning)| (code, meaning));
    for (code, meaning) in SERVER_CODES.iter().map(|(code, meaning)| (code, meaning)).chain(engine)
    {
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
    text.push('\n');
    text
}

fn rows(text: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent}{}", command.name);
    if command.run.is_some() {
        let own = if command.subcommands.is_empty() { command.syntax } else { "" };
        let request = format!("{name} {own}");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            code(request.trim_end()),
            command.summary,
            command.reply,
            code(command.example)
        );
    }
    for subcommand in command.subcommands {
        rows(text, subcommand, &format!("{name} "));
    }
}

/// Text as code inside a table, where a bar must be escaped.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// The same table for programs.
pub(crate) fn structured() -> Reply {
    Reply::map([("commands", Reply::list(COMMANDS, |command| described(command, "")))])
}

fn described(command: &Command, parent: &str) -> Reply {
    let name = format!("{parent}{}", command.name);
    let subcommands = Reply::list(command.subcommands, |sub| described(sub, &format!("{name} ")));
    Reply::map([
        ("name", Reply::from(name.as_str())),
        ("syntax", Reply::from(command.syntax)),
        ("group", Reply::from(command.group)),
        ("summary", Reply::from(command.summary)),
        ("reply", Reply::from(command.reply)),
        ("example", Reply::from(command.example)),
        ("writes", Reply::Boolean(command.writes)),
        ("subcommands", subcommands),
    ])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_holds_the_table() {
        let document = include_str!("../../../docs/commands.md");
        let after = document.split_once("<!-- commands:begin -->\n").unwrap().1;
        let table = after.split_once("<!-- commands:end -->").unwrap().0;
        assert_eq!(table, super::markdown(), "put the output of `nave docs` between the marks");
    }
}
