//! A `nave serve` process on a free port, and a connection that speaks to it byte by byte.

use crate::binary::nave;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server on a folder, with the password that a file holds.
    pub(crate) fn start(data: &str, password_file: Option<&str>) -> Server {
        let rest: Vec<&str> =
            password_file.iter().flat_map(|file| ["--password-file", file]).collect();
        Server::start_with(data, &rest)
    }

    /// Starts a server on a folder, with other flags.
    pub(crate) fn start_with(data: &str, rest: &[&str]) -> Server {
        let mut command = Command::new(nave());
        command.args(["serve", "--data", data, "--listen", "127.0.0.1:0", "--json"]);
        command.args(rest);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("nave starts");
        // It says where it listens, once it does.
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        out.read_line(&mut line).expect("the server prints text");
        let said: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in {line:?}"));
        let address = said["listening"].as_str().and_then(|address| address.rsplit_once(':'));
        let port = address.and_then(|(_, port)| port.parse().ok());
        Server { child, port: port.unwrap_or_else(|| panic!("no port in {line:?}")) }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        stream.set_nodelay(true).expect("a socket option can be set");
        Connection { stream, read: Vec::new() }
    }

    /// The server with a connection to it, both to be kept.
    pub(crate) fn connect_owned(self) -> (Server, Connection) {
        let connection = self.connect();
        (self, connection)
    }

    /// Whether the process runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Bytes of memory that the process holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// `kill -9`: no chance to end in order.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child ends");
    }

    /// Asks the server to end (SIGTERM), and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent =
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().expect("sh starts");
        assert!(sent.success());
        self.child.wait().expect("a child ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Double(String),
    Boolean(bool),
    Array(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// The bytes of a bulk string.
    pub(crate) fn bulk(text: impl AsRef<[u8]>) -> Reply {
        Reply::Bulk(text.as_ref().to_vec())
    }

    /// The value of a name, in a map of RESP3 or in the flat array of RESP2.
    pub(crate) fn field(&self, name: &str) -> &Reply {
        let name = Reply::bulk(name);
        let found = match self {
            Reply::Map(fields) => fields.iter().find(|(n, _)| *n == name).map(|(_, value)| value),
            Reply::Array(flat) => flat.chunks(2).find(|pair| pair[0] == name).map(|pair| &pair[1]),
            _ => None,
        };
        found.unwrap_or_else(|| panic!("no field {name:?} in {self:?}"))
    }

    /// The number.
    pub(crate) fn integer(&self) -> i64 {
        match self {
            Reply::Integer(number) => *number,
            other => panic!("{other:?} is no number"),
        }
    }

    /// The text of an error.
    pub(crate) fn error(&self) -> &str {
        match self {
            Reply::Error(text) => text,
            other => panic!("{other:?} is no error"),
        }
    }
}

/// A connection and the bytes that it has read ahead.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// A request as clients write it.
pub(crate) fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

impl Connection {
    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes bytes");
    }

    /// Sends a request and reads its reply.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Reply {
        self.send(&request(words));
        self.reply()
    }

    /// Reads one reply.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().unwrap_or_else(|| panic!("the server closed the connection"))
    }

    /// Reads one reply; nothing if the connection was closed.
    pub(crate) fn try_reply(&mut self) -> Option<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at(1);
        let rest = rest.to_string();
        let count = || rest.parse::<i64>().expect("a count");
        Some(match kind {
            "+" => Reply::Simple(rest),
            "-" => Reply::Error(rest),
            ":" => Reply::Integer(count()),
            "," => Reply::Double(rest),
            "#" => Reply::Boolean(rest == "t"),
            "_" => Reply::Null,
            "$" | "*" if count() < 0 => Reply::Null,
            "$" => {
                let length = count() as usize;
                let mut bytes = self.take(length + 2)?;
                assert_eq!(bytes.split_off(length), b"\r\n");
                Reply::Bulk(bytes)
            }
            "*" => Reply::Array((0..count()).map(|_| self.try_reply()).collect::<Option<_>>()?),
            "%" => {
                let pairs = (0..count()).map(|_| Some((self.try_reply()?, self.try_reply()?)));
                Reply::Map(pairs.collect::<Option<_>>()?)
            }
            _ => panic!("no reply begins with {line:?}"),
        })
    }

    /// Whether the server closes the connection, with no further byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.fill() == 0 && self.read.is_empty()
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end + 2)?;
                return Some(
                    String::from_utf8(line).expect("a line is text").trim_end().to_string(),
                );
            }
            if self.fill() == 0 {
                return None;
            }
        }
    }

    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        while self.read.len() < bytes {
            if self.fill() == 0 {
                return None;
            }
        }
        let rest = self.read.split_off(bytes);
        Some(std::mem::replace(&mut self.read, rest))
    }

    /// Reads what is there, waiting for at least one byte; 0 at the end of the stream.
    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}
