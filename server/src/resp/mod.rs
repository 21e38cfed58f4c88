//! The Redis protocol, RESP2 and RESP3.
//!
//! *What it is:* `decode` makes requests from bytes as they arrive, `inline` reads the form that
//! people type, `reply` is what a command answers and how it is written in either version.
//! *Invariants:* the decoder holds no more than its limits and looks at each byte once; a reply
//! never contains a line end inside a line. *What it does not know:* sockets, commands, the
//! database. *Where to start reading:* `decode`.

mod decode;
mod inline;
mod reply;

pub(crate) use decode::{Decoder, Request};
pub(crate) use reply::{Protocol, Reply, begin_array};
