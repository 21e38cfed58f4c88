//! The commands of the network server.
//!
//! *What it is:* `table` is the one list of commands, from which dispatch, COMMAND and the
//! documentation come; the other modules hold what the commands do, a group each. *Invariants:* a
//! command that is not in the table does not exist; a handler sees only calls whose number of
//! arguments the table allows; every failure carries a code (`failure`). *What it does not know:*
//! sockets, and when a reply is written. *Where to start reading:* `table`, then `records`.

mod audiences;
mod connection;
mod definitions;
pub(crate) mod documentation;
mod failure;
mod identity;
mod introspection;
mod list;
mod options;
mod quarantine;
mod records;
mod server_info;
mod sources;
mod subcommands;
mod table;
mod transaction;

pub(crate) use failure::Failure;
pub(crate) use table::{Command, Found, InQueue, find};

use crate::net::{Server, Session};
use crate::resp::Reply;

/// What a handler gives back.
pub(crate) type Outcome = Result<Reply, Failure>;

/// What a handler is.
pub(crate) type Handler = fn(&mut Call<'_>) -> Outcome;

/// One call of a command.
pub(crate) struct Call<'a> {
    /// What all connections share.
    pub(crate) server: &'a Server,
    /// The connection's own state.
    pub(crate) session: &'a mut Session,
    /// The arguments after the names of the command and its subcommand.
    pub(crate) args: &'a [Vec<u8>],
}

impl<'a> Call<'a> {
    /// The bytes of an argument; empty when it was left out.
    pub(crate) fn bytes(&self, index: usize) -> &'a [u8] {
        self.args.get(index).map_or(&[], Vec::as_slice)
    }

    /// An argument that must be text.
    pub(crate) fn text(&self, index: usize) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes(index)).map_err(|_| {
            Failure::new("INVALID", format!("argument {} is not UTF-8; send text", index + 1))
        })
    }
}

/// An argument as it is shown in an error: text, cut short, whatever bytes were sent.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 128;
    let text = String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes));
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
