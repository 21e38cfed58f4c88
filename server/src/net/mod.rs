//! The network: who may connect, how bytes become calls, and how the server ends.
//!
//! *What it is:* `listener` accepts and ends, `connection` moves the bytes of one peer, `session`
//! holds what is known about it, `server` what all share, `output` the replies that wait, `memory`
//! what all may hold, `password` the secret, `matching` the thread that matches what arrives,
//! `duties` those that advance the clock and make checkpoints.
//! *Invariants:* one thread per connection and a bounded number of them; every wait has an end; no
//! rule of the business lives here. *What it does not know:* what commands do. *Where to start
//! reading:* `listener`, then `connection`.

mod connection;
mod duties;
mod listener;
mod matching;
mod memory;
mod output;
mod password;
mod server;
mod session;

pub(crate) use listener::{Refusal, listen, run};
pub(crate) use output::Promise;
pub(crate) use password::Password;
pub(crate) use server::Server;
pub(crate) use session::Session;
