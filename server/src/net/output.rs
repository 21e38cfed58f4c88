//! Replies that wait to be taken by a peer.
//!
//! *Invariants:*
//! - Bytes leave in the order in which the replies were pushed; one reply is never longer than its
//!   limit.
//! - A reply that promises a level leaves only after the store has reached it; when the store
//!   cannot, an error leaves instead. Replies that promise wait together, so a pipeline of writes
//!   costs one sync.
//! - A peer that takes nothing for long is an error.
//!
//! *Where to start reading:* `Output::push`, then `Output::settle` and `Output::send`.

use crate::command::Failure;
use crate::limits::{OUTPUT_FLUSH_BYTES, REPLY_BYTES, WRITE_WAIT};
use crate::resp::{Protocol, Reply, begin_array};
use navedb::{Level, Position, Session as Store};
use std::io::{self, ErrorKind, Write};
use std::time::Instant;

/// What must hold before a reply may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promise {
    /// The position that was written.
    pub(crate) position: Position,
    /// How safe it must be.
    pub(crate) level: Level,
}

/// The replies of one connection.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Replies that wait for the store, and the furthest that they wait for.
    promised: Vec<(Reply, Protocol)>,
    owed: Option<Promise>,
    /// Replies that wait for the peer.
    bytes: Vec<u8>,
    sent: usize,
    /// Bytes that the peer has taken since the beginning.
    taken: u64,
    /// Since when the peer has taken less than one flush, and how much it had taken then.
    stalled: Option<(Instant, u64)>,
}

impl Output {
    /// Appends a reply, which may wait for a promise; one that does not must be pushed after
    /// `settle`.
    pub(super) fn push(&mut self, reply: Reply, protocol: Protocol, promise: Option<Promise>) {
        match promise {
            None => self.write(&reply, protocol),
            Some(promise) => {
                let owed = self.owed.get_or_insert(promise);
                owed.position = owed.position.max(promise.position);
                owed.level = owed.level.max(promise.level);
                self.promised.push((reply, protocol));
            }
        }
    }

    fn write(&mut self, reply: &Reply, protocol: Protocol) {
        let before = self.bytes.len();
        reply.write(protocol, &mut self.bytes);
        if self.bytes.len() - before > REPLY_BYTES {
            self.bytes.truncate(before);
            self.bytes.shrink_to(OUTPUT_FLUSH_BYTES);
            let message =
                format!("LIMIT the reply has more than {REPLY_BYTES} bytes; ask for less");
            Reply::Error(message).write(protocol, &mut self.bytes);
        }
    }

    /// Appends the head of an array whose elements are pushed next.
    pub(super) fn push_array(&mut self, elements: usize) {
        begin_array(&mut self.bytes, elements);
    }

    /// Replies that wait for the store.
    pub(super) fn promises(&self) -> usize {
        self.promised.len()
    }

    /// Keeps what was promised: waits for the store, then lets the replies go on to the peer.
    pub(super) fn settle(&mut self, store: &Store) {
        let Some(owed) = self.owed.take() else { return };
        let kept = store.wait(owed.position, owed.level);
        for (reply, protocol) in std::mem::take(&mut self.promised) {
            match &kept {
                Ok(()) => self.write(&reply, protocol),
                Err(e) => self.write(&Reply::from(Failure::from(e.clone())), protocol),
            }
        }
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// Bytes of memory held.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Hands over what the peer takes; returns when all is gone, or when an attempt has reached the
    /// timeout that the stream has for writing.
    pub(super) fn send(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    self.sent += taken;
                    self.taken += taken as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) => return self.stall(Instant::now()),
                Err(e) => return Err(e),
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(OUTPUT_FLUSH_BYTES);
        self.sent = 0;
        self.stalled = None;
        Ok(())
    }

    /// A peer that takes a few bytes now and then is as bad as one that takes none.
    fn stall(&mut self, now: Instant) -> io::Result<()> {
        match self.stalled {
            Some((since, taken)) if self.taken < taken + OUTPUT_FLUSH_BYTES as u64 => {
                if now.duration_since(since) > WRITE_WAIT {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "the peer does not take its replies",
                    ));
                }
            }
            _ => self.stalled = Some((now, self.taken)),
        }
        // What was sent must not be held for ever because the peer is always a little behind.
        if self.sent >= OUTPUT_FLUSH_BYTES {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}

/// Whether a socket's own timeout ended the attempt.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that takes so many bytes at a time, then waits.
    struct Slow(usize, Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(std::mem::take(&mut self.0));
            if taken == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.1.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bytes_leave_in_order_whatever_the_pace() {
        let mut output = Output::default();
        let mut wanted = Vec::new();
        let mut peer = Slow(0, Vec::new());
        for number in 0..40_000 {
            output.push(Reply::Integer(number), Protocol::Resp2, None);
            Reply::Integer(number).write(Protocol::Resp2, &mut wanted);
            if number % 100 == 0 {
                peer.0 = 500;
                output.send(&mut peer).unwrap();
            }
        }
        while !output.is_empty() {
            peer.0 = 70_000;
            output.send(&mut peer).unwrap();
        }
        assert!(peer.1 == wanted);
        assert!(output.stalled.is_none());
    }

    #[test]
    fn a_peer_that_takes_little_is_given_up() {
        let mut output = Output::default();
        output.push(Reply::Bytes(vec![0; 1 << 20]), Protocol::Resp2, None);
        let start = Instant::now();
        output.stall(start).unwrap();
        output.stall(start + WRITE_WAIT).unwrap();
        output.taken += OUTPUT_FLUSH_BYTES as u64;
        output.stall(start + WRITE_WAIT * 2).unwrap();
        output.taken += 1;
        assert!(output.stall(start + WRITE_WAIT * 4).is_err());
    }

    #[test]
    fn a_reply_that_is_too_long_becomes_an_error() {
        let mut output = Output::default();
        output.push(Reply::Simple("OK"), Protocol::Resp2, None);
        output.push(Reply::Bytes(vec![0; REPLY_BYTES + 1]), Protocol::Resp2, None);
        assert!(output.bytes.starts_with(b"+OK\r\n-LIMIT "));
        assert!(output.bytes.len() < 100 && output.held() < 1 << 20);
    }
}
