//! Calendar buckets of event time, in UTC.

const DAY: i64 = 86_400_000_000;

/// How long a limit counts before it starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// For ever.
    Ever,
    /// A calendar day.
    Day,
    /// A week from Monday on.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl Window {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Window::Ever => "ever",
            Window::Day => "day",
            Window::Week => "week",
            Window::Month => "month",
            Window::Year => "year",
        }
    }

    /// The number of the bucket that a time in microseconds falls into. It depends on the time alone, never on now.
    pub fn bucket(self, time: i64) -> i32 {
        let days = time.div_euclid(DAY);
        let number = match self {
            Window::Ever => 0,
            Window::Day => days,
            // The first of January 1970 was a Thursday.
            Window::Week => (days + 3).div_euclid(7),
            Window::Month => {
                let (year, month) = month_of(days);
                year * 12 + month
            }
            Window::Year => month_of(days).0,
        };
        i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
    }
}

/// Year and month (from 0) of a day counted from 1970-01-01, in the Gregorian calendar. Years are counted from March,
/// so that the day that some years have more comes last.
fn month_of(days: i64) -> (i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = (month_from_march + 2) % 12;
    (year_of_era + era * 400 + i64::from(month < 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> i64 {
        days * DAY
    }

    #[test]
    fn buckets_follow_the_calendar() {
        assert_eq!(Window::Month.bucket(0), 1970 * 12);
        assert_eq!(Window::Month.bucket(at(31) - 1), 1970 * 12);
        assert_eq!(Window::Month.bucket(at(31)), 1970 * 12 + 1);
        // 29 February and 1 March 2024.
        assert_eq!(Window::Month.bucket(at(19_782)), 2024 * 12 + 1);
        assert_eq!(Window::Month.bucket(at(19_783)), 2024 * 12 + 2);
        assert_eq!(Window::Year.bucket(-1), 1969);
        assert_eq!(Window::Day.bucket(-1), -1);
        // Monday 5 January 1970 begins a week, Sunday the 4th ends one.
        assert_eq!(Window::Week.bucket(at(4)), Window::Week.bucket(at(3)) + 1);
        assert_eq!(Window::Week.bucket(at(4)), Window::Week.bucket(at(10)));
        assert_eq!(Window::Ever.bucket(at(7)), 0);
    }
}
