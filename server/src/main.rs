//! `nave`: the command line and the network server of the customer-profile database Nave.
//!
//! *What it is:* `cli` reads arguments and prints, `net` and `resp` speak with Redis clients,
//! `database` reads the databases that are loaded from, `command` is the table of what they may ask, `shape` the form
//! of every answer. *Invariants:* only the public API of `navedb` is used; no rule of the business lives here; every
//! limit is in
//! `limits`. *Where to start reading:* `cli`, then `command::table`.

mod care;
mod cli;
mod command;
mod database;
mod definitions;
mod identity;
mod limits;
mod net;
mod place;
mod resp;
mod segments;
mod shape;

fn main() -> std::process::ExitCode {
    cli::run()
}
