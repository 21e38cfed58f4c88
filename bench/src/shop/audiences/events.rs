//! Random subqueries over events, with entities beside them, and funnels.

use super::Asker;
use super::columns::{BRAND, EVENTS, Kind, PRODUCT, PROFILES, Table};
use super::values::{Form, INTERVALS, Moment, Number};

/// The tables of a subquery.
struct Source {
    from: String,
    /// The name of the events here.
    events: String,
    tables: Vec<(String, &'static Table)>,
    filters: Vec<String>,
}

/// Which entities stand beside the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    Anything,
    Product,
    MaybeProduct,
    Brand,
}

/// What a subquery gives.
pub(super) enum Given {
    Number(Number),
    Moment(Moment),
    Text(String, Kind),
}

impl Source {
    /// `FROM ... WHERE ...`
    fn text(&self) -> String {
        if self.filters.is_empty() {
            return self.from.clone();
        }
        format!("{} WHERE {}", self.from, self.filters.join(" AND "))
    }
}

fn scope<'a>(tables: &'a [(String, &'static Table)]) -> Vec<(&'a str, &'static Table)> {
    tables.iter().map(|(name, table)| (name.as_str(), *table)).collect()
}

impl Asker {
    /// A source without conditions but for the correlation.
    fn bare(&mut self, table: &'static Table, alias: &str, beside: Beside) -> Source {
        let mut from = format!("FROM {} {alias}", table.name);
        let mut events = alias.to_owned();
        if beside == Beside::Nothing && alias == "e" && self.rng.percent(8) {
            (from, events) = (format!("FROM {}", table.name), table.name.to_owned());
        }
        let mut tables = vec![(events.clone(), table)];
        let product = match beside {
            Beside::Nothing => false,
            Beside::Anything => self.rng.percent(25),
            Beside::Product | Beside::MaybeProduct | Beside::Brand => true,
        };
        if product {
            let left = match beside {
                Beside::MaybeProduct => true,
                Beside::Anything => self.rng.percent(30),
                _ => false,
            };
            let join = if left { "LEFT JOIN" } else { *self.rng.pick(&["JOIN", "INNER JOIN"]) };
            let d = format!("d{}", alias.trim_start_matches(|c: char| c.is_ascii_alphabetic()));
            from += &if self.rng.percent(80) {
                format!(" {join} product {d} ON {d}.id = {events}.product_id")
            } else {
                format!(" {join} product {d} ON {events}.product_id = {d}.id")
            };
            tables.push((d.clone(), &PRODUCT));
            if beside == Beside::Brand {
                let join = if self.rng.percent(30) { "LEFT JOIN" } else { "JOIN" };
                let b = d.replace('d', "b");
                from += &format!(" {join} brand {b} ON {b}.id = {d}.brand_id");
                tables.push((b, &BRAND));
            }
        }
        let filters = match self.statement {
            true if self.rng.percent(85) => vec![format!("{events}.profile_id = p.profile_id")],
            true => vec![format!("p.profile_id = {events}.profile_id")],
            false => Vec::new(),
        };
        Source { from, events, tables, filters }
    }

    /// A source with so many conditions.
    fn source(&mut self, table: &'static Table, beside: Beside, conditions: u64) -> Source {
        let mut source = self.bare(table, "e", beside);
        for _ in 0..conditions {
            let tables = scope(&source.tables);
            // Conditions on what was joined last are the ones that a join is for.
            let own =
                if self.rng.percent(50) { tables.split_at(tables.len() - 1).1 } else { &tables };
            let condition = self.condition(own);
            source.filters.push(condition);
        }
        if source.filters.len() > 1 && self.rng.percent(20) {
            source.filters.rotate_left(1);
        }
        source
    }

    fn events(&mut self) -> &'static Table {
        match self.rng.below(10) {
            0..3 => &EVENTS[0],
            3..7 => &EVENTS[1],
            7 | 8 => &EVENTS[2],
            _ => &EVENTS[3],
        }
    }

    fn some_conditions(&mut self) -> u64 {
        *self.rng.pick(&[0, 1, 1, 2])
    }

    pub(super) fn exists(&mut self, beside: Beside) -> String {
        let table = self.events();
        let conditions = 1 + self.rng.below(2);
        let source = self.source(table, beside, conditions);
        let not = if self.rng.percent(40) { "NOT " } else { "" };
        let what = *self.rng.pick(&["1", "1", "*"]);
        format!("{not}EXISTS (SELECT {what} {})", source.text())
    }

    /// Events beside a trait of the profile.
    pub(super) fn exists_like_profile(&mut self) -> String {
        let table = self.events();
        let mut source = self.source(table, Beside::Anything, 0);
        let inner = scope(&source.tables);
        let outer = [("p", &PROFILES)];
        let mut both = inner.clone();
        both.push(("p", &PROFILES));
        let condition = match self.rng.below(6) {
            0 => {
                let moment = self.moment(&inner, 0);
                let own = self.moment(&outer, 0);
                self.compare_times(&moment, Some(&own))
            }
            1 => {
                let (number, own) = (self.number(&inner, 0, true), self.number(&outer, 0, true));
                let sign = self.sign(true);
                format!("{} {sign} {}", number.sql, own.sql)
            }
            2 => {
                let sets = |kind: Kind| matches!(kind, Kind::Set(_));
                let (set, _) = self.column(&outer, &sets).expect("profiles have sets");
                match self.text(&inner) {
                    Some((text, _)) => format!("{text} = ANY({set})"),
                    None => self.condition(&inner),
                }
            }
            3 => self.condition(&both),
            _ => match (self.text(&inner), self.text(&outer)) {
                (Some((text, _)), Some((own, _))) => {
                    let sign = self.sign(true);
                    format!("{text} {sign} {own}")
                }
                _ => self.condition(&both),
            },
        };
        source.filters.push(condition);
        let text = source.text();
        if self.rng.percent(50) {
            format!("EXISTS (SELECT 1 {text})")
        } else {
            let sign = self.sign(true);
            format!("(SELECT count(*) {text}) {sign} {}", self.rng.below(4))
        }
    }

    /// The number of events.
    pub(super) fn count(&mut self, beside: Beside) -> Number {
        let table = self.events();
        let conditions = self.some_conditions();
        let source = self.source(table, beside, conditions);
        let tables = scope(&source.tables);
        let what = match self.rng.below(6) {
            0 => match self.bare_column(&tables, &|kind| !matches!(kind, Kind::Set(_))) {
                Some((sql, _)) => sql,
                None => "*".to_owned(),
            },
            _ => "*".to_owned(),
        };
        self.counted(format!("(SELECT count({what}) {})", source.text()), 5.0)
    }

    fn counted(&self, sql: String, high: f64) -> Number {
        Number { sql, low: 0.0, high, form: Form::Integer, rounded: false }
    }

    pub(super) fn count_distinct(&mut self, beside: Beside) -> Number {
        let table = self.events();
        let conditions = self.rng.below(2);
        let source = self.source(table, beside, conditions);
        let tables = scope(&source.tables);
        let what = match self.rng.below(4) {
            0 => self.number(&tables, 1, true).sql,
            1 => self.moment(&tables, 1).sql,
            _ => match self.text(&tables) {
                Some((sql, _)) => sql,
                None => self.moment(&tables, 0).sql,
            },
        };
        self.counted(format!("(SELECT count(DISTINCT {what}) {})", source.text()), 4.0)
    }

    /// A sum or an average.
    pub(super) fn sum(&mut self, beside: Beside) -> Number {
        let table = self.events();
        let conditions = self.some_conditions();
        let source = self.source(table, beside, conditions);
        let tables = scope(&source.tables);
        let number = self.number(&tables, 1, true);
        let average = self.rng.percent(40);
        let rounded = average || number.form == Form::Float;
        if number.form == Form::Float && number.low < 0.0 {
            // Sums of floats are only alike when nothing is taken away.
            return self.counted(format!("(SELECT count({}) {})", number.sql, source.text()), 5.0);
        }
        let (function, times) = if average { ("avg", 1.0) } else { ("sum", 4.0) };
        let form = match (number.form, average) {
            (_, true) => Form::Float,
            // The sum of integers is a decimal here, and an integer elsewhere.
            (Form::Integer, false) => Form::Decimal,
            (form, false) => form,
        };
        let sql = format!("(SELECT {function}({}) {})", number.sql, source.text());
        let (low, high) = (number.low.min(0.0) * times, number.high * times);
        Number { sql, low, high, form, rounded }
    }

    /// Money of purchases, gathered in one currency.
    pub(super) fn spent(&mut self, beside: Beside) -> Number {
        let purchases = &EVENTS[1];
        let conditions = self.some_conditions();
        let source = self.source(purchases, beside, conditions);
        let tables = scope(&source.tables);
        let money = |kind: Kind| matches!(kind, Kind::Currencies(..));
        let (price, _) = self.column(&tables, &money).expect("purchases have prices");
        let function = *self.rng.pick(&["sum", "sum", "sum", "min", "max", "avg"]);
        let times = if function == "sum" { 3.0 } else { 1.0 };
        let sql = format!("(SELECT {function}({price}) {})", source.text());
        let rounded = function == "avg";
        let form = if rounded { Form::Float } else { Form::Decimal };
        Number { sql, low: 0.0, high: 1000.0 * times, form, rounded }
    }

    /// The least or the greatest, the first or the last value.
    pub(super) fn extreme(&mut self, beside: Beside) -> Given {
        let edge = self.rng.percent(50);
        let mut table = self.events();
        while edge && !table.ids {
            table = self.events();
        }
        let conditions = self.some_conditions();
        let source = self.source(table, beside, conditions);
        let tables = scope(&source.tables);
        let (before, after) = if edge {
            let down = if self.rng.percent(60) { " DESC" } else { "" };
            let e = &source.events;
            ("", format!(" ORDER BY {e}.time{down}, {e}.message_id{down} LIMIT 1"))
        } else {
            (*self.rng.pick(&["min", "max"]), String::new())
        };
        let close = if edge { "" } else { ")" };
        let open = if edge { "" } else { "(" };
        let whole =
            |value: &str| format!("(SELECT {before}{open}{value}{close} {}{after})", source.text());
        match self.rng.below(5) {
            0 | 1 => {
                let number = self.number(&tables, 1, true);
                Given::Number(Number { sql: whole(&number.sql), ..number })
            }
            2 => {
                let moment = self.moment(&tables, 1);
                Given::Moment(Moment { sql: whole(&moment.sql), ..moment })
            }
            _ => match self.text(&tables) {
                Some((sql, kind)) => Given::Text(whole(&sql), kind),
                None => {
                    let moment = self.moment(&tables, 0);
                    Given::Moment(Moment { sql: whole(&moment.sql), ..moment })
                }
            },
        }
    }

    /// A condition on what a subquery gives.
    pub(super) fn about(&mut self, given: &Given) -> String {
        match given {
            Given::Number(number) => self.compare_numbers(number, None),
            Given::Moment(moment) => self.compare_times(moment, None),
            Given::Text(sql, kind) => {
                let word = self.word(*kind);
                match self.rng.below(4) {
                    0 => format!("{sql} IS NULL"),
                    1 => {
                        let other = self.word(*kind);
                        format!("{sql} IN ({word}, {other})")
                    }
                    _ => {
                        let sign = self.sign(true);
                        format!("{sql} {sign} {word}")
                    }
                }
            }
        }
    }

    /// Two to four steps; `bound` when later steps look at earlier ones.
    pub(super) fn funnel(&mut self, bound: bool, beside: Beside) -> String {
        self.plain = false;
        let count = *self.rng.pick(&[2, 2, 2, 3, 3, 4]);
        // One of several days or months, mostly.
        let (long, all) = (&INTERVALS[..3], &INTERVALS[..7]);
        let span = if self.rng.percent(40) { "INTERVAL '1 year'" } else { "" };
        let span = match span {
            "" if self.rng.percent(60) => self.rng.word(long),
            "" => self.rng.word(all),
            year => year,
        };
        let (mut steps, mut before): (Vec<String>, Vec<&'static Table>) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let table =
                if number == 1 && self.rng.percent(70) { &EVENTS[0] } else { self.events() };
            let alias = format!("s{number}");
            let beside = if number == 2 { beside } else { Beside::Nothing };
            let mut source = self.bare(table, &alias, beside);
            // Views are many: they are narrowed, so that a chain of them stays short.
            if table.name == "view" || self.rng.percent(25) || beside != Beside::Nothing {
                let tables = scope(&source.tables);
                let condition = self.condition(tables.split_at(tables.len() - 1).1);
                source.filters.push(condition);
            }
            if bound && !before.is_empty() {
                let earlier = self.rng.below(before.len() as u64);
                let sign = if self.rng.percent(85) { "=" } else { "<>" };
                let campaigns = |table: &Table| matches!(table.name, "view" | "purchase");
                let both =
                    campaigns(table) && before.get(earlier as usize).is_some_and(|t| campaigns(t));
                let column = if both && self.rng.percent(75) { "campaign" } else { "product_id" };
                let place = earlier + 1;
                source.filters.push(format!("{alias}.{column} {sign} s{place}.{column}"));
            }
            before.push(table);
            steps.push(format!("(SELECT 1 {})", source.text()));
        }
        let not = if self.rng.percent(20) { "NOT " } else { "" };
        format!("{not}funnel({span}, {})", steps.join(", "))
    }
}
