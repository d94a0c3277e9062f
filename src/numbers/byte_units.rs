//! Parses and formats amounts of memory: `24GiB`, `10GB`, `512MB`.

use super::BYTES_LIMIT;

/// The units and their sizes in bytes.
const UNITS: [(&str, u128); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Why a string is not a valid amount of memory.
#[derive(Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The string is not a number followed by a unit. The value is a suggested correction, if there is an obvious one.
    Text(Option<String>),
    /// The amount is not a whole number of bytes.
    Fraction,
    /// The amount is [`BYTES_LIMIT`] or more.
    TooLarge,
}

/// Parses a decimal number followed by a unit, in any letter case, and returns the number of bytes.
///
/// The result is rounded down to whole bytes. An amount between 0 and one byte, and a fraction in the unit `B`, are errors.
pub fn parse(text: &str) -> Result<u128, ParseError> {
    let text = text.trim();
    let number_len = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let unit = unit.trim_start();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(ParseError::Text(None));
    }
    let Some((name, size)) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
        return Err(ParseError::Text(suggestion(number, unit)));
    };
    // The sum of digit * size / 10**position over the digits, by Horner's method from the last digit to the first. Rounding
    // each intermediate result down does not change the final one, since all other terms are integers.
    let add_digit = |bytes: u128, digit: u8| (bytes + u128::from(digit - b'0') * size) / 10;
    let fraction_bytes = fraction.bytes().rev().fold(0, add_digit);
    let bytes = whole
        .parse::<u128>()
        .ok()
        .and_then(|whole| whole.checked_mul(*size)?.checked_add(fraction_bytes))
        .filter(|bytes| *bytes < BYTES_LIMIT);
    let is_zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    match bytes {
        None => Err(ParseError::TooLarge),
        Some(bytes) if !is_zero(fraction) && (*name == "B" || bytes == 0) => Err(ParseError::Fraction),
        Some(bytes) => Ok(bytes),
    }
}

/// The largest number of characters of a number that is repeated in a suggestion.
const MAX_SUGGESTED_LEN: usize = 20;

/// Returns corrections for a number without a unit or with an incomplete one, such as `'24GB' or '24GiB'` for `24G`.
fn suggestion(number: &str, unit: &str) -> Option<String> {
    if number.len() > MAX_SUGGESTED_LEN || !unit.is_ascii() {
        return None;
    }
    let is_completion = |name: &&str| name.len() > unit.len() && name[..unit.len()].eq_ignore_ascii_case(unit);
    let completions: Vec<_> = match unit {
        "" => vec!["GiB"],
        _ => UNITS.iter().map(|(name, _)| *name).filter(is_completion).collect(),
    };
    let corrections: Vec<_> = completions.iter().map(|name| format!("'{number}{name}'")).collect();
    (!corrections.is_empty()).then(|| corrections.join(" or "))
}

/// Formats a number of bytes with one decimal place, in the largest binary unit that does not exceed it.
#[expect(clippy::cast_precision_loss, reason = "the result has one decimal place")]
pub fn format_bytes(bytes: u128) -> String {
    // The binary units: KiB to TiB. An amount just below 1 of a unit, such as 2**30 - 1 bytes, becomes "1.0 GiB" instead of
    // "1024.0 MiB".
    let units = UNITS[5..].iter().rev();
    let mut amounts = units.map(|(name, size)| (bytes as f64 / *size as f64, name));
    match amounts.find(|(amount, _)| *amount >= 0.99995) {
        Some((amount, name)) => format!("{amount:.1} {name}"),
        None => format_exact(bytes),
    }
}

/// Formats the exact number of bytes, with thousands separators.
pub fn format_exact(bytes: u128) -> String {
    let digits = bytes.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + " B"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_parsed() {
        for (name, size) in UNITS {
            assert_eq!(parse(&format!("24{name}")), Ok(24 * size));
            assert_eq!(parse(&format!(" 24 {name} ")), Ok(24 * size));
            assert_eq!(parse(&format!("24{}", name.to_lowercase())), Ok(24 * size));
            assert_eq!(parse(&format!("24{}", name.to_uppercase())), Ok(24 * size));
        }
        assert_eq!(parse("1.5GiB"), Ok(3 << 29));
        assert_eq!(parse("0.1KB"), Ok(100));
        assert_eq!(parse("0B"), Ok(0));
        assert_eq!(parse("0.0B"), Ok(0));
    }

    #[test]
    fn units_are_powers_of_1000_and_1024() {
        for (power, letter) in (1..).zip(["K", "M", "G", "T"]) {
            assert_eq!(parse(&format!("3{letter}B")), Ok(3 * 1000_u128.pow(power)));
            assert_eq!(parse(&format!("3{letter}iB")), Ok(3 * 1024_u128.pow(power)));
        }
        assert_eq!(parse("3B"), Ok(3));
    }

    #[test]
    fn fractions_can_have_any_number_of_digits() {
        assert_eq!(parse("0.123456789012TB"), Ok(123_456_789_012));
        assert_eq!(parse(&format!("1.{}1TB", "0".repeat(99))), Ok(1_000_000_000_000));
        assert_eq!(parse(&format!("1.5{}GiB", "0".repeat(99))), Ok(3 << 29));
        // 2**-40 has 40 digits.
        assert_eq!(parse("0.0000000000009094947017729282379150390625TiB"), Ok(1));
        assert_eq!(
            parse("0.0000000000009094947017729282379150390624TiB"),
            Err(ParseError::Fraction)
        );
    }

    #[test]
    fn a_fraction_of_a_byte_is_an_error() {
        for text in ["0.9B", "1.5B", "0.0001KB", &format!("0.{}1TB", "0".repeat(99))] {
            assert_eq!(parse(text), Err(ParseError::Fraction), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_number_with_a_unit_is_an_error() {
        for text in [
            "", "GiB", "-1GB", "1e3MB", "1.2.3GB", ".5GB", "5.GB", "1,5GB", "24GiBs", "²GB", "90%", "10 ä", "inf",
            "24 G B",
        ] {
            assert_eq!(parse(text), Err(ParseError::Text(None)), "{text}");
        }
        assert_eq!(parse(&format!("{}TiB", u128::MAX)), Err(ParseError::TooLarge));
        assert_eq!(parse(&format!("{}B", 1_u128 << 127)), Err(ParseError::TooLarge));
        assert_eq!(parse(&format!("{}B", (1_u128 << 127) - 1)), Ok((1 << 127) - 1));
    }

    #[test]
    fn an_incomplete_unit_is_completed_in_the_suggestion() {
        for (text, correction) in [
            ("24", "'24GiB'"),
            ("24 G", "'24GB' or '24GiB'"),
            ("512m", "'512MB' or '512MiB'"),
            ("1.5Gi", "'1.5GiB'"),
        ] {
            assert_eq!(parse(text), Err(ParseError::Text(Some(correction.into()))));
        }
    }

    #[test]
    fn bytes_are_formatted_with_one_decimal() {
        assert_eq!(format_bytes(30 << 30), "30.0 GiB");
        assert_eq!(format_bytes(1023), "1,023 B");
        assert_eq!(format_bytes((1 << 30) - 1), "1.0 GiB");
        assert_eq!(format_bytes(1 << 50), "1024.0 TiB");
        assert_eq!(format_bytes(1024), "1.0 KiB");
        assert_eq!(format_bytes(1536), "1.5 KiB");
        assert_eq!(format_bytes(5 << 52), "20480.0 TiB");
    }

    #[test]
    fn exact_bytes_are_formatted_with_separators() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1,000 B"),
            (12_345_678, "12,345,678 B"),
        ] {
            assert_eq!(format_exact(bytes), text);
        }
    }
}
