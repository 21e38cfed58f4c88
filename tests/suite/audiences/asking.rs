//! Questions with what the oracle says, and how a wrong answer is told.

use super::history::Story;
use super::people::described;
use crate::ast::{self, Predicate, Table};
use crate::evaluate::{self, Expected, Fault};
use crate::generator::{Known, Questions, moment, smaller, smaller_table};
use crate::oracle::{HELD, World};
use crate::rng::Rng;
use navedb::{At, Error, ErrorKind, Result, Timestamp, Value, View};

type Rows = Vec<Vec<Option<Value>>>;

/// What is asked, with its texts.
enum Asked {
    /// An audience, as a predicate and as a statement.
    Members {
        predicate: Predicate,
        texts: [String; 2],
        expected: Expected<Vec<String>>,
    },
    Rows {
        table: Table,
        text: String,
        headings: Vec<Option<String>>,
        expected: Expected<Rows>,
    },
}

struct Question {
    asked: Asked,
    /// Which world it is asked of.
    place: usize,
}

/// A moment at which questions are asked, and the world that it shows.
struct Place {
    at: At,
    now: i64,
    world: World,
    known: Known,
}

/// The questions to one story.
pub struct List<'a> {
    story: &'a Story,
    places: Vec<Place>,
    questions: Vec<Question>,
}

/// What kinds of answers there were.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub asked: u64,
    /// Audiences that are neither nobody nor everybody, and tables with rows.
    pub telling: u64,
    /// Questions that have no answer.
    pub faults: u64,
    /// Questions that an engine may refuse.
    pub doubts: u64,
    /// Answers that come of money converted by a rate.
    pub converted: u64,
    /// Questions that compute with several currencies, or with an amount that no rate converts.
    pub currencies: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.asked += other.asked;
        self.telling += other.telling;
        self.faults += other.faults;
        self.doubts += other.doubts;
        self.converted += other.converted;
        self.currencies += other.currencies;
    }
}

/// Whether two cells are the same: of one type, and equal.
fn same_cell(left: &Option<Value>, right: &Option<Value>) -> bool {
    match (left, right) {
        (Some(Value::Float(a)), Some(Value::Float(b))) => a == b || (a.is_nan() && b.is_nan()),
        (left, right) => left == right,
    }
}

fn same_rows(left: &Rows, right: &Rows) -> bool {
    let same = |(a, b): (&Vec<Option<Value>>, &Vec<Option<Value>>)| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_cell(a, b))
    };
    left.len() == right.len() && left.iter().zip(right).all(same)
}

/// Whether an engine may answer so.
fn agrees<T>(got: &Result<T>, expected: &Expected<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    match (got, &expected.answer) {
        (Ok(got), Ok(expected)) => same(got, expected),
        (Ok(_), Err(_)) => false,
        (Err(error), Ok(_)) => expected.doubt && error.kind() == ErrorKind::Invalid,
        (Err(error), Err(fault)) => {
            let named = error.message().contains("several currencies");
            error.kind() == ErrorKind::Invalid && (*fault != Fault::Currencies || named)
        }
    }
}

fn same_members(got: &Vec<String>, expected: &Vec<String>) -> bool {
    got == expected
}

impl<'a> List<'a> {
    /// Thinks of questions: a quarter for the latest moment, a quarter with another `now()`, and half as of two
    /// moments. `world` gives the profiles as of a moment.
    pub fn new(
        rng: &mut Rng,
        story: &'a Story,
        count: u64,
        world: impl Fn(Option<i64>) -> World,
    ) -> List<'a> {
        let moments = [moment(rng, story.schema.base), moment(rng, story.schema.base)];
        let place = |at: At, now: i64, until: Option<i64>| {
            let world = world(until);
            Place { at, now, known: Known::new(&world), world }
        };
        let [first, second] = moments;
        let places = vec![
            place(At::Latest, story.end, None),
            place(At::Now(Timestamp(first)), first, None),
            place(At::AsOf(Timestamp(first)), first, Some(first)),
            place(At::AsOf(Timestamp(second)), second, Some(second)),
        ];
        let mut list = List { story, places, questions: Vec::new() };
        for place in 0..list.places.len() {
            for _ in 0..count / list.places.len() as u64 {
                let question = list.question(rng, place);
                list.questions.push(question);
            }
        }
        list
    }

    /// A question that the oracle can answer.
    fn question(&self, rng: &mut Rng, place: usize) -> Question {
        let Place { world, now, known, .. } = &self.places[place];
        let schema = &self.story.schema;
        loop {
            let rows = rng.one_in(3);
            let mut questions = Questions::new(rng, schema, &world.types, known);
            let asked = if rows {
                let table = questions.table(world.people.len());
                let expected = evaluate::table(world, &table, *now);
                if !expected.known() {
                    continue;
                }
                let (text, headings) = ast::write_table(rng, &table, schema);
                Asked::Rows { table, text, headings, expected }
            } else {
                let predicate = questions.ask();
                let expected = evaluate::members(world, &predicate, *now);
                if !expected.known() {
                    continue;
                }
                let texts = [false, true].map(|whole| ast::write(rng, &predicate, whole, schema));
                Asked::Members { predicate, texts, expected }
            };
            return Question { asked, place };
        }
    }

    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for question in &self.questions {
            let everybody = self.places[question.place].world.people.len();
            let (telling, fault, doubt, rates) = match &question.asked {
                Asked::Members { expected: Expected { answer, doubt, rates }, .. } => {
                    let some = |m: &Vec<String>| !m.is_empty() && m.len() < everybody;
                    (answer.as_ref().is_ok_and(some), answer.as_ref().err(), *doubt, *rates)
                }
                Asked::Rows { expected: Expected { answer, doubt, rates }, .. } => {
                    let some = answer.as_ref().is_ok_and(|rows| !rows.is_empty());
                    (some, answer.as_ref().err(), *doubt, *rates)
                }
            };
            let one = |flag: bool| u64::from(flag);
            let money = matches!(fault, Some(Fault::Currencies | Fault::Rate));
            tally.add(Tally {
                asked: 1,
                telling: one(telling),
                faults: one(fault.is_some()),
                doubts: one(doubt && fault.is_none()),
                converted: one(rates && fault.is_none()),
                currencies: one(money),
            });
        }
        tally
    }

    /// Asks everything of a store in one state. Which of two texts is asked changes from state to state; in the first
    /// one all are asked, and some of them again as `explain` writes them.
    pub fn ask(&self, view: &View, state: &str, turn: usize) {
        for (number, question) in self.questions.iter().enumerate() {
            let place = &self.places[question.place];
            let here = format!(
                "NAVE_SEED={}, question {number}, {state}, {:?}",
                self.story.seed, place.at
            );
            match &question.asked {
                Asked::Members { predicate, texts, expected } => {
                    let text = &texts[(number + turn) % 2];
                    let got = view.members(text, place.at);
                    if !agrees(&got, expected, same_members) {
                        let small = self.smallest(view, place, predicate);
                        panic!("{here}\n{text}\n{}\n\n{small}", versus(&got, expected));
                    }
                    if turn == 0 {
                        let here = format!("{here}\n{}\n{}", texts[0], texts[1]);
                        again(view, place.at, texts, number, &got, &here);
                    }
                }
                Asked::Rows { table, text, headings, expected } => {
                    let got = view.query(text, place.at);
                    if let Ok(got) = &got
                        && (HELD.counts_have_names || !table.counts())
                    {
                        let wrong = headings.iter().zip(&got.columns).find(|(wanted, found)| {
                            wanted.as_ref().is_some_and(|wanted| wanted != *found)
                        });
                        assert_eq!(wrong, None, "{here}\n{text}\nheadings");
                    }
                    let got = got.map(|table| table.rows);
                    if !agrees(&got, expected, same_rows) {
                        let small = self.smallest_table(view, place, table);
                        panic!("{here}\n{text}\n{}\n\n{small}", versus(&got, expected));
                    }
                }
            }
        }
    }

    /// The smallest part of an audience that the engine still answers wrongly.
    fn smallest(&self, view: &View, place: &Place, predicate: &Predicate) -> String {
        let schema = &self.story.schema;
        let text = |p: &Predicate| ast::write(&mut Rng::new(2), p, false, schema);
        let ask = |p: &Predicate| view.members(&text(p), place.at);
        let first = ask(predicate).err();
        let wrong = |p: &Predicate| {
            let (got, expected) = (ask(p), evaluate::members(&place.world, p, place.now));
            expected.known()
                && !agrees(&got, &expected, same_members)
                && told_alike(&got.err(), &first)
        };
        let mut small = predicate.clone();
        while let Some(next) = smaller(&small).into_iter().find(wrong) {
            small = next;
        }
        let (got, expected) = (ask(&small), evaluate::members(&place.world, &small, place.now));
        let mut shown = format!("smallest: {}\n{}", text(&small), versus(&got, &expected));
        let people = &place.world.people;
        if got.is_err() {
            shown.extend(people.iter().map(described));
        }
        if let (Ok(got), Ok(expected)) = (&got, &expected.answer) {
            let differs = |id: &String| got.contains(id) != expected.contains(id);
            let other = place.world.people.iter().find(|person| differs(&person.id));
            shown += &other.map(described).unwrap_or_default();
        }
        shown
    }

    fn smallest_table(&self, view: &View, place: &Place, table: &Table) -> String {
        let schema = &self.story.schema;
        let text = |t: &Table| ast::write_table(&mut Rng::new(2), t, schema).0;
        let ask = |t: &Table| view.query(&text(t), place.at).map(|table| table.rows);
        let first = ask(table).err();
        let wrong = |t: &Table| {
            let (got, expected) = (ask(t), evaluate::table(&place.world, t, place.now));
            expected.known()
                && !agrees(&got, &expected, same_rows)
                && told_alike(&got.err(), &first)
        };
        let mut small = table.clone();
        while let Some(next) = smaller_table(&small).into_iter().find(wrong) {
            small = next;
        }
        let (got, expected) = (ask(&small), evaluate::table(&place.world, &small, place.now));
        let people: Vec<String> = place.world.people.iter().take(6).map(described).collect();
        format!("smallest: {}\n{}{}", text(&small), versus(&got, &expected), people.concat())
    }
}

/// Whether a smaller question goes wrong in the same way.
fn told_alike(error: &Option<Error>, first: &Option<Error>) -> bool {
    match (error, first) {
        (Some(error), Some(first)) => error.message() == first.message(),
        (None, None) => true,
        _ => false,
    }
}

fn versus<T: std::fmt::Debug>(got: &Result<T>, expected: &Expected<T>) -> String {
    format!("expected {:?}\ngot      {got:?}\n", expected.answer)
}

/// The same question as a count, as a statement, and sometimes as `explain` writes it.
fn again(
    view: &View,
    at: At,
    texts: &[String; 2],
    number: usize,
    got: &Result<Vec<String>>,
    here: &str,
) {
    let expected = got.as_ref().ok().map(|members| members.len() as u64);
    for text in texts {
        assert_eq!(view.count(text, at).ok(), expected, "{here}\n{text}");
    }
    if number.is_multiple_of(4) && expected.is_some() {
        let explained = view.explain(&texts[0], at).unwrap();
        assert_eq!(Some(explained.count), expected, "{here}\n{explained:?}");
        let whole = view.count(&explained.text, at);
        assert_eq!(whole.ok(), expected, "{here}\nthe whole question: {}", explained.text);
    }
}
