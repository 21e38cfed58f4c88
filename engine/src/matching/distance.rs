//! How far apart two words are: changes of letters, and the likeness of Jaro and Winkler.
//!
//! Words are compared by bytes where both are plain ASCII, and by characters otherwise.

/// The longest word, in letters, that is compared whole; of longer ones this many letters are.
const LETTERS_MAX: usize = 64;

/// How many changes of letters make one word of the other: insertions, deletions, replacements, and neighbours that
/// changed places (optimal string alignment); `most + 1` if there are more than `most`, which is two at most.
pub(super) fn changes(left: &[u8], right: &[u8], most: usize) -> usize {
    by_letters(left, right, |l, r| changes_of(l, r, most), |l, r| changes_of(l, r, most))
}

/// The likeness of two words by Jaro (1989) and Winkler (1990), from 0 to 1.
pub(super) fn jaro_winkler(left: &[u8], right: &[u8]) -> f32 {
    by_letters(left, right, jaro_winkler_of, jaro_winkler_of)
}

fn by_letters<T>(
    left: &[u8],
    right: &[u8],
    plain: impl Fn(&[u8], &[u8]) -> T,
    other: impl Fn(&[char], &[char]) -> T,
) -> T {
    if left.is_ascii() && right.is_ascii() {
        return plain(left, right);
    }
    let letters = |word: &[u8]| String::from_utf8_lossy(word).chars().collect::<Vec<char>>();
    other(&letters(left), &letters(right))
}

/// What is left of two words without the letters that they begin and end with in common.
fn trimmed<'w, T: PartialEq>(left: &'w [T], right: &'w [T]) -> (&'w [T], &'w [T]) {
    let begin = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let left = left.get(begin..).unwrap_or_default();
    let right = right.get(begin..).unwrap_or_default();
    let end = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    let left = left.get(..left.len() - end).unwrap_or_default();
    let right = right.get(..right.len() - end).unwrap_or_default();
    (left, right)
}

fn changes_of<T: PartialEq + Copy>(left: &[T], right: &[T], most: usize) -> usize {
    if left.len().abs_diff(right.len()) > most {
        return most + 1;
    }
    let (left, right) = trimmed(left, right);
    match (left, right) {
        ([], rest) | (rest, []) => return rest.len().min(most + 1),
        ([_], [_]) => return 1,
        ([a, b], [c, d]) if a == d && b == c => return 1,
        // What is left differs at both ends, so one change is not enough.
        _ if most < 2 => return most + 1,
        _ => {}
    }
    // Two changes at most: one at each end of what is left, which both words then agree between.
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    if two_changes(short, long) { 2 } else { most.min(2) + 1 }
}

/// Whether two changes make one word of the other, where both differ in the first letter and in the last, and one
/// change does not.
fn two_changes<T: PartialEq + Copy>(short: &[T], long: &[T]) -> bool {
    // Each way to spend the first change on the first letters; what remains must be one change apart.
    let one = |left: Option<&[T]>, right: Option<&[T]>| match (left, right) {
        (Some(left), Some(right)) => changes_of(left, right, 1) <= 1,
        _ => false,
    };
    let swapped = match (short, long) {
        ([a, b, left @ ..], [c, d, right @ ..]) if a == d && b == c => one(Some(left), Some(right)),
        _ => false,
    };
    swapped
        || one(short.get(1..), long.get(1..))
        || one(Some(short), long.get(1..))
        || one(short.get(1..), Some(long))
}

fn jaro_winkler_of<T: PartialEq>(left: &[T], right: &[T]) -> f32 {
    let left = left.get(..LETTERS_MAX).unwrap_or(left);
    let right = right.get(..LETTERS_MAX).unwrap_or(right);
    let prefix = left.iter().zip(right).take(4).take_while(|(a, b)| a == b).count();
    let jaro = jaro(left, right);
    // Winkler's bonus is for words that are alike without it.
    if jaro > 0.7 { jaro + prefix as f32 * 0.1 * (1.0 - jaro) } else { jaro }
}

fn jaro<T: PartialEq>(left: &[T], right: &[T]) -> f32 {
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let reach = (left.len().max(right.len()) / 2).saturating_sub(1);
    let (mut used_left, mut used_right) = (0_u64, 0_u64);
    for (place, letter) in left.iter().enumerate() {
        let from = place.saturating_sub(reach);
        let window = right.iter().enumerate().skip(from).take(place + reach + 1 - from);
        for (other_place, other) in window {
            if used_right & (1 << other_place) == 0 && letter == other {
                used_left |= 1 << place;
                used_right |= 1 << other_place;
                break;
            }
        }
    }
    let common = used_left.count_ones();
    if common == 0 {
        return 0.0;
    }
    let agreeing = |word: &[T], used: u64| (0..word.len()).filter(move |p| used & (1 << p) != 0);
    let moved = agreeing(left, used_left)
        .zip(agreeing(right, used_right))
        .filter(|(one, other)| left.get(*one) != right.get(*other))
        .count();
    let common = common as f32;
    let order = (common - (moved / 2) as f32) / common;
    (common / left.len() as f32 + common / right.len() as f32 + order) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Optimal string alignment by the table in its definition.
    fn by_definition(left: &[u8], right: &[u8]) -> usize {
        let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
        for i in 0..=left.len() {
            for j in 0..=right.len() {
                if i == 0 || j == 0 {
                    table[i][j] = i + j;
                    continue;
                }
                let differ = usize::from(left[i - 1] != right[j - 1]);
                let mut least = (table[i - 1][j] + 1)
                    .min(table[i][j - 1] + 1)
                    .min(table[i - 1][j - 1] + differ);
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                table[i][j] = least;
            }
        }
        table[left.len()][right.len()]
    }

    #[test]
    fn changes_are_those_of_the_definition() {
        let mut state = 7_u64;
        let mut draw = |bound: u64| {
            state = crate::matching::text::mix(state.wrapping_add(0x9e37_79b9));
            state % bound
        };
        for _ in 0..40_000 {
            let mut word = || -> Vec<u8> {
                let length = draw(8);
                (0..length).map(|_| b'a' + draw(3) as u8).collect()
            };
            let (left, right) = (word(), word());
            for most in [1, 2] {
                assert_eq!(
                    changes(&left, &right, most),
                    by_definition(&left, &right).min(most + 1),
                    "{:?} {:?}",
                    String::from_utf8_lossy(&left),
                    String::from_utf8_lossy(&right)
                );
            }
        }
    }

    #[test]
    fn likenesses_are_those_of_the_papers() {
        // Winkler's own examples.
        for (left, right, likeness) in [
            ("martha", "marhta", 0.961),
            ("dwayne", "duane", 0.840),
            ("dixon", "dicksonx", 0.813),
            ("jones", "johnson", 0.832),
            ("abroms", "abrams", 0.922),
            ("abc", "xyz", 0.0),
        ] {
            let found = jaro_winkler(left.as_bytes(), right.as_bytes());
            assert!((found - likeness).abs() < 0.001, "{left} {right} {found}");
            let turned = jaro_winkler(right.as_bytes(), left.as_bytes());
            assert!((found - turned).abs() < 1e-6, "{left} {right}");
        }
    }

    #[test]
    fn letters_of_other_scripts_count_as_one() {
        assert_eq!(changes("иван".as_bytes(), "иваи".as_bytes(), 2), 1);
        assert!(jaro_winkler("иван".as_bytes(), "олег".as_bytes()) < 0.01);
    }
}
