//! Random conditions on the values of a row or of a profile.

use super::columns::Kind;
use super::values::{Form, Moment, Number};
use super::{Asker, Scope};

impl Asker {
    /// A condition on the columns of some tables.
    pub(super) fn condition(&mut self, scope: Scope<'_>) -> String {
        match self.rng.below(20) {
            0..4 => self.about_text(scope),
            4..6 => self.about_pattern(scope),
            6..10 => self.about_number(scope, 1),
            10..14 => self.about_time(scope),
            14 | 15 => self.about_boolean(scope),
            16 => self.about_set(scope),
            17 => {
                let inner = self.condition(scope);
                format!("NOT ({inner})")
            }
            18 => {
                let (left, right) = (self.condition(scope), self.condition(scope));
                format!("({left} OR {right})")
            }
            _ => self.about_null(scope),
        }
    }

    /// One of the signs of comparison; those that ask for equality only where it is exact.
    pub(super) fn sign(&mut self, exact: bool) -> &'static str {
        let signs = ["<", "<=", ">", ">=", "<", ">", "=", "=", "<>", "!="];
        self.rng.word(if exact { &signs } else { &signs[..6] })
    }

    pub(super) fn about_number(&mut self, scope: Scope<'_>, depth: u32) -> String {
        let number = self.number(scope, depth, false);
        let other = self.number(scope, depth.saturating_sub(1), false);
        self.compare_numbers(&number, Some(&other))
    }

    /// A number beside constants, or beside another number.
    pub(super) fn compare_numbers(&mut self, number: &Number, other: Option<&Number>) -> String {
        let sql = &number.sql;
        let exact = !number.rounded;
        // Few decimals and floats are just the one that is named.
        let meets = exact && (number.form == Form::Integer || self.rng.percent(15));
        let (mut a, mut b) = (self.constant(number), self.constant(number));
        let value = |text: &str| text.parse::<f64>().unwrap_or_default();
        if value(&a) > value(&b) && self.rng.percent(90) {
            std::mem::swap(&mut a, &mut b);
        }
        match (self.rng.below(12), other) {
            (0, _) => format!("{sql} BETWEEN {a} AND {b}"),
            (1, _) => format!("{sql} NOT BETWEEN {a} AND {b}"),
            (2, _) if exact && number.form == Form::Integer => {
                let c = self.constant(number);
                let not = if self.rng.percent(50) { "NOT " } else { "" };
                format!("{sql} {not}IN ({a}, {b}, {c})")
            }
            (3, _) if number.form == Form::Integer && exact => format!("{sql} IN ({a}, NULL)"),
            (4, Some(other)) if exact && !other.rounded => {
                let sign = self.sign(true);
                format!("{sql} {sign} {}", other.sql)
            }
            (5, _) => {
                let sign = self.sign(meets);
                format!("{a} {sign} {sql}")
            }
            _ => {
                let sign = self.sign(meets);
                format!("{sql} {sign} {a}")
            }
        }
    }

    pub(super) fn about_text(&mut self, scope: Scope<'_>) -> String {
        let Some((sql, kind)) = self.text(scope) else { return self.about_time(scope) };
        let (a, b) = (self.word(kind), self.word(kind));
        let not = if self.rng.percent(30) { "NOT " } else { "" };
        match self.rng.below(8) {
            0 => {
                let c = self.word(kind);
                format!("{sql} {not}IN ({a}, {b}, {c})")
            }
            1 => format!("{sql} {not}BETWEEN {a} AND {b}"),
            2 => match self.text(scope) {
                Some((other, _)) if other != sql => {
                    let sign = self.sign(true);
                    format!("{sql} {sign} {other}")
                }
                _ => format!("{sql} = {a}"),
            },
            3 | 4 => {
                let sign = self.sign(true);
                format!("{sql} {sign} {a}")
            }
            _ => format!("{sql} = {a}"),
        }
    }

    /// LIKE and ILIKE, with and without an escape.
    pub(super) fn about_pattern(&mut self, scope: Scope<'_>) -> String {
        let texts = |kind: Kind| matches!(kind, Kind::Text(_));
        let Some((sql, Kind::Text(words))) = self.column(scope, &texts) else {
            return self.about_number(scope, 1);
        };
        let word: Vec<char> = self.rng.pick(words).chars().collect();
        let cut = 1 + self.rng.below(4) as usize;
        let start: String = word.iter().take(cut).collect();
        let end: String = word.iter().rev().take(cut).rev().collect();
        let middle: String = word.iter().skip(1).take(cut).collect();
        let not = if self.rng.percent(25) { "NOT " } else { "" };
        let like = if self.rng.percent(30) { "ILIKE" } else { "LIKE" };
        let escaped = |text: &str| text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        let pattern = match self.rng.below(7) {
            0 | 1 => format!("{start}%"),
            2 => format!("%{end}"),
            3 => format!("%{middle}%"),
            4 => format!("_{middle}%"),
            5 => {
                let holes = word.iter().enumerate();
                holes.map(|(at, c)| if at % 3 == 1 { '_' } else { *c }).collect()
            }
            _ => {
                let pattern = format!("%{}%", escaped(&middle));
                return format!("{sql} {not}{like} {} ESCAPE '!'", self.quoted(&pattern));
            }
        };
        format!("{sql} {not}{like} {}", self.quoted(&pattern))
    }

    pub(super) fn about_time(&mut self, scope: Scope<'_>) -> String {
        let moment = self.moment(scope, 1);
        let other = self.moment(scope, 0);
        self.compare_times(&moment, Some(&other))
    }

    pub(super) fn compare_times(&mut self, moment: &Moment, other: Option<&Moment>) -> String {
        let sql = &moment.sql;
        let (a, b) = (self.time(moment.years), self.time(moment.years));
        match (self.rng.below(8), other) {
            (0, _) => format!("{sql} BETWEEN {a} AND {b}"),
            (1, Some(other)) => {
                let sign = self.sign(true);
                format!("{sql} {sign} {}", other.sql)
            }
            (2, _) if self.rng.percent(40) => {
                let sign = self.sign(true);
                format!("{sql} {sign} {a}")
            }
            (3, _) => {
                let sign = self.sign(false);
                format!("{a} {sign} {sql}")
            }
            _ => {
                let sign = self.sign(false);
                format!("{sql} {sign} {a}")
            }
        }
    }

    pub(super) fn about_boolean(&mut self, scope: Scope<'_>) -> String {
        let booleans = |kind: Kind| matches!(kind, Kind::Boolean);
        let Some((sql, _)) = self.column(scope, &booleans) else {
            return self.about_number(scope, 1);
        };
        match self.rng.below(7) {
            0 => format!("{sql} = TRUE"),
            1 => format!("NOT {sql}"),
            2 => format!("coalesce({sql}, FALSE)"),
            3 => format!("{sql} <> FALSE"),
            4 => match self.column(scope, &booleans) {
                Some((other, _)) if other != sql => format!("{sql} <> {other}"),
                _ => sql,
            },
            _ => sql,
        }
    }

    pub(super) fn about_set(&mut self, scope: Scope<'_>) -> String {
        let Some((set, kind)) = self.column(scope, &|kind| matches!(kind, Kind::Set(_))) else {
            return self.about_text(scope);
        };
        let not = if self.rng.percent(30) { "NOT " } else { "" };
        let value = match self.text(scope) {
            Some((text, _)) if self.rng.percent(30) => text,
            _ => self.word(kind),
        };
        format!("{not}{value} = ANY({set})")
    }

    pub(super) fn about_null(&mut self, scope: Scope<'_>) -> String {
        let some = |kind: Kind| !matches!(kind, Kind::Set(_));
        let not = if self.rng.percent(40) { "NOT " } else { "" };
        match self.bare_column(scope, &some) {
            Some((sql, _)) => format!("{sql} IS {not}NULL"),
            None => "TRUE".to_owned(),
        }
    }

    /// A condition on profiles that plain SQL lacks.
    pub(super) fn about_identifiers(&mut self) -> String {
        self.plain = false;
        let namespace = *self.rng.pick(&["email", "user_id", "anonymous_id", "Email", "phone"]);
        let not = if self.rng.percent(30) { "NOT " } else { "" };
        format!("{not}has_identifier('{namespace}')")
    }

    /// A share of the profiles, by chance, but always the same.
    pub(super) fn about_bucket(&mut self) -> String {
        self.plain = false;
        let n = *self.rng.pick(&[2, 10, 100, 1000]);
        let salt = *self.rng.pick(&["test", "Größe", "it''s", ""]);
        let limit = self.rng.below(n);
        match self.rng.below(3) {
            0 => format!("bucket('{salt}', {n}) = {limit}"),
            1 => format!("bucket('{salt}', {n}) < {}", limit + 1),
            _ => format!("bucket('{salt}', {n}) % 2 = 1"),
        }
    }

    /// Profiles that the question names, by an identifier in braces.
    pub(super) fn about_ids(&mut self) -> String {
        let mut id = || match self.rng.below(4) {
            0 => "'nobody'".to_owned(),
            1 => format!("'{{email=person.{}@example.org}}'", self.rng.below(self.shop.persons)),
            _ => format!("'{{user_id=N-{:06}}}'", self.rng.below(self.shop.persons)),
        };
        let (a, b) = (id(), id());
        match self.rng.below(4) {
            0 => format!("p.profile_id = {a}"),
            1 => format!("p.profile_id <> {a}"),
            2 => format!("p.profile_id NOT IN ({a}, {b})"),
            _ => format!("p.profile_id IN ({a}, {b})"),
        }
    }
}
