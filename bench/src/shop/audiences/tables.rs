//! Random statements that give tables: lists of profiles, groups, and sums over all.

use super::columns::{Kind, PROFILES};
use super::events::Beside;
use super::values::Form;
use super::{Asker, Scope};

/// Profiles, as all statements call them.
const P: [(&str, &super::columns::Table); 1] = [("p", &PROFILES)];

impl Asker {
    /// Profiles with some of their values, the first few of them.
    pub(super) fn list(&mut self, condition: &str) -> String {
        let mut items = vec!["p.profile_id".to_owned()];
        for _ in 0..1 + self.rng.below(4) {
            let item = match self.rng.below(6) {
                0 => self.number(&P, 1, true).sql,
                1 => self.moment(&P, 1).sql,
                2 => {
                    let n = self.count(Beside::Nothing).sql;
                    format!("{n} AS n{}", items.len())
                }
                3 => {
                    let sum = self.sum(Beside::Anything).sql;
                    format!("{sum} AS s{}", items.len())
                }
                _ => self.bare_column(&P, &|_| true).expect("profiles have columns").0,
            };
            items.push(item);
        }
        let by = match self.rng.below(4) {
            0 => self.number(&P, 1, true).sql,
            1 => self.moment(&P, 0).sql,
            2 => self.count(Beside::Nothing).sql,
            _ => self.column(&P, &|kind| !matches!(kind, Kind::Set(_))).expect("a column").0,
        };
        let down = if self.rng.percent(60) { " DESC" } else { "" };
        self.ordered = true;
        let limit = 1 + self.rng.below(40);
        // The order that Nave implies is told to a warehouse by `explain`, or here.
        let tie = if self.rng.percent(50) {
            self.plain = false;
            ""
        } else {
            ", p.profile_id"
        };
        format!(
            "SELECT {} FROM profiles p WHERE {condition} ORDER BY {by}{down}{tie} LIMIT {limit}",
            items.join(", ")
        )
    }

    /// What groups are made by.
    fn key(&mut self) -> String {
        let few = |kind: Kind| matches!(kind, Kind::Text(_) | Kind::Integer(..) | Kind::Boolean);
        let (sql, kind) = self.column(&P, &few).expect("profiles have such columns");
        match self.rng.below(8) {
            0 => "extract(year FROM p.born)".to_owned(),
            1 => "date_trunc('month', p.\"last seen\")".to_owned(),
            2 => "coalesce(p.country, 'none')".to_owned(),
            3 => "p.age % 10".to_owned(),
            4 => "CAST(p.\"last seen\" AS DATE)".to_owned(),
            5 if matches!(kind, Kind::Text(_)) => format!("coalesce({sql}, 'nothing')"),
            _ => sql,
        }
    }

    /// An aggregate over profiles.
    fn aggregate(&mut self) -> String {
        let scope: Scope<'_> = &P;
        match self.rng.below(8) {
            0 => "count(*)".to_owned(),
            1 => {
                let (sql, _) = self.bare_column(scope, &|_| true).expect("profiles have columns");
                if ["tags", "interests"].iter().any(|set| sql.to_lowercase().ends_with(set)) {
                    return "count(p.age)".to_owned();
                }
                format!("count({sql})")
            }
            2 => match self.text(scope) {
                Some((sql, _)) => format!("count(DISTINCT {sql})"),
                None => "count(*)".to_owned(),
            },
            3 => {
                let moment = self.moment(scope, 1);
                format!("{}({})", self.rng.pick(&["min", "max"]), moment.sql)
            }
            4 => {
                let number = self.number(scope, 1, true);
                format!("{}({})", self.rng.pick(&["min", "max"]), number.sql)
            }
            5 => match self.text(scope) {
                Some((sql, _)) => format!("min({sql})"),
                None => "count(*)".to_owned(),
            },
            _ => {
                let number = self.number(scope, 1, true);
                if number.low < 0.0 && number.form != Form::Integer {
                    // Sums of floats are only alike when nothing is taken away.
                    return if number.form == Form::Float {
                        format!("max({})", number.sql)
                    } else {
                        format!("sum({})", number.sql)
                    };
                }
                format!("{}({})", self.rng.pick(&["sum", "avg"]), number.sql)
            }
        }
    }

    fn aggregates(&mut self) -> Vec<String> {
        (0..1 + self.rng.below(3)).map(|_| self.aggregate()).collect()
    }

    /// Groups by one value or two.
    pub(super) fn groups(&mut self, keys: usize, condition: &str) -> String {
        let mut by = vec![self.key()];
        while by.len() < keys {
            let other = self.key();
            if by.iter().all(|key| !key.eq_ignore_ascii_case(&other)) {
                by.push(other);
            }
        }
        let mut items = by.clone();
        items.push("count(*)".to_owned());
        items.extend(self.aggregates());
        let places: Vec<String> = (1..=keys).map(|place| place.to_string()).collect();
        let groups = by.join(", ");
        let mut text = format!(
            "SELECT {} FROM profiles p WHERE {condition} GROUP BY {groups}",
            items.join(", ")
        );
        match self.rng.below(4) {
            0 => {}
            1 => {
                self.ordered = true;
                text += &format!(" ORDER BY {}", places.join(" DESC, "));
            }
            2 => {
                self.ordered = true;
                text += &format!(" ORDER BY {} DESC, {}", keys + 1, places.join(", "));
                text += &format!(" LIMIT {}", 1 + self.rng.below(20));
            }
            _ => {
                self.ordered = true;
                self.plain = false;
                text += &format!(" ORDER BY count(*) LIMIT {}", 1 + self.rng.below(20));
            }
        }
        text
    }

    /// Sums over all.
    pub(super) fn totals(&mut self, condition: &str) -> String {
        let items = self.aggregates();
        format!("SELECT {}, count(*) FROM profiles p WHERE {condition}", items.join(", "))
    }
}
