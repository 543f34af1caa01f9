//! Money: integer minor units of an ISO 4217 currency, read exactly, never through a float.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::json::{Json, JsonType};

/// Largest amount either way, in minor units: what every JSON reader keeps exactly (2^53 - 1).
pub const MAX_MINOR: i64 = 9_007_199_254_740_991;

/// Decimals of a currency by ISO 4217; two for a code we do not know.
pub fn exponent(currency: &str) -> u32 {
    iso_currency::Currency::from_code(currency).and_then(iso_currency::Currency::exponent).map_or(2, u32::from)
}

/// Whether `code` has the form of a currency code: three capital letters.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
}

/// An amount given in minor units: an integer, or a decimal equal to one but for the noise of a sender's floats.
pub fn minor(value: Json<'_, '_>) -> Result<i64, &'static str> {
    bounded(decimal(value)?)
}

/// An amount given in major units (`123.45`, also `19.989999999999998`), in minor units of `currency`.
pub fn major(value: Json<'_, '_>, currency: &str) -> Result<i64, &'static str> {
    scaled(decimal(value)?, currency)
}

/// An amount that is written in minor units, as [`minor`] reads it.
pub fn minor_text(text: &str) -> Result<i64, &'static str> {
    bounded(parsed(text)?)
}

/// An amount that is written in major units, as [`major`] reads it.
pub fn major_text(text: &str, currency: &str) -> Result<i64, &'static str> {
    scaled(parsed(text)?, currency)
}

fn scaled(amount: Decimal, currency: &str) -> Result<i64, &'static str> {
    let factor = Decimal::from(10_i64.pow(exponent(currency)));
    bounded(amount.checked_mul(factor).ok_or(OUT_OF_RANGE)?)
}

const OUT_OF_RANGE: &str = "is out of range";
const NOT_A_NUMBER: &str = "is not a number";

/// Longest number that is read, in characters.
const MAX_DIGITS: usize = 64;

fn decimal(value: Json<'_, '_>) -> Result<Decimal, &'static str> {
    let text = match value.json_type() {
        JsonType::Number => Cow::Borrowed(value.written()),
        _ => value.string().ok_or(NOT_A_NUMBER)?,
    };
    parsed(&text)
}

fn parsed(text: &str) -> Result<Decimal, &'static str> {
    let text = text.trim();
    if text.len() > MAX_DIGITS {
        return Err(OUT_OF_RANGE);
    }
    if !is_plain_number(text) {
        return Err(NOT_A_NUMBER);
    }
    // Digits beyond what a decimal holds are rounded: they are far below any minor unit, or the number is out of range.
    let parsed = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
    parsed.map_err(|_| OUT_OF_RANGE)
}

/// Whether `text` is digits with a sign, a point and an exponent at most: grouped digits (`1,250`, `1_250`) may mean
/// anything, so they mean nothing.
fn is_plain_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole)
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

/// How far from a whole minor unit an amount may be: what a sender's binary floats leave after a few sums (a few units
/// in the last of their 53 bits), and never more than a hundredth of a minor unit.
fn noise(amount: Decimal) -> Decimal {
    let relative = amount.abs() * Decimal::new(1, 15);
    relative.clamp(Decimal::new(1, 6), Decimal::new(1, 2))
}

fn bounded(amount: Decimal) -> Result<i64, &'static str> {
    let whole = amount.round();
    if (amount - whole).abs() > noise(amount) {
        return Err("has more decimals than its currency");
    }
    i64::try_from(whole).ok().filter(|minor| (-MAX_MINOR..=MAX_MINOR).contains(minor)).ok_or(OUT_OF_RANGE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Decimal, Json, MAX_MINOR, is_currency, major_text, minor_text};
    use crate::json::Document;

    fn of<T>(text: &str, read: impl FnOnce(Json<'_, '_>) -> T) -> T {
        let document = Document::of(serde_json::from_str(text).unwrap()).unwrap();
        read(document.root().unwrap())
    }

    fn major(text: &str, currency: &str) -> Result<i64, &'static str> {
        of(text, |value| super::major(value, currency))
    }

    fn minor(text: &str) -> Result<i64, &'static str> {
        of(text, super::minor)
    }

    #[test]
    fn major_units_by_exponent() {
        assert_eq!(major("123.45", "USD"), Ok(12_345));
        assert_eq!(major("1.10", "EUR"), Ok(110));
        assert_eq!(major("0.29", "USD"), Ok(29));
        assert_eq!(major("5000", "JPY"), Ok(5_000));
        assert_eq!(major("1.234", "KWD"), Ok(1_234));
        assert_eq!(major("\"19.99\"", "USD"), Ok(1_999));
        for (text, currency) in [("1.234", "USD"), ("0.5", "JPY"), ("100.5", "JPY"), ("19.99001", "USD"), ("0.001", "USD")] {
            assert!(major(text, currency).is_err(), "{text}");
        }
        assert!(major("90071992547409.92", "USD").is_err());
    }

    #[test]
    fn minor_units() {
        assert_eq!(minor("3740"), Ok(3_740));
        assert_eq!(minor("3740.0"), Ok(3_740));
        assert_eq!(minor("3.74e3"), Ok(3_740));
        for bad in ["3.5", "1e400", "99999999999999999999999999999999", "true", "\"x\"", "9007199254740992"] {
            assert!(minor(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn written_amounts_are_read_as_those_of_json_are() {
        assert_eq!((minor_text("-3740"), minor_text("3.5").is_err()), (Ok(-3_740), true));
        assert_eq!((major_text("19.99", "USD"), major_text("5000", "JPY")), (Ok(1_999), Ok(5_000)));
        assert!(major_text("0.001", "USD").is_err());
        // Digits beyond the point may be many, and no more than so many.
        let digits = |count: usize| format!("7.{}", "0".repeat(count - 2));
        assert_eq!((minor_text(&digits(64)), minor_text(&digits(65)).is_err()), (Ok(7), true));
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        for (code, expected) in [("EUR", true), ("XTS", true), ("eur", false), ("EU", false), ("EURO", false), ("E1R", false)] {
            assert_eq!(is_currency(code), expected, "{code}");
        }
    }

    #[test]
    fn an_amount_may_be_a_millionth_off_and_no_more() {
        assert_eq!((minor("1.000001"), minor("0.999999")), (Ok(1), Ok(1)));
        assert!(minor("1.0000011").is_err() && minor("0.9999989").is_err());
    }

    #[test]
    fn the_noise_of_floats_is_rounded_away() {
        assert_eq!(major("19.989999999999998", "USD"), Ok(1_999));
        assert_eq!(major("0.30000000000000004", "USD"), Ok(30));
        assert_eq!(major("1234567890.1200001", "USD"), Ok(123_456_789_012));
        assert_eq!(major("2.0000000000000000000000000000000000004", "KWD"), Ok(2_000));
        assert_eq!(minor("3740.0000000000005"), Ok(3_740));
        assert_eq!(minor("-0.99999999999999989"), Ok(-1));
    }

    #[test]
    fn grouped_digits_are_no_number() {
        for text in
            ["1_250", "1,250", "1 250", "1.250,00", "1'250", "0x10", ".5", "5.", "1e", "--1", "", "NaN", "Infinity", "\u{661}"]
        {
            assert!(minor(&serde_json::to_string(text).unwrap()).is_err(), "{text}");
        }
        assert_eq!(minor("\" +1250 \""), Ok(1_250));
    }

    proptest::proptest! {
        #[test]
        fn sums_of_floats_are_what_they_mean(cents in proptest::collection::vec(0_i64..10_000_000, 1..12)) {
            let sum: f64 = cents.iter().map(|cents| *cents as f64 / 100.0).sum();
            proptest::prop_assert_eq!(major(&sum.to_string(), "USD"), Ok(cents.iter().sum()));
        }

        #[test]
        fn decimals_are_exact(minor_units in -MAX_MINOR..=MAX_MINOR) {
            let text = Decimal::new(minor_units, 2).to_string();
            proptest::prop_assert_eq!(major(&text, "USD"), Ok(minor_units));
        }
    }
}
