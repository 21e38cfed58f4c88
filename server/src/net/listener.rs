//! Accepting connections, and ending in order.
//!
//! *Invariants:* no more connections than the cap, the last few for peers on this machine; when the
//! system has no descriptors left, accepting waits instead of spinning; after the end every
//! acknowledged write is on disk and the store is closed cleanly. *Where to start reading:* `run`.

use super::connection;
use super::duties::{Duty, NowAndThen};
use super::matching::Following;
use super::server::Server;
use crate::limits::{
    CHECKPOINT_WAIT, CONNECTIONS, CONNECTIONS_RESERVED, READ_AHEAD_WAIT, SHUTDOWN_WAIT,
    STACK_BYTES, TICK_WAIT,
};
use navedb::ProfileMatcher;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, ErrorKind, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why the server does not start, or did not end as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The address is wrong, or must not be used like this.
    Address(String),
    /// The system or the store refused.
    Failed(String),
}

/// Listens on `host:port`. An address that others can reach needs a password.
pub(crate) fn listen(address: &str, has_password: bool) -> Result<TcpListener, Refusal> {
    let found = address.to_socket_addrs().ok().and_then(|mut all| all.next());
    let Some(wanted) = found else {
        let message = format!("'{address}' is no address; write HOST:PORT, such as 127.0.0.1:6283");
        return Err(Refusal::Address(message));
    };
    if !wanted.ip().is_loopback() && !has_password {
        return Err(Refusal::Address(format!(
            "{wanted} can be reached from other machines, and there is no password; add \
             --password-file FILE, or listen on 127.0.0.1"
        )));
    }
    TcpListener::bind(wanted).map_err(|e| {
        Refusal::Failed(format!(
            "cannot listen on {wanted}: {e}; choose another address with --listen HOST:PORT"
        ))
    })
}

/// Serves until SIGINT or SIGTERM, then closes the store. A second signal ends the process at once,
/// which loses nothing that was acknowledged.
/// With a matcher what arrives is matched.
pub(crate) fn run(
    server: &Arc<Server>,
    listener: &TcpListener,
    matcher: Option<ProfileMatcher>,
) -> Result<(), Refusal> {
    let failed = |what: &str, e: io::Error| {
        Refusal::Failed(format!("{what}: {e}; is the machine out of resources?"))
    };
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|e| failed("cannot wait for signals", e))?;
    let stopper = Arc::clone(server);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if !stopper.ask_to_stop() {
                    std::process::exit(1);
                }
                wake(stopper.address());
            }
        })
        .map_err(|e| failed("cannot start a thread", e))?;
    let following = matcher.map(|matcher| Following::start(server, matcher)).transpose()?;
    let duties = [CLOCK, CHECKPOINTS, READING_AHEAD].map(|duty| NowAndThen::start(server, duty));
    let duties = duties.into_iter().collect::<Result<Vec<_>, _>>()?;
    accept_all(server, listener);
    end_connections(server);
    duties.into_iter().for_each(NowAndThen::finish);
    if let Some(following) = following {
        following.finish();
    }
    server
        .close_store()
        .map_err(|e| Refusal::Failed(format!("the store could not be closed cleanly: {e}")))
}

const CLOCK: Duty =
    Duty { name: "clock", wait: TICK_WAIT, work: Server::tick, failing: "segments wait" };
const CHECKPOINTS: Duty = Duty {
    name: "checkpoints",
    wait: CHECKPOINT_WAIT,
    work: Server::checkpoint_if_due,
    failing: "no checkpoint could be made, so that memory grows and opening takes longer",
};

const READING_AHEAD: Duty = Duty {
    name: "reading ahead",
    wait: READ_AHEAD_WAIT,
    work: Server::read_ahead,
    failing: "files cannot be read ahead of questions",
};

/// Accepting blocks, and only a connection wakes it.
fn wake(address: SocketAddr) {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    // Should it fail, the accepting side is awake already, or the next connection wakes it.
    let _ =
        TcpStream::connect_timeout(&SocketAddr::new(ip, address.port()), Duration::from_secs(1));
}

fn accept_all(server: &Arc<Server>, listener: &TcpListener) {
    const FIRST_WAIT: Duration = Duration::from_millis(10);
    const LAST_WAIT: Duration = Duration::from_secs(1);
    let mut wait = FIRST_WAIT;
    while !server.is_stopping() {
        match listener.accept() {
            Ok((stream, peer)) => {
                wait = FIRST_WAIT;
                admit(server, Arc::new(stream), peer);
            }
            // The peer went before it was accepted.
            Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {
            }
            Err(e) => {
                if wait == FIRST_WAIT {
                    report(&format!("cannot accept connections for now: {e}"));
                }
                std::thread::sleep(wait);
                wait = (wait * 2).min(LAST_WAIT);
            }
        }
    }
}

fn admit(server: &Arc<Server>, stream: Arc<TcpStream>, peer: SocketAddr) {
    if server.is_stopping() {
        return;
    }
    let reserved = if peer.ip().is_loopback() { 0 } else { CONNECTIONS_RESERVED };
    let Some(id) = server.admit(&stream, CONNECTIONS - reserved) else {
        refuse(&stream);
        return;
    };
    let guest = Guest { server: Arc::clone(server), stream: Arc::clone(&stream), id };
    let thread =
        std::thread::Builder::new().name(format!("connection {id}")).stack_size(STACK_BYTES);
    if let Err(e) = thread.spawn(move || connection::serve(&guest.server, &guest.stream, guest.id))
    {
        report(&format!("cannot start a thread for a connection: {e}"));
        refuse(&stream);
    }
}

/// A connection in the list of peers; dropping it takes it out, even when its thread panics.
struct Guest {
    server: Arc<Server>,
    stream: Arc<TcpStream>,
    id: u64,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.server.dismiss(self.id);
    }
}

/// Says why, without waiting for a peer that does not listen.
fn refuse(stream: &TcpStream) {
    let said = stream
        .set_nonblocking(true)
        .and_then(|()| (&*stream).write(b"-ERR max number of clients reached\r\n"));
    drop(said);
}

/// Lets every connection finish its request, then cuts off the rest.
fn end_connections(server: &Server) {
    let end = Instant::now() + SHUTDOWN_WAIT;
    server.shut(Shutdown::Read);
    while server.connected() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    server.shut(Shutdown::Both);
}

/// The log of the server is its standard error; a closed one is no reason to end.
pub(super) fn report(message: &str) {
    let _ = writeln!(io::stderr(), "nave: {message}");
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
