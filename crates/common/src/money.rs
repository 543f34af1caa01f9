//! Money: integer minor units of an ISO 4217 currency, read exactly, never through a float.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::json::{Json, JsonType};

/// Largest amount either way, in minor units: what every JSON reader keeps exactly (2^53 - 1).
pub const MAX_MINOR: i64 = 9_007_199_254_740_991;

/// Decimals of a currency by ISO 4217; two for a code we do not know.
pub fn exponent(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Whether `code` has the form of a currency code: three capital letters.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
}

/// An amount given in minor units: an integer, or a decimal equal to one.
pub fn minor(value: Json<'_, '_>) -> Result<i64, &'static str> {
    bounded(decimal(value)?)
}

/// An amount given in major units (`123.45`), in minor units of `currency`.
pub fn major(value: Json<'_, '_>, currency: &str) -> Result<i64, &'static str> {
    let factor = Decimal::from(10_i64.pow(exponent(currency)));
    bounded(decimal(value)?.checked_mul(factor).ok_or("is out of range")?)
}

fn decimal(value: Json<'_, '_>) -> Result<Decimal, &'static str> {
    let text = match value.json_type() {
        JsonType::Number => Cow::Borrowed(value.written()),
        _ => value.string().filter(|text| text.len() <= 40).ok_or("must be a number")?,
    };
    let text = text.trim();
    let parsed = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    parsed.map_err(|_| "is out of range or not a number")
}

fn bounded(amount: Decimal) -> Result<i64, &'static str> {
    if !amount.is_integer() {
        return Err("has more decimals than its currency");
    }
    i64::try_from(amount.trunc()).ok().filter(|minor| (-MAX_MINOR..=MAX_MINOR).contains(minor)).ok_or("is out of range")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Decimal, Json, MAX_MINOR};
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
        assert!(major("1.234", "USD").is_err());
        assert!(major("0.5", "JPY").is_err());
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

    proptest::proptest! {
        #[test]
        fn decimals_are_exact(minor_units in -MAX_MINOR..=MAX_MINOR) {
            let text = Decimal::new(minor_units, 2).to_string();
            proptest::prop_assert_eq!(major(&text, "USD"), Ok(minor_units));
        }
    }
}
