//! What a command is, and how a request finds one.
//!
//! *Invariants:* names are upper case and unique; `args` counts what `syntax` shows. *Where to
//! start reading:* `Command`, then `find`; the commands are in `list` and `subcommands`.

use super::Handler;
use super::list::COMMANDS;

/// What becomes of a command between MULTI and EXEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InQueue {
    /// It waits for EXEC.
    Waits,
    /// It runs at once.
    Runs,
    /// It is refused.
    Refused,
}

/// A command, or a subcommand of one.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its name, in upper case.
    pub(crate) name: &'static str,
    /// Its arguments, as a person reads them.
    pub(crate) syntax: &'static str,
    /// The least and the most arguments after the name (and the subcommand's name).
    pub(crate) args: (usize, usize),
    /// What it belongs to.
    pub(crate) group: &'static str,
    /// What it does.
    pub(crate) summary: &'static str,
    /// What it answers.
    pub(crate) reply: &'static str,
    /// A whole request.
    pub(crate) example: &'static str,
    /// Whether it writes to the database.
    pub(crate) writes: bool,
    /// Whether it may come before the password.
    pub(crate) before_auth: bool,
    /// What becomes of it between MULTI and EXEC.
    pub(crate) in_queue: InQueue,
    /// What it does, when it is called without a subcommand.
    pub(crate) run: Option<Handler>,
    /// Its subcommands.
    pub(crate) subcommands: &'static [Command],
}

/// Any number of arguments, as far as the decoder allows them.
pub(super) const ANY: usize = usize::MAX;

/// A command that takes nothing and does nothing, from which the lists take what they do not say.
pub(super) const BASE: Command = Command {
    name: "",
    syntax: "",
    args: (0, 0),
    group: "",
    summary: "",
    reply: "",
    example: "",
    writes: false,
    before_auth: false,
    in_queue: InQueue::Waits,
    run: None,
    subcommands: &[],
};

/// What a request names.
pub(crate) enum Found {
    /// A command, and how many words of the request name it.
    Command(&'static Command, &'static str, usize),
    /// No command of this name.
    NoCommand,
    /// The command has no such subcommand.
    NoSubcommand(&'static Command),
    /// The command needs a subcommand.
    NeedsSubcommand(&'static Command),
}

/// The command that a request names, whatever its case.
pub(crate) fn find(words: &[Vec<u8>]) -> Found {
    let named = |list: &'static [Command], word: Option<&Vec<u8>>| {
        let word = word?;
        list.iter().find(|command| word.eq_ignore_ascii_case(command.name.as_bytes()))
    };
    let Some(command) = named(COMMANDS, words.first()) else { return Found::NoCommand };
    if command.subcommands.is_empty() || (words.len() == 1 && command.run.is_some()) {
        return Found::Command(command, "", 1);
    }
    match named(command.subcommands, words.get(1)) {
        Some(subcommand) => Found::Command(subcommand, command.name, 2),
        None if words.len() == 1 => Found::NeedsSubcommand(command),
        None => Found::NoSubcommand(command),
    }
}

impl Command {
    /// Redis's way to say how many words a request has, names included: exactly n, or at least -n.
    pub(crate) fn arity(&self, names: usize) -> i64 {
        let least = i64::try_from(self.args.0.saturating_add(names)).unwrap_or(i64::MAX);
        let open = !self.subcommands.is_empty() || self.args.0 != self.args.1;
        if open { -least.max(if self.run.is_none() { 2 } else { 1 }) } else { least }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
