//! When a question is asked, and how long somebody waits for the answer.

use super::arguments::engine_time;
use clap::Args;
use navedb::{At, Timestamp, View};
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct Moment {
    /// What now() is; nothing is hidden
    #[arg(long, value_name = "TIME", value_parser = engine_time, conflicts_with = "as_of")]
    now: Option<Timestamp>,
    /// What now() is; what happened later is hidden
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    as_of: Option<Timestamp>,
    /// Give up without an answer after so many seconds, such as 2 or 0.5
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    within: Option<Duration>,
}

impl Moment {
    /// The instant that the question is asked for.
    pub(crate) fn at(&self) -> At {
        match (self.now, self.as_of) {
            (_, Some(time)) => At::AsOf(time),
            (Some(time), None) => At::Now(time),
            (None, None) => At::Latest,
        }
    }

    /// The view that is asked, which gives up in time.
    pub(crate) fn patient(&self, view: View) -> View {
        self.within.map_or(view.clone(), |most| view.within(most))
    }
}

/// A number of seconds, with a fraction or without.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let found = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    found.ok_or_else(|| format!("'{text}' is no time; write seconds, such as 2 or 0.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_numbers_that_are_not_negative() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        for wrong in ["", "-1", "1s", "inf", "nan", "1e99"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
