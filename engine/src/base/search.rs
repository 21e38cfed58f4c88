//! Looking up a number among rising ones that are dear to read.
//!
//! *Invariant:* what is found is what halving finds. *What it does not know:* where the numbers stand.

/// How often a place is guessed before the rest is halved.
const GUESSES: u32 = 5;
/// Places that are so few are halved.
const NEAR: u32 = 16;

/// The first of the places from `low` to before `high` whose number is not less than `wanted`, or `high`, where numbers
/// never fall from one place to the next: by interpolation (Peterson, 1957), since each look may cost a miss of all
/// caches, and numbers that are spread evenly are found in a few.
pub fn first_at_least(low: u32, high: u32, wanted: u32, number: impl Fn(u32) -> u32) -> u32 {
    if low >= high {
        return low;
    }
    let (before, behind) = ((low, number(low)), (high - 1, number(high - 1)));
    match () {
        () if before.1 >= wanted => low,
        () if behind.1 < wanted => high,
        () => first_between(before, behind, wanted, number),
    }
}

/// The same between two places whose numbers are known: that of the first is less, that of the other is not.
pub fn first_between(
    (mut before, mut less): (u32, u32),
    (mut behind, mut more): (u32, u32),
    wanted: u32,
    number: impl Fn(u32) -> u32,
) -> u32 {
    let mut guesses = 0;
    while behind - before > 1 {
        let between = behind - before;
        let middle = if between > NEAR && guesses < GUESSES {
            guesses += 1;
            let share = u64::from(wanted - less) * u64::from(between) / u64::from(more - less);
            let guess = before.saturating_add(u32::try_from(share).unwrap_or(u32::MAX));
            // First a little before where it should be, then a little behind, so that both ends come near.
            let margin = between.isqrt() / 2;
            let guess =
                if guesses % 2 == 1 { guess.saturating_sub(margin) } else { guess + margin };
            guess.clamp(before + 1, behind - 1)
        } else {
            u32::midpoint(before, behind)
        };
        let found = number(middle);
        if found < wanted {
            (before, less) = (middle, found);
        } else {
            (behind, more) = (middle, found);
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are spread evenly, stand in clumps, repeat, or reach over all of 32 bits.
    fn numbers(shape: u64, count: usize) -> Vec<u32> {
        let mut state = 7 + shape;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let mut numbers: Vec<u32> = (0..count)
            .map(|place| match shape {
                0 => next() % 10_000,
                1 => (next() % 3) * 1_000_000 + next() % 5,
                2 => 42,
                3 => next() << 1,
                _ => {
                    if place % 9 == 0 {
                        u32::MAX - 1
                    } else {
                        next() % 70
                    }
                }
            })
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn a_guess_finds_what_halving_finds() {
        for shape in 0..5 {
            for count in [0, 1, 2, 5, 17, 300, 4_000] {
                let numbers = numbers(shape, count);
                let near = |n: &u32| [n.saturating_sub(1), *n, n.saturating_add(1)];
                let wanted = numbers.iter().flat_map(near).chain([0, 1, 9_999, u32::MAX]);
                let (low, high) = (count as u32 / 5, count as u32);
                for wanted in wanted {
                    let found = first_at_least(low, high, wanted, |place| numbers[place as usize]);
                    let part = &numbers[low as usize..];
                    let expected = low + part.partition_point(|n| *n < wanted) as u32;
                    assert_eq!(found, expected, "{shape} {count} {wanted}");
                }
            }
        }
    }
}
