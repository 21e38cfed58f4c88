//! Random audiences over the shop, in the whole language.
//!
//! *Invariants:* audience number n of a seed is the same whatever else is asked for; each has one of the themes in
//! turn, so that nothing of the language is left to chance; where an audience is `plain`, SQL has all that it says,
//! word for word. Sums and averages of floats, whose last digits depend on how they are made, are compared with numbers
//! that they never meet. *Where to start reading:* `audiences`.

mod columns;
mod conditions;
mod events;
mod tables;
mod values;

use super::Shop;
use super::rng::Rng;
use columns::{PROFILES, Table};
use events::Beside;

/// A question about the shop.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Its number and its theme.
    pub name: String,
    /// The text; `{namespace=value}` stands for the id of a profile.
    pub text: String,
    /// Whether it is a whole statement.
    pub statement: bool,
    /// Whether the same words mean the same in DuckDB.
    pub plain: bool,
    /// Whether the order of the rows is told.
    pub ordered: bool,
}

/// Tables by the names under which their columns are asked for.
type Scope<'a> = &'a [(&'a str, &'static Table)];

/// Makes one audience.
struct Asker {
    rng: Rng,
    shop: Shop,
    statement: bool,
    plain: bool,
    ordered: bool,
}

const THEMES: [&str; 33] = [
    "text",
    "number",
    "time",
    "set",
    "pattern",
    "boolean",
    "arithmetic",
    "null",
    "zone",
    "count",
    "sum",
    "extreme",
    "money",
    "distinct",
    "exists",
    "join",
    "two joins",
    "left join",
    "like the profile",
    "two subqueries",
    "beside a trait",
    "coalesced",
    "identifiers",
    "bucket",
    "funnel",
    "bound funnel",
    "funnel with a join",
    "ids",
    "list",
    "groups",
    "pairs of groups",
    "totals",
    "everything",
];

/// The first so many audiences of a shop.
pub fn audiences(shop: Shop, count: usize) -> Vec<Audience> {
    (0..count).map(|number| audience(shop, number)).collect()
}

fn audience(shop: Shop, number: usize) -> Audience {
    let theme = THEMES.get(number % THEMES.len()).expect("there is a theme");
    let mut rng = Rng::of(shop.seed, 100, number as u64);
    let table = matches!(*theme, "list" | "groups" | "pairs of groups" | "totals");
    let statement = table || rng.percent(75);
    let mut asker = Asker { rng, shop, statement, plain: true, ordered: false };
    let condition = asker.predicate(theme);
    let text = match *theme {
        "list" => asker.list(&condition),
        "groups" => asker.groups(1, &condition),
        "pairs of groups" => asker.groups(2, &condition),
        "totals" => asker.totals(&condition),
        _ if statement => format!("SELECT count(*) FROM profiles p WHERE {condition}"),
        _ => condition,
    };
    let name = format!("{:03} {theme}", number + 1);
    Audience { name, text, statement, plain: asker.plain, ordered: asker.ordered }
}

impl Asker {
    /// A condition of a theme, mostly with another one beside it.
    fn predicate(&mut self, theme: &str) -> String {
        let first = self.theme(theme);
        if self.rng.percent(35) {
            return first;
        }
        let other = *self.rng.pick(&THEMES[..22]);
        let second = self.theme(other);
        match self.rng.below(8) {
            0..3 => format!("{first} AND {second}"),
            3..6 => format!("{first} OR {second}"),
            6 => format!("NOT ({first} AND {second})"),
            _ => {
                let third = self.condition(&[("p", &PROFILES)]);
                format!("({first} OR {third}) AND {second}")
            }
        }
    }

    fn theme(&mut self, theme: &str) -> String {
        let p: Scope<'_> = &[("p", &PROFILES)];
        match theme {
            "text" => self.about_text(p),
            "number" => self.about_number(p, 0),
            "time" => self.about_time(p),
            "set" => self.about_set(p),
            "pattern" => self.about_pattern(p),
            "boolean" => self.about_boolean(p),
            "arithmetic" => self.about_number(p, 2),
            "null" => self.about_null(p),
            "zone" => self.about_zone(p),
            "count" => {
                let number = self.count(Beside::Nothing);
                self.compare_numbers(&number, None)
            }
            "sum" => {
                let number = self.sum(Beside::Nothing);
                self.compare_numbers(&number, None)
            }
            "extreme" => {
                let given = self.extreme(Beside::Nothing);
                self.about(&given)
            }
            "money" => self.about_money(p),
            "distinct" => {
                let number = self.count_distinct(Beside::Anything);
                self.compare_numbers(&number, None)
            }
            "exists" => self.exists(Beside::Nothing),
            "join" => self.joined_theme(Beside::Product),
            "two joins" => self.joined_theme(Beside::Brand),
            "left join" => self.joined_theme(Beside::MaybeProduct),
            "like the profile" => self.exists_like_profile(),
            "two subqueries" => self.two(),
            "beside a trait" => {
                let number = if self.rng.percent(50) {
                    self.count(Beside::Anything)
                } else {
                    self.exact_sum()
                };
                let own = self.number(p, 0, true);
                let sign = self.sign(true);
                format!("{} {sign} {}", number.sql, own.sql)
            }
            "coalesced" => {
                let number = self.sum(Beside::Anything);
                let value = self.constant(&number);
                let number =
                    values::Number { sql: format!("coalesce({}, {value})", number.sql), ..number };
                self.compare_numbers(&number, None)
            }
            "identifiers" => self.about_identifiers(),
            "bucket" => self.about_bucket(),
            "funnel" => self.funnel(false, Beside::Nothing),
            "bound funnel" => self.funnel(true, Beside::Nothing),
            "funnel with a join" => {
                let bound = self.rng.percent(50);
                self.funnel(bound, Beside::Product)
            }
            "ids" => self.about_ids(),
            _ => {
                let any = *self.rng.pick(&THEMES[..28]);
                self.theme(any)
            }
        }
    }

    fn about_zone(&mut self, p: Scope<'_>) -> String {
        let moment = self.column(p, &|kind| matches!(kind, columns::Kind::Time));
        let sql = moment.expect("profiles have a time").0;
        let moment = self.local(values::Moment::of_instant(sql));
        self.compare_times(&moment, None)
    }

    fn about_money(&mut self, p: Scope<'_>) -> String {
        let beside = *self.rng.pick(&[Beside::Nothing, Beside::Anything]);
        let number = self.spent(beside);
        let balance = |kind| matches!(kind, columns::Kind::Currencies(..));
        match self.column(p, &balance) {
            Some((own, _)) if !number.rounded && self.rng.percent(25) => {
                format!("{} {} {own}", number.sql, self.sign(false))
            }
            _ => self.compare_numbers(&number, None),
        }
    }

    fn joined_theme(&mut self, beside: Beside) -> String {
        match self.rng.below(4) {
            0 => self.exists(beside),
            1 => {
                let number = self.sum(beside);
                self.compare_numbers(&number, None)
            }
            2 => {
                let given = self.extreme(beside);
                self.about(&given)
            }
            _ => {
                let number = self.count(beside);
                self.compare_numbers(&number, None)
            }
        }
    }

    /// A sum that is the same however it is made.
    fn exact_sum(&mut self) -> values::Number {
        loop {
            let number = self.sum(Beside::Nothing);
            if !number.rounded {
                return number;
            }
        }
    }

    /// Two numbers of events, compared, or added up first.
    fn two(&mut self) -> String {
        let (left, right) = match self.rng.below(3) {
            0 => (self.exact_sum(), self.exact_sum()),
            _ => (self.count(Beside::Nothing), self.count_distinct(Beside::Nothing)),
        };
        if self.rng.percent(70) {
            let sign = self.sign(true);
            return format!("{} {sign} {}", left.sql, right.sql);
        }
        let operator = *self.rng.pick(&["+", "-", "*"]);
        let sign = self.sign(true);
        format!("({} {operator} {}) {sign} {}", left.sql, right.sql, self.rng.below(9))
    }
}
