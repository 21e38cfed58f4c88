//! `nave serve` as its clients see it: stock Redis tools and libraries, and bytes that no good client would send.

mod attack;
mod clients;
mod durability;
mod identity;
mod lists;
mod matching;
mod process;
mod protocol;
mod upkeep;

use crate::scratch::Scratch;
use process::Server;

/// The password of the servers that have one.
const PASSWORD: &str = "correct horse battery staple";

/// A server without a password, on a new store.
fn open_server(scratch: &Scratch) -> Server {
    Server::start(&scratch.path("data"), None)
}

/// A server with a password, on a new store.
fn closed_server(scratch: &Scratch) -> Server {
    let file = scratch.file("password", format!("{PASSWORD}\n"));
    Server::start(&scratch.path("data"), Some(&file))
}

/// A purchase by a person, as a message.
fn purchase(person: &str, amount: &str) -> String {
    let when = "2026-03-01T10:00:00Z";
    format!(
        r#"{{"type":"track","userId":"{person}","event":"purchase","timestamp":"{when}",
"properties":{{"amount":{amount}}}}}"#
    )
}
