//! `nave stream`: what became of profiles, and streams that programs put items into.
//!
//! *Invariants:* items are printed once and in order, with the position behind which a reader goes on; asking decides
//! nothing. *Where to start reading:* `run`.

use super::arguments::{StoreOnly, rows};
use super::failure::Failure;
use super::output::Output;
use super::segment::{BETWEEN_TICKS, ask, changed};
use super::segment_arguments::{Named as ByName, feed_position};
use super::segment_text::plain;
use super::store::Store;
use super::text::{Side, columns};
use crate::resp::Reply;
use crate::{cli::progress::Stop, segments};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use navedb::{
    FeedPage, Identity, IdentityItem, Level, Named, NamedStream, Position, Session, StreamItem,
    StreamRule, View, limits,
};
use std::fmt::{Display, Write as _};
use std::io::{BufRead, Read as _};

/// The stream that the engine itself writes.
const IDENTITY: &str = "identity";

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// Make a stream, or change what is said of it; 'identity' tells what becomes of profiles from then on
    Define(Define),
    /// End a stream; what it has can still be read
    Drop(ByName),
    /// List the streams
    List(StoreOnly),
    /// Put items into a stream: each line of standard input is one, or each TEXT
    Put(Put),
    /// Print the items of a stream, in order
    Read(Read),
}

#[derive(Debug, Args)]
pub(crate) struct Define {
    #[command(flatten)]
    store: StoreOnly,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// For how many days its items can be read; without it for ever
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=365_000))]
    retain_days: Option<u64>,
    /// The name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    #[command(flatten)]
    named: ByName,
    /// The items; without any, the lines of standard input
    texts: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    named: ByName,
    /// Items up to this position are known; without it the stream is read from its beginning
    #[arg(long, value_name = "POSITION", value_parser = feed_position)]
    after: Option<Position>,
    /// How many items at most; with --follow how many at once
    #[arg(long, value_name = "N", default_value_t = limits::MEMBERS_DEFAULT, value_parser = rows)]
    limit: usize,
    /// Go on until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    follow: bool,
}

/// Some items of either kind.
enum Items {
    Profiles(FeedPage<IdentityItem>),
    Texts(FeedPage<StreamItem>),
}

/// `nave stream ...`
pub(crate) fn run(command: StreamCommand, output: &Output) -> Result<(), Failure> {
    match command {
        StreamCommand::Define(what) => changed(&what.store, output, |session| {
            session.define_stream(&what.name, &rule(&what, session))
        }),
        StreamCommand::Drop(named) => {
            changed(&named.store, output, |session| session.drop_stream(&named.name))
        }
        StreamCommand::List(store) => {
            let all = ask(&store, output, |view| Ok(view.streams()))?;
            let document = || Reply::map([("streams", Reply::list(&all, segments::stream))]);
            output.answer(|| list_text(&all), document)
        }
        StreamCommand::Put(what) => put(&what, output),
        StreamCommand::Read(what) if what.follow => follow(&what, output),
        StreamCommand::Read(what) => read(&what, output),
    }
}

/// What a stream is to be: what is not given stays as it is.
fn rule(what: &Define, session: &Session) -> StreamRule {
    let known = session.view().stream(&what.name).map(|known| known.rule).unwrap_or_default();
    StreamRule {
        owner: what.owner.clone().or(known.owner),
        purpose: what.purpose.clone().or(known.purpose),
        description: what.description.clone().or(known.description),
        retain_days: what.retain_days.or(known.retain_days),
    }
}

fn list_text(all: &[NamedStream]) -> String {
    if all.is_empty() {
        return "no streams; 'nave stream define' makes one\n".to_owned();
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|stream| {
            let kept = stream.rule.retain_days;
            vec![
                stream.name.clone(),
                format!("version {}", stream.version),
                kept.map_or_else(|| "kept for ever".to_owned(), |days| format!("kept {days} days")),
                stream.rule.owner.as_deref().map(plain).unwrap_or_default(),
                stream.rule.description.as_deref().map(plain).unwrap_or_default(),
            ]
        })
        .collect();
    columns("", &[Side::Left; 5], &rows)
}

/// The items that are given, or the lines of standard input a few at a time.
fn put(what: &Put, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.named.store.data, false, output)?;
    let done = put_all(&store.session(), what);
    let (count, position) = store.end(done)?;
    output.answer(
        || format!("{count} items put, the last at position {position}\n"),
        || {
            let position = Reply::count(position.0);
            Reply::map([("items", Reply::count(count)), ("position", position)])
        },
    )
}

/// Lines that are put at once, if they are not too large for that.
const LINES: usize = 1000;

fn put_all(session: &Session, what: &Put) -> Result<(u64, Position), Failure> {
    let name = &what.named.name;
    if !what.texts.is_empty() {
        let position = session.put_items(name, what.texts.clone(), Level::Group)?;
        return Ok((what.texts.len() as u64, position));
    }
    let (mut count, mut position) = (0, session.view().position());
    let mut input = std::io::stdin().lock();
    loop {
        let some = next_lines(&mut input, count);
        let put = some.and_then(|some| match some.len() {
            0 => Ok(None),
            more => Ok(Some((more, session.put_items(name, some, Level::Group)?))),
        });
        match put.map_err(|failure| failure.about(&format!("{count} items are put")))? {
            None => return Ok((count, position)),
            Some((more, last)) => (count, position) = (count + more as u64, last),
        }
    }
}

/// The lines behind so many others: as many as can be put at once, and none at the end.
fn next_lines(input: &mut impl BufRead, before: u64) -> Result<Vec<String>, Failure> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < LINES
        && bytes + limits::STREAM_ITEM_BYTES_MAX <= limits::STREAM_PUT_BYTES_MAX
    {
        let number = before + lines.len() as u64 + 1;
        let failed = |kind, what: &dyn Display| {
            Failure::new(kind, format!("standard input, line {number}: {what}"))
        };
        // One byte more than an item may have and its line end, so that no line is taken into memory that is too large.
        let most = limits::STREAM_ITEM_BYTES_MAX as u64 + 3;
        let mut line = Vec::new();
        let read = input.take(most).read_until(b'\n', &mut line);
        if read.map_err(|e| failed("io", &e))? == 0 {
            break;
        }
        let end = [&b"\r\n"[..], b"\n"].into_iter().find(|end| line.ends_with(end));
        line.truncate(line.len() - end.map_or(0, <[u8]>::len));
        if line.len() > limits::STREAM_ITEM_BYTES_MAX {
            let most = limits::STREAM_ITEM_BYTES_MAX;
            return Err(failed("limit", &format!("an item has {most} bytes at most")));
        }
        bytes += line.len();
        lines.push(String::from_utf8(line).map_err(|e| failed("invalid", &e))?);
    }
    Ok(lines)
}

impl Items {
    fn of(view: &View, what: &Read, after: Position) -> navedb::Result<Items> {
        let name = what.named.name.as_str();
        if name.eq_ignore_ascii_case(IDENTITY) {
            return view.feed(Identity, after, what.limit).map(Items::Profiles);
        }
        view.feed(Named(name), after, what.limit).map(Items::Texts)
    }

    fn waited(session: &Session, what: &Read, after: Position) -> navedb::Result<Items> {
        let (name, most) = (what.named.name.as_str(), BETWEEN_TICKS);
        if name.eq_ignore_ascii_case(IDENTITY) {
            let page = session.wait_feed(Identity, after, what.limit, most);
            return page.map(Items::Profiles);
        }
        session.wait_feed(Named(name), after, what.limit, most).map(Items::Texts)
    }

    fn next(&self) -> Position {
        match self {
            Items::Profiles(page) => page.next,
            Items::Texts(page) => page.next,
        }
    }

    fn text(&self) -> String {
        match self {
            Items::Profiles(page) => page.items.iter().map(profiles_line).collect(),
            Items::Texts(page) => page.items.iter().map(text_line).collect(),
        }
    }

    fn heading(&self) -> &'static str {
        match self {
            Items::Profiles(_) => "position\ttime\tchange\treason\torigin\tbefore\tafter\n",
            Items::Texts(_) => "position\ttime\ttext\n",
        }
    }

    /// What is to be said beside the items.
    fn tell(&self, output: &Output) {
        let (more, trimmed) = match self {
            Items::Profiles(page) => (page.more, page.trimmed),
            Items::Texts(page) => (page.more, page.trimmed),
        };
        if let Some(position) = trimmed {
            output
                .note(&format!("note: what was told before position {position} is kept no longer"));
        }
        if more {
            output.note(&format!("note: there is more; go on with --after {}", self.next()));
        }
    }
}

fn profiles_line(item: &IdentityItem) -> String {
    let mut line = format!(
        "{}\t{}\t{}\t{}\t{}",
        item.position,
        item.time,
        item.became,
        item.reason,
        item.origin.name()
    );
    let _ = writeln!(line, "\t{}\t{}", item.before.join(" "), item.after.join(" "));
    line
}

fn text_line(item: &StreamItem) -> String {
    let text = item.text.replace(['\t', '\n', '\r'], " ");
    format!("{}\t{}\t{text}\n", item.position, item.time)
}

fn read(what: &Read, output: &Output) -> Result<(), Failure> {
    let after = what.after.unwrap_or(Position(0));
    let items = ask(&what.named.store, output, |view| Items::of(view, what, after))?;
    let document = || match &items {
        Items::Profiles(page) => segments::page(page, segments::profiles_item),
        Items::Texts(page) => segments::page(page, segments::text_item),
    };
    output.answer(|| items.heading().to_owned() + &items.text(), document)?;
    items.tell(output);
    Ok(())
}

/// Prints what comes until somebody asks to stop. Nobody else writes while this command has the store.
fn follow(what: &Read, output: &Output) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let store = Store::open(&what.named.store.data, false, output)?;
    let session = store.session();
    let mut after = what.after.unwrap_or(Position(0));
    let mut going = || -> Result<(), Failure> {
        let mut headed = false;
        while stop.flow().is_continue() {
            store.db().tick()?;
            let items = Items::waited(&session, what, after)?;
            let heading = if headed { "" } else { items.heading() };
            output.piece(&(heading.to_owned() + &items.text()))?;
            (headed, after) = (true, items.next());
        }
        Ok(())
    };
    let followed = going();
    store.end(followed)
}
