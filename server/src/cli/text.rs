//! Small helpers for text that people read.
//!
//! *Where to start reading:* `columns`.

/// Which side of its column a cell leans to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows as aligned columns, two spaces apart, each row behind the indent.
pub(crate) fn columns(indent: &str, sides: &[Side], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for ((cell, side), width) in row.iter().zip(sides).zip(&widths) {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            match side {
                Side::Left => line.extend([cell.as_str(), &pad, "  "]),
                Side::Right => line.extend([pad.as_str(), cell, "  "]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Appends a title with rows under it; nothing when there are no rows.
pub(crate) fn section(text: &mut String, title: &str, sides: &[Side], rows: &[Vec<String>]) {
    if !rows.is_empty() {
        text.push_str(title);
        text.push('\n');
        text.push_str(&columns("  ", sides, rows));
    }
}

/// Rows of a name and a number.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, u64)>) -> Vec<Vec<String>> {
    pairs.into_iter().map(|(name, number)| vec![name.to_owned(), grouped(number)]).collect()
}

/// A number with a comma at each thousand.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that gives one to three digits before the point.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut amount = bytes as f64;
    let mut shown = "bytes";
    for unit in UNITS {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        shown = unit;
    }
    format!("{amount:.1} {shown}")
}

/// Lines of text, each behind the indent.
pub(crate) fn indented(indent: &str, text: &str) -> String {
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let rows = [vec!["é".to_owned(), "1".to_owned()], vec!["abc".to_owned(), "23".to_owned()]];
        assert_eq!(columns("  ", &[Side::Left, Side::Right], &rows), "  é     1\n  abc  23\n");
    }

    #[test]
    fn numbers_are_grouped() {
        let cases =
            [(0, "0"), (999, "999"), (1000, "1,000"), (69_659, "69,659"), (1_234_567, "1,234,567")];
        for (number, wanted) in cases {
            assert_eq!(grouped(number), wanted);
        }
    }

    #[test]
    fn sizes_have_units() {
        let cases =
            [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (10 << 20, "10.0 MiB")];
        for (bytes, wanted) in cases {
            assert_eq!(size(bytes), wanted);
        }
    }
}
