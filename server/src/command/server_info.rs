//! INFO, TIME and CONFIG GET: what Redis clients ask a server about itself.
//!
//! *Invariant:* answering costs no look at the data. *Where to start reading:* `info`.

use super::connection::REDIS_LEVEL;
use super::{Call, Outcome};
use crate::limits;
use crate::resp::Reply;
use navedb::clock::{Clock, SystemClock};
use std::fmt::Write;

type Lines = Vec<(&'static str, String)>;

type Section = (&'static str, fn(&Call<'_>) -> Lines);

const SECTIONS: [Section; 6] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
];

/// `INFO [section ...]`
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let asked = |name: &str| {
        let all = ["all", "default", "everything"];
        call.args.is_empty()
            || call.args.iter().any(|arg| {
                arg.eq_ignore_ascii_case(name.as_bytes())
                    || all.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes()))
            })
    };
    let mut text = String::new();
    for (name, lines) in SECTIONS.into_iter().filter(|(name, _)| asked(name)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "# {name}\r\n");
        for (key, value) in lines(call) {
            let _ = write!(text, "{key}:{value}\r\n");
        }
    }
    Ok(Reply::Text(text))
}

fn server(call: &Call<'_>) -> Lines {
    let uptime = call.server.uptime().as_secs();
    vec![
        ("redis_version", REDIS_LEVEL.to_owned()),
        ("nave_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("redis_mode", "standalone".to_owned()),
        ("os", std::env::consts::OS.to_owned()),
        ("arch_bits", usize::BITS.to_string()),
        ("process_id", std::process::id().to_string()),
        ("tcp_port", call.server.address().port().to_string()),
        ("uptime_in_seconds", uptime.to_string()),
        ("uptime_in_days", (uptime / 86_400).to_string()),
    ]
}

fn clients(call: &Call<'_>) -> Lines {
    vec![
        ("connected_clients", call.server.connected().to_string()),
        ("maxclients", limits::CONNECTIONS.to_string()),
    ]
}

fn memory(call: &Call<'_>) -> Lines {
    vec![
        ("requests_and_replies_bytes", call.server.memory().used().to_string()),
        ("requests_and_replies_limit", limits::SHARED_BYTES.to_string()),
    ]
}

fn persistence(call: &Call<'_>) -> Lines {
    let position = call.server.store().view().position();
    let unsaved = call.server.unsaved_bytes();
    vec![
        ("loading", "0".to_owned()),
        ("position", position.to_string()),
        ("unsaved_bytes", unsaved.to_string()),
    ]
}

fn stats(call: &Call<'_>) -> Lines {
    vec![
        ("total_connections_received", call.server.connections_ever().to_string()),
        ("total_commands_processed", call.server.requests_ever().to_string()),
        ("rejected_connections", call.server.rejected_ever().to_string()),
    ]
}

fn replication(_: &Call<'_>) -> Lines {
    vec![("role", "master".to_owned()), ("connected_slaves", "0".to_owned())]
}

/// `TIME`
pub(super) fn time(_: &mut Call<'_>) -> Outcome {
    let micros = SystemClock.now().0;
    let parts = [micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)];
    Ok(Reply::list(parts, |part| Reply::from(part.to_string())))
}

/// `CONFIG GET pattern [pattern ...]`
pub(super) fn config_get(call: &mut Call<'_>) -> Outcome {
    let address = call.server.address();
    let settings = [
        ("appendonly", "yes".to_owned()),
        ("bind", address.ip().to_string()),
        ("databases", "1".to_owned()),
        ("maxclients", limits::CONNECTIONS.to_string()),
        ("port", address.port().to_string()),
        ("proto-max-bulk-len", limits::AFTER_AUTH.arg_bytes.to_string()),
        ("save", String::new()),
        ("timeout", limits::IDLE_WAIT.as_secs().to_string()),
    ];
    let asked = |name: &str| {
        call.args.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), name.as_bytes()))
    };
    let found = settings.into_iter().filter(|(name, _)| asked(name));
    Ok(Reply::Map(found.map(|(name, value)| (Reply::from(name), Reply::from(value))).collect()))
}

/// Whether a text matches a pattern of characters, `?` and `*`, without recursion: each step back
/// goes to the last star alone, so the cost is at most the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("max*", "maxclients", true),
            ("*clients", "maxclients", true),
            ("m?x*s", "maxclients", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("save", "save", true),
            ("save", "saved", false),
            ("*?", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), wanted, "{pattern} {text}");
        }
    }
}
