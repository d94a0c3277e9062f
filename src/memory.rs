//! Bytes as people write them: `24GiB`, `10GB`, `512MB`.

use crate::exact::mul_div;

/// The units, with how many bytes each is.
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

/// How many whole bytes a text says: a decimal number, perhaps with a fraction, and a unit. None for any other text.
pub fn bytes(text: &str) -> Option<u128> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    // A small b may stand for bits, but there are no GiBit of memory.
    let is_unit = |name: &str| name == unit || name.ends_with("iB") && name.eq_ignore_ascii_case(unit);
    let (_, unit) = UNITS.iter().find(|(name, _)| is_unit(name))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.contains('.') || whole.is_empty() {
        return None;
    }
    // More digits change less than any unit has bytes.
    let fraction = &fraction[..fraction.len().min(38)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let (part, _) = mul_div(fraction.parse().ok()?, *unit, scale)?;
    whole.parse::<u128>().ok()?.checked_mul(*unit)?.checked_add(part)
}

/// Bytes in the unit that keeps the number short.
#[expect(clippy::cast_precision_loss, reason = "a figure for people, of four digits or so")]
pub fn written(bytes: u128) -> String {
    // What would be rounded to 1024.0 of a unit is 1.0 of the next.
    let units = UNITS[5..].iter().rev();
    let mut amounts = units.map(|(name, size)| (bytes as f64 / *size as f64, name));
    match amounts.find(|(amount, _)| *amount >= 0.99995) {
        Some((amount, name)) => format!("{amount:.1} {name}"),
        None => in_bytes(bytes),
    }
}

/// Bytes to the last one, with separators.
pub fn in_bytes(bytes: u128) -> String {
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
    fn each_unit_is_read() {
        for (name, size) in UNITS {
            assert_eq!(bytes(&format!("24{name}")), Some(24 * size));
            assert_eq!(bytes(&format!(" 24 {name} ")), Some(24 * size));
        }
        assert_eq!(bytes("1.5GiB"), Some(3 << 29));
        assert_eq!(bytes("24gib"), bytes("24GIB"));
        assert_eq!(bytes("0.1KB"), Some(100));
        assert_eq!(bytes("0B"), Some(0));
    }

    #[test]
    fn units_are_the_powers_that_they_are_called_by() {
        for (power, letter) in (1..).zip(["K", "M", "G", "T"]) {
            assert_eq!(bytes(&format!("3{letter}B")), Some(3 * 1000_u128.pow(power)));
            assert_eq!(bytes(&format!("3{letter}iB")), Some(3 * 1024_u128.pow(power)));
        }
        assert_eq!(bytes("3B"), Some(3));
    }

    #[test]
    fn fractions_have_any_number_of_digits() {
        assert_eq!(bytes("0.123456789012TB"), Some(123_456_789_012));
        assert_eq!(bytes(&format!("0.{}1TB", "0".repeat(99))), Some(0));
        assert_eq!(bytes(&format!("1.5{}GiB", "0".repeat(99))), Some(3 << 29));
        assert_eq!(bytes(&format!("1.{}.5GB", "0".repeat(18))), None);
    }

    #[test]
    fn what_is_no_memory_is_refused() {
        for text in [
            "", "24", "GiB", "24gb", "24Gb", "24 G", "-1GB", "1e3MB", "1.2.3GB", ".5GB", "1,5GB", "24GiBs", "²GB",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(bytes(&format!("{}TiB", u128::MAX)), None);
    }

    #[test]
    fn bytes_are_written_with_one_decimal() {
        assert_eq!(written(30 << 30), "30.0 GiB");
        assert_eq!(written(1023), "1,023 B");
        assert_eq!(written((1 << 30) - 1), "1.0 GiB");
        assert_eq!(written(1 << 50), "1024.0 TiB");
        assert_eq!(written(1024), "1.0 KiB");
        assert_eq!(written(1536), "1.5 KiB");
        assert_eq!(written(5 << 52), "20480.0 TiB");
    }

    #[test]
    fn bytes_are_written_to_the_last_one() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1,000 B"),
            (12_345_678, "12,345,678 B"),
        ] {
            assert_eq!(in_bytes(bytes), text);
        }
    }
}
