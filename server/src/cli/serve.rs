//! `nave serve`, and `nave docs`, which prints the table of what it serves.
//!
//! *Invariants:* the address and the password are checked before the store is opened; nothing is
//! served before the store is open. *Where to start reading:* `serve`.

use super::arguments::StoreOnly;
use super::failure::Failure;
use super::maintain::shown;
use super::moment::seconds;
use super::output::Output;
use super::store::Store;
use crate::command::documentation;
use crate::limits::{PASSWORD_BYTES, READ_AHEAD_BYTES, UNSAVED_BYTES};
use crate::net::{Password, Refusal, Server, listen, run};
use crate::resp::Reply;
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The address; one that other machines can reach needs a password
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6283")]
    pub(crate) listen: String,
    /// A file that holds the password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Match each record as it arrives, by the saved model
    #[arg(long = "match")]
    pub(crate) matching: bool,
    /// Give up a question after so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) within: Duration,
    /// Make a checkpoint when so many MiB of changes are in memory alone
    #[arg(long, value_name = "MIB", default_value_t = UNSAVED_BYTES >> 20)]
    pub(crate) unsaved: u64,
    /// Read so many MiB of files before anybody asks for them; 0 reads none
    #[arg(long, value_name = "MIB", default_value_t = READ_AHEAD_BYTES >> 20)]
    pub(crate) read_ahead: u64,
}

/// `nave serve`
pub(crate) fn serve(arguments: &Serve, output: &Output) -> Result<(), Failure> {
    let password = arguments.password_file.as_deref().map(read_password).transpose()?;
    let protected = password.is_some();
    let listener = listen(&arguments.listen, protected)?;
    let address = listener.local_addr().map_err(|e| {
        Failure::new("io", format!("cannot tell the address of the socket: {e}; try another"))
    })?;
    let data = &arguments.store.data;
    let store = Store::open_to_stay(data, output)?;
    let matcher = arguments.matching.then(|| store.matcher()).transpose()?;
    let server = Server::new(store.db().clone(), password, address).within(arguments.within);
    let server = server.saving(arguments.unsaved.saturating_mul(1 << 20));
    let server = Arc::new(server.reading_ahead(arguments.read_ahead.saturating_mul(1 << 20)));
    output.answer(
        || {
            let secret = if protected { "with a password" } else { "without a password" };
            format!("listening on {address}, data in {}, {secret}; Ctrl-C ends it\n", shown(data))
        },
        || {
            Reply::map([
                ("listening", Reply::from(address.to_string())),
                ("data", Reply::from(data.display().to_string())),
                ("password", Reply::Boolean(protected)),
                ("matching", Reply::Boolean(arguments.matching)),
            ])
        },
    )?;
    run(&server, &listener, matcher).map_err(|refusal| Failure::from(refusal).already_told())
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        match refusal {
            Refusal::Address(message) => Failure::usage(message),
            Refusal::Failed(message) => Failure::new("io", message),
        }
    }
}

/// The password in a file, of which no more is read than a password may have.
fn read_password(file: &Path) -> Result<Password, Failure> {
    let name = file.display();
    let mut content = Vec::new();
    File::open(file)
        .and_then(|file| file.take(PASSWORD_BYTES as u64 + 3).read_to_end(&mut content))
        .map_err(|e| {
            Failure::new("io", format!("cannot read {name}: {e}; name a file with a password"))
        })?;
    Password::from_file(&content)
        .map_err(|problem| Failure::new("invalid", format!("{name} {problem}")))
}

/// `nave docs`
pub(crate) fn docs(output: &Output) -> Result<(), Failure> {
    output.answer(documentation::markdown, documentation::structured)
}
