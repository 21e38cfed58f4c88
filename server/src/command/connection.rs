//! Commands about the connection itself: greeting, password, names.
//!
//! *Invariants:* the texts of errors are those of Redis where clients look at them; a password is
//! compared in constant time and never shown. *Where to start reading:* `hello`.

use super::{Call, Failure, Outcome, shown};
use crate::limits::CLIENT_NAME_BYTES;
use crate::resp::{Protocol, Reply};

/// The version of Redis whose behaviour clients may expect.
pub(super) const REDIS_LEVEL: &str = "7.2.0";

const OK: Reply = Reply::Simple("OK");

/// `PING [text]`
pub(super) fn ping(call: &mut Call<'_>) -> Outcome {
    Ok(call.args.first().map_or(Reply::Simple("PONG"), |text| Reply::Bytes(text.clone())))
}

/// `ECHO text`
pub(super) fn echo(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::Bytes(call.bytes(0).to_vec()))
}

/// `SELECT index`
pub(super) fn select(call: &mut Call<'_>) -> Outcome {
    if call.bytes(0) == b"0" { Ok(OK) } else { Err(Failure::err("DB index is out of range")) }
}

/// `QUIT`
pub(super) fn quit(call: &mut Call<'_>) -> Outcome {
    call.session.close();
    Ok(OK)
}

/// `RESET`
pub(super) fn reset(call: &mut Call<'_>) -> Outcome {
    call.session.reset(call.server);
    Ok(Reply::Simple("RESET"))
}

/// `AUTH [user] password`
pub(super) fn auth(call: &mut Call<'_>) -> Outcome {
    match call.args {
        [password] if call.server.password().is_some() => log_in(call, b"default", password)?,
        [_] => {
            return Err(Failure::err(
                "AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        [user, password] => log_in(call, user, password)?,
        _ => return Err(Failure::err("syntax error")),
    }
    Ok(OK)
}

/// Without a password, every password of the default user is right, as in Redis.
fn log_in(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), Failure> {
    let right = call.server.password().is_none_or(|wanted| wanted.is(password));
    if right && user == b"default" {
        call.session.authenticate();
        return Ok(());
    }
    call.session.wrong_password();
    Err(Failure::new("WRONGPASS", "invalid username-password pair or user is disabled."))
}

/// What HELLO asks for, read whole before any of it is done.
#[derive(Default)]
struct Hello<'a> {
    protocol: Option<Protocol>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

/// `HELLO [2|3] [AUTH user password] [SETNAME name]`
pub(super) fn hello(call: &mut Call<'_>) -> Outcome {
    let wanted = read_hello(call.args)?;
    let name = wanted.name.map(checked_name).transpose()?;
    if let Some((user, password)) = wanted.login {
        log_in(call, user, password)?;
    }
    if !call.session.is_authenticated() {
        return Err(Failure::new(
            "NOAUTH",
            "HELLO must be called with the client already authenticated, otherwise the HELLO \
             <proto> AUTH <user> <pass> option can be used to authenticate the client and select \
             the RESP protocol version at the same time",
        ));
    }
    if let Some(protocol) = wanted.protocol {
        call.session.speak(protocol);
    }
    if let Some(name) = name {
        call.session.set_name(name);
    }
    Ok(Reply::map([
        ("server", Reply::from("nave")),
        ("version", Reply::from(REDIS_LEVEL)),
        ("proto", Reply::Integer(call.session.protocol().number())),
        ("id", Reply::count(call.session.id())),
        ("mode", Reply::from("standalone")),
        ("role", Reply::from("master")),
        ("modules", Reply::Array(Vec::new())),
    ]))
}

fn read_hello(args: &[Vec<u8>]) -> Result<Hello<'_>, Failure> {
    let mut hello = Hello::default();
    let Some((version, mut rest)) = args.split_first() else { return Ok(hello) };
    hello.protocol = Some(match version.as_slice() {
        b"2" => Protocol::Resp2,
        b"3" => Protocol::Resp3,
        digits if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            return Err(Failure::new("NOPROTO", "unsupported protocol version"));
        }
        _ => return Err(Failure::err("Protocol version is not an integer or out of range")),
    });
    while let Some((option, after)) = rest.split_first() {
        rest = match after {
            [user, password, after @ ..] if option.eq_ignore_ascii_case(b"AUTH") => {
                hello.login = Some((user, password));
                after
            }
            [name, after @ ..] if option.eq_ignore_ascii_case(b"SETNAME") => {
                hello.name = Some(name);
                after
            }
            _ => {
                let message = format!("Syntax error in HELLO option '{}'", shown(option));
                return Err(Failure::err(message));
            }
        };
    }
    Ok(hello)
}

/// A name that fits into one word of one line.
fn checked_name(name: &[u8]) -> Result<String, Failure> {
    if name.len() > CLIENT_NAME_BYTES {
        return Err(Failure::err(format!("Client names have at most {CLIENT_NAME_BYTES} bytes.")));
    }
    match std::str::from_utf8(name) {
        Ok(name) if name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(name.to_owned()),
        _ => {
            Err(Failure::err("Client names cannot contain spaces, newlines or special characters."))
        }
    }
}

/// `CLIENT ID`
pub(super) fn client_id(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(call.session.id()))
}

/// `CLIENT INFO`
pub(super) fn client_info(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::from(call.session.describe()))
}

/// `CLIENT GETNAME`
pub(super) fn client_get_name(call: &mut Call<'_>) -> Outcome {
    let name = call.session.name();
    Ok(Reply::optional((!name.is_empty()).then_some(name)))
}

/// `CLIENT SETNAME name`
pub(super) fn client_set_name(call: &mut Call<'_>) -> Outcome {
    call.session.set_name(checked_name(call.bytes(0))?);
    Ok(OK)
}

/// `CLIENT SETINFO LIB-NAME|LIB-VER text`
pub(super) fn client_set_info(call: &mut Call<'_>) -> Outcome {
    let text = checked_name(call.bytes(1))?;
    let option = call.bytes(0);
    if option.eq_ignore_ascii_case(b"LIB-NAME") {
        call.session.set_library(Some(text), None);
    } else if option.eq_ignore_ascii_case(b"LIB-VER") {
        call.session.set_library(None, Some(text));
    } else {
        return Err(Failure::err(format!("Unrecognized option '{}'", shown(option))));
    }
    Ok(OK)
}

/// `CLIENT NO-EVICT|NO-TOUCH ON|OFF`
pub(super) fn client_switch(call: &mut Call<'_>) -> Outcome {
    let switch = call.bytes(0);
    if switch.eq_ignore_ascii_case(b"ON") || switch.eq_ignore_ascii_case(b"OFF") {
        return Ok(OK);
    }
    Err(Failure::err("syntax error"))
}
