//! Every limit of the server, its reason, and how it relates to the others.
//!
//! *Invariant:* nothing that a peer sends makes the server hold more than these figures allow;
//! before a peer has shown the password the figures are far smaller, because then anybody may be
//! the peer.

use std::time::Duration;

/// What a decoder accepts from one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecodeLimits {
    /// Arguments of one request, the command's name included.
    pub(crate) args: usize,
    /// Bytes of one argument.
    pub(crate) arg_bytes: usize,
    /// Bytes of all arguments of one request.
    pub(crate) request_bytes: usize,
    /// Bytes of one inline request, its line end not included.
    pub(crate) inline_bytes: usize,
}

/// Before AUTH: enough for `HELLO 3 AUTH user password SETNAME name`, and no more.
pub(crate) const BEFORE_AUTH: DecodeLimits =
    DecodeLimits { args: 16, arg_bytes: 16 << 10, request_bytes: 16 << 10, inline_bytes: 16 << 10 };

/// After AUTH: an argument may hold the largest record that the engine takes (4 MiB), and a request
/// two of them.
pub(crate) const AFTER_AUTH: DecodeLimits =
    DecodeLimits { args: 1024, arg_bytes: 4 << 20, request_bytes: 8 << 20, inline_bytes: 64 << 10 };

/// Bytes of a `*3` or `$11` line: the sign, twenty digits and the carriage return fit.
pub(crate) const HEADER_LINE_BYTES: usize = 24;

/// Bytes taken from a socket at a time. Also what an idle connection costs in memory.
pub(crate) const READ_BYTES: usize = 16 << 10;

/// Bytes of replies gathered before they are written, so that a pipeline costs few writes.
pub(crate) const OUTPUT_FLUSH_BYTES: usize = 64 << 10;

/// Bytes of replies that may wait for a slow reader while its requests are still read. A client
/// that sends its whole pipeline before it reads must not be locked out, and one that never reads
/// must not fill the memory.
pub(crate) const OUTPUT_BYTES: usize = 8 << 20;

/// Bytes of one reply; a longer one is replaced by an error.
pub(crate) const REPLY_BYTES: usize = 32 << 20;

/// Replies of one connection that wait together for the store to make their writes safe.
pub(crate) const PROMISES: usize = 1024;

/// Requests that MULTI may queue: what one EXEC answers. Client libraries send their pipelines as
/// MULTI.
pub(crate) const QUEUE_REQUESTS: usize = 65_536;

/// Bytes of requests that MULTI may queue.
pub(crate) const QUEUE_BYTES: usize = 16 << 20;

/// Bytes that one queued request or argument costs beside its content.
pub(crate) const ARG_OVERHEAD: usize = 32;

/// Bytes that all connections together may hold in unfinished requests, queues and unread replies.
pub(crate) const SHARED_BYTES: u64 = 256 << 20;

/// Connections at once: each is a thread with a stack.
pub(crate) const CONNECTIONS: usize = 256;

/// Of these, the last ones are for peers on this machine, so that its owner can still look inside.
pub(crate) const CONNECTIONS_RESERVED: usize = 4;

/// Bytes of a connection's stack: an audience may nest 64 deep, and each level costs the parser and
/// the evaluator some.
pub(crate) const STACK_BYTES: usize = 4 << 20;

/// From the connection to a correct password.
pub(crate) const AUTH_WAIT: Duration = Duration::from_secs(5);

/// From the first to the last byte of one request: a slow sender holds a thread.
pub(crate) const REQUEST_WAIT: Duration = Duration::from_secs(30);

/// Between requests. Client libraries keep connections in pools, so this is long.
pub(crate) const IDLE_WAIT: Duration = Duration::from_secs(3600);

/// Without any progress of a reader, until its connection is closed.
pub(crate) const WRITE_WAIT: Duration = Duration::from_secs(30);

/// How long one attempt to write or read may block while the peer does not take its replies.
pub(crate) const STALL_STEP: Duration = Duration::from_millis(20);

/// How long a closing connection waits for the peer to take the last reply.
pub(crate) const LINGER_WAIT: Duration = Duration::from_millis(500);

/// From the signal to end until connections are cut off in the middle of a request.
pub(crate) const SHUTDOWN_WAIT: Duration = Duration::from_secs(5);

/// Wrong passwords on one connection until it is closed.
pub(crate) const WRONG_PASSWORDS: u32 = 8;

/// Bytes of a password.
pub(crate) const PASSWORD_BYTES: usize = 1024;

/// Bytes of a connection's name or of what a client library says about itself.
pub(crate) const CLIENT_NAME_BYTES: usize = 256;

const _: () = assert!(BEFORE_AUTH.args < AFTER_AUTH.args);
const _: () = assert!(BEFORE_AUTH.request_bytes < AFTER_AUTH.request_bytes);
const _: () = assert!(AFTER_AUTH.arg_bytes < AFTER_AUTH.request_bytes);
const _: () = assert!(AFTER_AUTH.request_bytes < QUEUE_BYTES);
const _: () =
    assert!(QUEUE_BYTES as u64 + REPLY_BYTES as u64 + (OUTPUT_BYTES as u64) < SHARED_BYTES);
const _: () = assert!(OUTPUT_FLUSH_BYTES < OUTPUT_BYTES);
const _: () = assert!(CONNECTIONS_RESERVED < CONNECTIONS);
const _: () = assert!(PASSWORD_BYTES < BEFORE_AUTH.arg_bytes);

/// How long the thread that advances the clock waits: segments change with whole seconds, so that
/// nobody is told later than a quarter of one.
pub(crate) const TICK_WAIT: Duration = Duration::from_millis(250);

/// How long the thread that makes checkpoints waits between two looks at what is in memory: short
/// beside the time in which so much can be written.
pub(crate) const CHECKPOINT_WAIT: Duration = Duration::from_millis(500);

/// Bytes of changes in memory that a checkpoint is made for, unless the command line says otherwise:
/// it bounds memory and what is folded again after a crash, some seconds; it is large since indexes
/// of questions are made anew after it.
pub(crate) const UNSAVED_BYTES: u64 = 512 << 20;

/// Bytes of files that are read before anybody asks for them, unless the command line says otherwise:
/// identifiers and golden rows of some millions of profiles; the system may drop them again.
pub(crate) const READ_AHEAD_BYTES: u64 = 1 << 30;
/// So many of them at a time, and how long the thread that does it waits in between, so that
/// questions come first.
pub(crate) const READ_AHEAD_SLICE: u64 = 64 << 20;
pub(crate) const READ_AHEAD_WAIT: Duration = Duration::from_millis(250);

/// How long the thread that matches what arrives waits between two looks for writes: short beside
/// what people notice, long beside what a look costs.
pub(crate) const FOLLOW_WAIT: Duration = Duration::from_millis(20);
