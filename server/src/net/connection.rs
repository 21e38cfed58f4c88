//! The bytes of one peer: read, decode, run, answer.
//!
//! *Invariants:*
//! - Replies leave in the order of the requests, in one flush once all that was read has been
//!   answered.
//! - Every wait has an end: for the password, for the rest of a request, for the next request, for
//!   a slow reader.
//! - While a slow reader has replies to take, its requests are still read, up to a limit: a client
//!   may send its whole pipeline before it reads the first reply.
//!
//! *Where to start reading:* `serve`, then `Connection::exchange`.

use super::memory::Share;
use super::output::{Output, is_timeout};
use super::server::Server;
use super::session::{Answer, Session};
use crate::limits::{
    AUTH_WAIT, IDLE_WAIT, LINGER_WAIT, OUTPUT_BYTES, OUTPUT_FLUSH_BYTES, PROMISES, READ_BYTES,
    REQUEST_WAIT, STALL_STEP,
};
use crate::resp::{Decoder, Reply, Request};
use navedb::Level;
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Speaks with a peer until either side ends it. Errors of the socket are the end and nobody's
/// concern.
pub(super) fn serve(server: &Server, stream: &TcpStream, id: u64) {
    let mut connection = Connection::new(server, stream, id);
    if connection.converse().is_ok() {
        linger(stream);
    }
}

struct Connection<'a> {
    server: &'a Server,
    stream: &'a TcpStream,
    session: Session,
    decoder: Decoder,
    output: Output,
    share: Share<'a>,
    /// Since when the password is missing; of no meaning once it was shown.
    unknown_since: Instant,
    /// When the unfinished request began, or the last one ended.
    since: Instant,
    timeout: Option<Duration>,
}

impl<'a> Connection<'a> {
    fn new(server: &'a Server, stream: &'a TcpStream, id: u64) -> Connection<'a> {
        let peer =
            stream.peer_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
        let now = Instant::now();
        Connection {
            server,
            stream,
            session: Session::new(id, peer, server),
            decoder: Decoder::new(),
            output: Output::default(),
            share: Share::new(server.memory()),
            unknown_since: now,
            since: now,
            timeout: None,
        }
    }

    /// Until the peer or a command ends the connection.
    fn converse(&mut self) -> io::Result<()> {
        // Replies are flushed whole; waiting for more to send would only delay them.
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(STALL_STEP))?;
        let mut buffer = vec![0; READ_BYTES];
        while !self.session.is_closing() {
            let Some(read) = self.read(&mut buffer)? else { continue };
            if read == 0 {
                break;
            }
            self.exchange(buffer.get(..read).unwrap_or_default())?;
            self.output.send(&mut self.stream)?;
        }
        self.send_down_to(0)
    }

    /// Reads what there is; nothing when the peer has sent nothing while it has replies to take,
    /// which were sent again.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.output.is_empty() {
            self.output.send(&mut self.stream)?;
            self.send_down_to(OUTPUT_BYTES)?;
        }
        let stalled = !self.output.is_empty();
        let left = if stalled { STALL_STEP } else { self.time_left() };
        if left.is_zero() {
            self.give_up();
            return Ok(None);
        }
        if self.timeout != Some(left) {
            self.stream.set_read_timeout(Some(left))?;
            self.timeout = Some(left);
        }
        match self.stream.read(buffer) {
            Ok(read) => Ok(Some(read)),
            Err(e) if e.kind() == ErrorKind::Interrupted || (is_timeout(&e) && stalled) => Ok(None),
            Err(e) if is_timeout(&e) => {
                self.give_up();
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// How long the peer may still stay silent.
    fn time_left(&self) -> Duration {
        if !self.session.is_authenticated() {
            return AUTH_WAIT.saturating_sub(self.unknown_since.elapsed());
        }
        if self.decoder.at_start() {
            return IDLE_WAIT;
        }
        REQUEST_WAIT.saturating_sub(self.since.elapsed())
    }

    /// The peer was silent for too long. An idle one is left without a word, as it expects no
    /// reply.
    fn give_up(&mut self) {
        self.session.close();
        if !self.session.is_authenticated() {
            self.push(Reply::Error(format!(
                "ERR no password within {} seconds",
                AUTH_WAIT.as_secs()
            )));
        } else if !self.decoder.at_start() {
            self.push(Reply::Error(format!(
                "ERR no whole request within {} seconds",
                REQUEST_WAIT.as_secs()
            )));
        }
    }

    /// Answers all requests that end in these bytes.
    fn exchange(&mut self, mut input: &[u8]) -> io::Result<()> {
        if self.decoder.at_start() {
            self.since = Instant::now();
        }
        while !self.session.is_closing() {
            match self.decoder.decode(&mut input, self.session.limits()) {
                Ok(Some(request)) => {
                    self.answer(request)?;
                    if !input.is_empty() {
                        self.since = Instant::now();
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.push(Reply::Error(format!("ERR {error}")));
                    self.session.close();
                }
            }
        }
        self.output.settle(self.server.store());
        self.account();
        Ok(())
    }

    fn answer(&mut self, request: Request) -> io::Result<()> {
        let known = self.session.is_authenticated();
        match self.session.answer(self.server, request) {
            Answer::One(reply) => self.push(reply),
            Answer::Each(requests) => {
                self.output.settle(self.server.store());
                self.output.push_array(requests.len());
                for request in requests {
                    if let Answer::One(reply) = self.session.answer(self.server, request) {
                        self.push(reply);
                        self.relieve()?;
                    }
                }
            }
        }
        if known && !self.session.is_authenticated() {
            self.unknown_since = Instant::now();
        }
        self.relieve()
    }

    /// Appends a reply. One that promises nothing must not overtake those that do.
    fn push(&mut self, reply: Reply) {
        let promise = self.session.take_promise().filter(|promise| promise.level > Level::Memory);
        if promise.is_none() || self.output.promises() >= PROMISES {
            self.output.settle(self.server.store());
        }
        self.output.push(reply, self.session.protocol(), promise);
    }

    /// Sends when much is waiting, and waits for the peer when too much is.
    fn relieve(&mut self) -> io::Result<()> {
        if self.output.waiting() < OUTPUT_FLUSH_BYTES {
            return Ok(());
        }
        self.output.send(&mut self.stream)?;
        self.send_down_to(OUTPUT_BYTES)
    }

    /// Sends until no more than this waits.
    fn send_down_to(&mut self, bytes: usize) -> io::Result<()> {
        while self.output.waiting() > bytes {
            self.output.send(&mut self.stream)?;
        }
        Ok(())
    }

    /// States what the connection holds; when all hold too much, this one ends, because it is the
    /// one that grew.
    fn account(&mut self) {
        let held = self.decoder.bytes() + self.session.queued_bytes() + self.output.held();
        if !self.share.hold(held) {
            self.push(Reply::Error(
                "OOM too many unfinished requests and unread replies; try again later".to_owned(),
            ));
            self.session.close();
        }
    }
}

/// Lets the peer take the last reply: closing with unread bytes would make the system throw the
/// reply away.
fn linger(stream: &TcpStream) {
    let end = Instant::now() + LINGER_WAIT;
    let mut rest = [0; 4096];
    let ready =
        stream.shutdown(Shutdown::Write).and_then(|()| stream.set_read_timeout(Some(STALL_STEP)));
    while ready.is_ok() && Instant::now() < end {
        match (&*stream).read(&mut rest) {
            Ok(0) => return,
            Err(e) if !is_timeout(&e) => return,
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
