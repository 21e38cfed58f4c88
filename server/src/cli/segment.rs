//! `nave segment` and `nave trait`: saved audiences whose members are kept up to date, and saved values.
//!
//! *Invariants:* `count` prints the number alone; members and a feed are told with the position that they stand at, so
//! that a reader goes on from there without a gap; asking decides nothing. *Where to start reading:* `run`.

use super::arguments::StoreOnly;
use super::audience::{lines, member_rows, overlap_table};
use super::define::text_of;
use super::failure::Failure;
use super::output::Output;
use super::progress::Stop;
use super::segment_arguments::{
    Computed, Feed, Has, Named, Replay, Rule, SegmentCommand, SegmentMembers, Shared, TraitCommand,
    Trial, Why,
};
use super::segment_text::{
    computed_text, describe_text, feed_heading, feed_line, history_text, list_text, replay_text,
    trial_text, why_text,
};
use super::store::Store;
use super::text::grouped;
use crate::resp::Reply;
use crate::{definitions, segments, shape};
use navedb::{At, DefineReport, ErrorKind, FeedPage, Position, Segment, Session, View};
use std::time::Duration;

/// How long a follower waits before it moves the clock on.
pub(super) const BETWEEN_TICKS: Duration = Duration::from_millis(250);

/// `nave segment ...`
pub(crate) fn run(command: SegmentCommand, output: &Output) -> Result<(), Failure> {
    match command {
        SegmentCommand::Define(rule) => save(&rule, false, output),
        SegmentCommand::Redefine(rule) => save(&rule, true, output),
        SegmentCommand::Try(trial) => attempt(&trial, output),
        SegmentCommand::Drop(named) => {
            changed(&named.store, output, |session| session.drop_segment(&named.name))
        }
        SegmentCommand::List(store) => list(&store, output),
        SegmentCommand::Describe(named) => describe(&named, output),
        SegmentCommand::Count(named) => count(&named, output),
        SegmentCommand::Members(members) => page_of_members(&members, output),
        SegmentCommand::Has(has) => is_in(&has, output),
        SegmentCommand::Why(why) => explain(&why, output),
        SegmentCommand::Overlap(shared) => overlap(&shared, output),
        SegmentCommand::History(named) => history(&named, output),
        SegmentCommand::Feed(feed) if feed.follow => follow(&feed, output),
        SegmentCommand::Feed(feed) => read(&feed, output),
        SegmentCommand::Replay(what) => replay(&what, output),
    }
}

/// `nave trait ...`
pub(crate) fn run_trait(command: TraitCommand, output: &Output) -> Result<(), Failure> {
    match command {
        TraitCommand::Define(Computed { store, description, name, text }) => {
            let define = |session: &Session| {
                let known = session.view().computed_traits().into_iter();
                let known = known.filter(|known| known.name == name).find_map(|k| k.description);
                session.define_trait(&name, &text, description.or(known).as_deref())
            };
            changed(&store, output, define).map_err(|failure| failure.shown_in(&text))
        }
        TraitCommand::List(store) => {
            let all = ask(&store, output, |view| Ok(view.computed_traits()))?;
            let document = || Reply::map([("traits", Reply::list(&all, segments::computed))]);
            output.answer(|| computed_text(&all), document)
        }
        TraitCommand::Drop(named) => {
            changed(&named.store, output, |session| session.drop_trait(&named.name))
        }
    }
}

/// Opens the store, asks, and closes it again.
pub(super) fn ask<T>(
    store: &StoreOnly,
    output: &Output,
    ask: impl FnOnce(&View) -> navedb::Result<T>,
) -> Result<T, Failure> {
    let store = Store::open(&store.data, false, output)?;
    let answer = ask(&store.view());
    store.leave();
    Ok(answer?)
}

/// Opens the store, changes a definition, and tells what became of it.
pub(super) fn changed(
    store: &StoreOnly,
    output: &Output,
    change: impl FnOnce(&Session) -> navedb::Result<DefineReport>,
) -> Result<(), Failure> {
    let store = Store::open(&store.data, false, output)?;
    let report = change(&store.session());
    let report = store.end(report)?;
    output.answer(|| text_of(&report), || definitions::define_report(&report))
}

/// Defines a segment, or changes one: what of it is not given stays as it is.
fn save(rule: &Rule, again: bool, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&rule.store.data, false, output)?;
    let done = saved(&store, rule, again);
    let (report, now) = store.end(done)?;
    output.answer(
        || format!("{}{} profiles are in it\n", text_of(&report), grouped(now.count)),
        || {
            let report = definitions::define_report(&report);
            Reply::map([("segment", segments::segment(&now)), ("define", report)])
        },
    )
}

fn saved(store: &Store, rule: &Rule, again: bool) -> Result<(DefineReport, Segment), Failure> {
    let (name, mut given) = (&rule.name, rule.says());
    let session = store.session();
    let report = if again {
        let known = store.view().segment(name)?.rule;
        given.owner = given.owner.or(known.owner);
        given.purpose = given.purpose.or(known.purpose);
        given.description = given.description.or(known.description);
        given.retain_days = given.retain_days.or(known.retain_days);
        given.events |= known.events;
        if given.traits.is_empty() {
            given.traits = known.traits;
        }
        session.redefine_segment(name, &given)
    } else {
        session.define_segment(name, &given)
    };
    let report = report.map_err(|e| Failure::in_text(e, &given.audience))?;
    Ok((report, store.view().segment(name)?))
}

fn attempt(trial: &Trial, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&trial.store.data, false, output)?;
    let view = store.view();
    let found = view.try_segment(&trial.name, &trial.text);
    let known = view.segment(&trial.name).ok();
    store.leave();
    let found = found.map_err(|e| Failure::in_text(e, &trial.text))?;
    output.answer(|| trial_text(&found, known.as_ref()), || segments::trial(&found))
}

fn list(store: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let all = ask(store, output, |view| Ok(view.segments()))?;
    let document = || Reply::map([("segments", Reply::list(&all, segments::segment))]);
    output.answer(|| list_text(&all), document)
}

fn describe(named: &Named, output: &Output) -> Result<(), Failure> {
    let (segment, clock) =
        ask(&named.store, output, |view| Ok((view.segment(&named.name)?, view.segment_clock())))?;
    output.answer(|| describe_text(&segment, clock), || segments::segment(&segment))
}

fn count(named: &Named, output: &Output) -> Result<(), Failure> {
    let count = ask(&named.store, output, |view| view.segment_count(&named.name))?;
    output.answer(|| format!("{count}\n"), || Reply::map([("count", Reply::count(count))]))
}

/// The audience of those who are in a segment.
fn members_of(view: &View, name: &str) -> navedb::Result<String> {
    let segment = view.segment(name)?;
    Ok(format!("in_segment('{}')", segment.name.replace('\'', "''")))
}

fn page_of_members(members: &SegmentMembers, output: &Output) -> Result<(), Failure> {
    let (named, request) = (&members.named, members.page.request());
    let (page, position) = ask(&named.store, output, |view| {
        let text = members_of(view, &named.name)?;
        Ok((view.members_page(&text, &request, At::Latest)?, view.position()))
    })?;
    output.answer(
        || lines(&member_rows(&page, &request)),
        || shape::members_at(&page, &request.select, position),
    )?;
    if let Some(next) = page.next {
        output.note(&format!("note: there are more members; go on with --after {next}"));
    }
    if request.after.is_none() {
        output.note(&format!(
            "note: the members at position {position}; 'nave segment feed --after {position}' \
             tells what came later"
        ));
    }
    Ok(())
}

/// Nobody has the identifier.
fn nobody((namespace, value): &(String, String)) -> Failure {
    let message =
        format!("nobody has the {namespace} '{value}'; try another identifier of the person");
    Failure::new("not_found", message)
}

fn is_in(has: &Has, output: &Output) -> Result<(), Failure> {
    let (namespace, value) = &has.identifier;
    let Some(name) = &has.name else {
        let names = ask(&has.store, output, |view| view.segments_of(namespace, value))?;
        let names = names.ok_or_else(|| nobody(&has.identifier))?;
        return output.answer(
            || names.iter().map(|name| format!("{name}\n")).collect(),
            || Reply::map([("segments", Reply::list(&names, |name| Reply::from(name.as_str())))]),
        );
    };
    let is = ask(&has.store, output, |view| view.in_segment(name, namespace, value))?;
    let is = is.ok_or_else(|| nobody(&has.identifier))?;
    let text = if is { "yes\n" } else { "no\n" };
    output.answer(|| text.to_owned(), || Reply::map([("member", Reply::Boolean(is))]))
}

fn explain(what: &Why, output: &Output) -> Result<(), Failure> {
    let Why { named, identifier: (namespace, value) } = what;
    let found = ask(&named.store, output, |view| view.segment_why(&named.name, namespace, value))?;
    let found = found.ok_or_else(|| nobody(&what.identifier))?;
    output.answer(|| why_text(&found), || segments::why(&found))
}

fn overlap(shared: &Shared, output: &Output) -> Result<(), Failure> {
    let found = ask(&shared.store, output, |view| {
        let texts: navedb::Result<Vec<String>> =
            shared.names.iter().map(|name| members_of(view, name)).collect();
        let texts = texts?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        view.overlap(&texts, At::Latest)
    })?;
    let names: Vec<&str> = shared.names.iter().map(String::as_str).collect();
    let table = overlap_table(("segment", &names), &found);
    output.answer(|| lines(&table), || shape::overlap(&found))
}

fn history(named: &Named, output: &Output) -> Result<(), Failure> {
    let versions = ask(&named.store, output, |view| view.segment_history(&named.name))?;
    let document = || Reply::map([("versions", Reply::list(&versions, segments::version))]);
    output.answer(|| history_text(&versions), document)
}

/// The traits that the items of a feed tell; none when the segment is no more.
fn told_traits(view: &View, name: &str) -> navedb::Result<Vec<String>> {
    match view.segment(name) {
        Ok(segment) => Ok(segment.rule.traits),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn read(feed: &Feed, output: &Output) -> Result<(), Failure> {
    let name = &feed.named.name;
    let after = feed.after.unwrap_or(Position(0));
    let (page, traits) = ask(&feed.named.store, output, |view| {
        Ok((view.feed(name.as_str(), after, feed.limit)?, told_traits(view, name)?))
    })?;
    let text = || feed_heading(&traits) + &page.items.iter().map(feed_line).collect::<String>();
    output.answer(text, || segments::feed(&page))?;
    tell_trimmed(&page, output);
    if page.more {
        output.note(&format!("note: there is more; go on with --after {}", page.next));
    }
    Ok(())
}

fn tell_trimmed(page: &FeedPage, output: &Output) {
    if let Some(position) = page.trimmed {
        output.note(&format!("note: what was told before position {position} is kept no longer"));
    }
}

/// Prints what is told until somebody asks to stop. Nobody else writes while this command has the store, so what comes
/// is what time brings about.
fn follow(feed: &Feed, output: &Output) -> Result<(), Failure> {
    let (stop, name) = (Stop::listen()?, &feed.named.name);
    let store = Store::open(&feed.named.store.data, false, output)?;
    let traits = told_traits(&store.view(), name);
    let session = store.session();
    let mut after = feed.after.unwrap_or(Position(0));
    let mut going = |traits: Vec<String>| -> Result<(), Failure> {
        let mut first = Some(feed_heading(&traits));
        while stop.flow().is_continue() {
            store.db().tick()?;
            let page = session.wait_feed(name.as_str(), after, feed.limit, BETWEEN_TICKS)?;
            let heading = first.take().into_iter();
            let text: String = heading.chain(page.items.iter().map(feed_line)).collect();
            output.piece(&text)?;
            tell_trimmed(&page, output);
            after = page.next;
        }
        Ok(())
    };
    let followed = traits.map_err(Failure::from).and_then(&mut going);
    store.end(followed)
}

fn replay(what: &Replay, output: &Output) -> Result<(), Failure> {
    let to = what.to.unwrap_or(what.from);
    let store = Store::open(&what.store.data, false, output)?;
    let view = store.view();
    let text = match (&what.name, &what.audience) {
        (Some(name), _) => view.segment(name).map(|segment| segment.rule.audience),
        (None, text) => Ok(text.clone().unwrap_or_default()),
    };
    let text = text?;
    let found = view.replay_audience(&text, (what.from, to), what.every);
    store.leave();
    let found = found.map_err(|e| Failure::in_text(e, &text))?;
    output.answer(|| replay_text(&found, what.from, what.ids), || segments::replay(&found))
}
