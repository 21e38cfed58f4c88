//! What is known about one connection, and the way of a request to its command.
//!
//! *Invariants:* before the password only the commands that the table marks are run; a request that
//! is refused between MULTI and EXEC spoils the whole batch; replies keep the order of the
//! requests. *What it does not know:* sockets. *Where to start reading:* `Session::call`.

use super::output::Promise;
use super::server::Server;
use crate::command::{Call, Command, Failure, Found, InQueue, find, shown};
use crate::limits::{
    AFTER_AUTH, BEFORE_AUTH, DecodeLimits, QUEUE_BYTES, QUEUE_REQUESTS, WRONG_PASSWORDS,
};
use crate::resp::{Protocol, Reply, Request};

/// What a connection writes for a request.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// One reply.
    One(Reply),
    /// An array of the replies to these requests, which are to be run now, in order.
    Each(Vec<Request>),
}

/// The requests between MULTI and EXEC.
#[derive(Debug, Default)]
struct Queue {
    requests: Vec<Request>,
    bytes: usize,
    spoiled: bool,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    peer: String,
    protocol: Protocol,
    authenticated: bool,
    wrong_passwords: u32,
    closing: bool,
    name: String,
    library: (String, String),
    queue: Option<Queue>,
    released: Option<Vec<Request>>,
    promise: Option<Promise>,
}

impl Session {
    /// The state of a new connection.
    pub(super) fn new(id: u64, peer: String, server: &Server) -> Session {
        Session {
            id,
            peer,
            protocol: Protocol::default(),
            authenticated: server.password().is_none(),
            wrong_passwords: 0,
            closing: false,
            name: String::new(),
            library: (String::new(), String::new()),
            queue: None,
            released: None,
            promise: None,
        }
    }

    /// Runs or queues a request that has at least one word.
    pub(super) fn answer(&mut self, server: &Server, request: Request) -> Answer {
        match self.call(server, request) {
            Ok(reply) => match self.released.take() {
                Some(requests) => Answer::Each(requests),
                None => Answer::One(reply),
            },
            Err(failure) => Answer::One(Reply::from(failure)),
        }
    }

    fn call(&mut self, server: &Server, request: Request) -> Result<Reply, Failure> {
        server.count_request();
        let words = &request.0;
        let (command, names) = match self.allowed(words) {
            Ok(found) => found,
            Err(failure) => {
                if let Some(queue) = &mut self.queue {
                    queue.spoiled = true;
                }
                return Err(failure);
            }
        };
        match (command.in_queue, command.run) {
            (InQueue::Refused, _) if self.queue.is_some() => {
                Err(Failure::err("Command not allowed inside a transaction"))
            }
            (InQueue::Waits, _) if self.queue.is_some() => self.enqueue(request),
            (_, Some(run)) => {
                let args = words.get(names..).unwrap_or_default();
                run(&mut Call { server, session: self, args })
            }
            (_, None) => Err(Failure::err("the command has no handler")),
        }
    }

    /// The command that a request names, if it may be run now with these arguments, and the words
    /// that name it.
    fn allowed(&self, words: &[Vec<u8>]) -> Result<(&'static Command, usize), Failure> {
        let first = words.first().map(|word| shown(word)).unwrap_or_default();
        let found = find(words);
        let early = matches!(found, Found::Command(command, ..) if command.before_auth);
        if !self.authenticated && !early {
            return Err(Failure::new("NOAUTH", "Authentication required."));
        }
        let (command, parent, names) = match found {
            Found::Command(command, parent, names) => (command, parent, names),
            Found::NoCommand => {
                let args = words.iter().skip(1).take(20).map(|word| format!("'{}' ", shown(word)));
                let args: String = args.collect();
                let message =
                    format!("unknown command '{first}', with args beginning with: {args}");
                return Err(Failure::err(message));
            }
            Found::NoSubcommand(command) => {
                let second = words.get(1).map(|word| shown(word)).unwrap_or_default();
                let message =
                    format!("unknown subcommand '{second}'. Try COMMAND DOCS {}.", command.name);
                return Err(Failure::err(message));
            }
            Found::NeedsSubcommand(command) => return Err(wrong_number(command.name, "")),
        };
        let args = words.len() - names;
        if args < command.args.0 || args > command.args.1 {
            return Err(wrong_number(command.name, parent));
        }
        Ok((command, names))
    }

    fn enqueue(&mut self, request: Request) -> Result<Reply, Failure> {
        let Some(queue) = &mut self.queue else { return Err(Failure::err("EXEC without MULTI")) };
        if queue.spoiled {
            return Ok(Reply::Simple("QUEUED"));
        }
        queue.bytes = queue.bytes.saturating_add(request.bytes());
        if queue.bytes > QUEUE_BYTES || queue.requests.len() >= QUEUE_REQUESTS {
            *queue = Queue { spoiled: true, ..Queue::default() };
            let message = format!(
                "a batch has at most {QUEUE_REQUESTS} requests and {QUEUE_BYTES} bytes; send it in \
                 parts"
            );
            return Err(Failure::new("LIMIT", message));
        }
        queue.requests.push(request);
        Ok(Reply::Simple("QUEUED"))
    }

    /// Begins to queue; false when it had begun.
    pub(crate) fn begin_queue(&mut self) -> bool {
        let new = self.queue.is_none();
        self.queue.get_or_insert_default();
        new
    }

    /// Ends to queue and lets the requests run; false when one of them was refused, nothing without
    /// a queue.
    pub(crate) fn release_queue(&mut self) -> Option<bool> {
        let queue = self.queue.take()?;
        if !queue.spoiled {
            self.released = Some(queue.requests);
        }
        Some(!queue.spoiled)
    }

    /// Ends to queue and forgets the requests; false when there was no queue.
    pub(crate) fn drop_queue(&mut self) -> bool {
        self.queue.take().is_some()
    }

    /// The reply at hand must not leave before this holds.
    pub(crate) fn promise(&mut self, promise: Promise) {
        self.promise = Some(promise);
    }

    /// What the last answer promises.
    pub(super) fn take_promise(&mut self) -> Option<Promise> {
        self.promise.take()
    }

    /// Bytes of memory that the queue holds.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes)
    }

    /// What the decoder may accept from this peer now.
    pub(super) fn limits(&self) -> &'static DecodeLimits {
        if self.authenticated { &AFTER_AUTH } else { &BEFORE_AUTH }
    }

    /// The number of the connection.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The protocol that the peer speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The peer speaks another protocol from this reply on.
    pub(crate) fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Whether the peer may run every command.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// The peer has shown the password.
    pub(crate) fn authenticate(&mut self) {
        self.authenticated = true;
        self.wrong_passwords = 0;
    }

    /// The peer has shown a wrong password; some are mistakes, many are guesses.
    pub(crate) fn wrong_password(&mut self) {
        self.wrong_passwords += 1;
        self.closing |= self.wrong_passwords >= WRONG_PASSWORDS;
    }

    /// Ends the connection after the reply at hand.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Whether the connection ends after the reply at hand.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// The name of the connection; empty when it has none.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Names the connection.
    pub(crate) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    /// What the peer's client library is.
    pub(crate) fn set_library(&mut self, name: Option<String>, version: Option<String>) {
        if let Some(name) = name {
            self.library.0 = name;
        }
        if let Some(version) = version {
            self.library.1 = version;
        }
    }

    /// As if the connection were new.
    pub(crate) fn reset(&mut self, server: &Server) {
        let wrong_passwords = self.wrong_passwords;
        *self = Session::new(self.id, std::mem::take(&mut self.peer), server);
        self.wrong_passwords = wrong_passwords;
    }

    /// One line about the connection.
    pub(crate) fn describe(&self) -> String {
        let queued = self.queue.as_ref().map_or(-1, |queue| queue.requests.len() as i64);
        format!(
            "id={} addr={} name={} db=0 multi={queued} resp={} lib-name={} lib-ver={}",
            self.id,
            self.peer,
            self.name,
            self.protocol.number(),
            self.library.0,
            self.library.1
        )
    }
}

fn wrong_number(name: &str, parent: &str) -> Failure {
    let bar = if parent.is_empty() { "" } else { "|" };
    let name = format!("{parent}{bar}{name}").to_lowercase();
    Failure::err(format!("wrong number of arguments for '{name}' command"))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
