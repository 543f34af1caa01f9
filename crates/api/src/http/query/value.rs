//! Forms of parameters: each reads its text, says what is wrong with one, and describes itself for the document.

use std::{fmt, str::FromStr};

use common::{envelope, money};
use serde::{Deserialize, Deserializer, de::Error};
use utoipa::openapi::{ObjectBuilder, Type};

/// Characters of a text parameter at most.
const TEXT_LENGTH: usize = 255;
/// Values in a list of texts at most.
const TEXTS: usize = 20;
const DAY_MS: i64 = 86_400_000;

/// What is wrong with a text; a sentence whose subject is the parameter's name.
#[derive(Debug)]
pub(crate) struct Bad(pub String);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a form from a string by its `FromStr`.
pub(crate) fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = Bad>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
    text.trim().parse().map_err(D::Error::custom)
}

/// Makes a form a field of query structs and of the document.
macro_rules! form {
    ($type:ty, $schema:expr) => {
        $crate::http::query::value::form!(impl[] $type, $schema);
    };
    (impl[$($generics:tt)*] $type:ty, $schema:expr) => {
        impl<'de, $($generics)*> serde::Deserialize<'de> for $type {
            fn deserialize<De: serde::Deserializer<'de>>(deserializer: De) -> Result<Self, De::Error> {
                $crate::http::query::value::from_text(deserializer)
            }
        }

        impl<$($generics)*> utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let object: utoipa::openapi::ObjectBuilder = $schema;
                object.into()
            }
        }

        impl<$($generics)*> utoipa::ToSchema for $type {}
    };
}
pub(crate) use form;

pub(crate) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn bad<T>(reason: impl Into<String>) -> Result<T, Bad> {
    Err(Bad(reason.into()))
}

/// A text of up to 255 characters, none of which is a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub String);

impl FromStr for Text {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        if text.chars().count() > TEXT_LENGTH || text.chars().any(char::is_control) {
            return bad(format!("may have {TEXT_LENGTH} characters, none of them control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

form!(Text, string().max_length(Some(TEXT_LENGTH)));

impl Text {
    /// The text itself.
    pub fn of(text: Option<Self>) -> Option<String> {
        text.map(|Self(text)| text)
    }
}

/// Some texts, separated by commas, twenty at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(pub Vec<String>);

impl FromStr for Texts {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let Text(text) = text.parse()?;
        let all: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        if all.iter().any(String::is_empty) {
            return bad("must not have an empty value; values are separated by commas");
        }
        if all.len() > TEXTS {
            return bad("may be twenty values at most, separated by commas");
        }
        Ok(Self(all))
    }
}

form!(Texts, string().max_length(Some(TEXT_LENGTH)));

/// Codes of ISO 4217, separated by commas.
#[derive(Debug, Clone, Default)]
pub(crate) struct Currencies(pub Vec<String>);

impl FromStr for Currencies {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let Texts(codes) = text.parse()?;
        let codes: Vec<String> = codes.iter().map(|code| code.to_ascii_uppercase()).collect();
        if codes.iter().all(|code| money::is_currency(code)) {
            Ok(Self(codes))
        } else {
            bad("must be an ISO 4217 code such as EUR; several, separated by commas")
        }
    }
}

form!(Currencies, string().pattern(Some("^[A-Za-z]{3}(,[A-Za-z]{3}){0,19}$")));

/// An amount in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(pub i64);

impl FromStr for Amount {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        text.parse().map(Self).or_else(|_| bad("must be a whole number of minor units"))
    }
}

form!(Amount, ObjectBuilder::new().schema_type(Type::Integer).format(Some(int64())));

fn int64() -> utoipa::openapi::SchemaFormat {
    utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Int64)
}

/// A whole number from `LOW` to `HIGH`, `DEFAULT` where it is absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<const DEFAULT: u64, const LOW: u64, const HIGH: u64>(pub u64);

impl<const DEFAULT: u64, const LOW: u64, const HIGH: u64> Default for Number<DEFAULT, LOW, HIGH> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const DEFAULT: u64, const LOW: u64, const HIGH: u64> FromStr for Number<DEFAULT, LOW, HIGH> {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let number = text.parse().ok().filter(|number| (LOW..=HIGH).contains(number));
        number.map(Self).ok_or_else(|| Bad(format!("must be a whole number from {LOW} to {HIGH}")))
    }
}

form!(impl[const DEFAULT: u64, const LOW: u64, const HIGH: u64] Number<DEFAULT, LOW, HIGH>, ObjectBuilder::new()
    .schema_type(Type::Integer)
    .default(Some(DEFAULT.into()))
    .minimum(Some(LOW))
    .maximum((HIGH < u64::from(u32::MAX)).then_some(HIGH)));

/// Yes or no; no where it is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub bool);

impl FromStr for Flag {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => bad("must be one of true, false"),
        }
    }
}

form!(Flag, ObjectBuilder::new().schema_type(Type::Boolean));

/// A moment that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// In milliseconds since 1970 UTC.
    pub ms: i64,
}

impl FromStr for Moment {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        // A '+' of a zone that was not escaped arrives as a blank.
        let Ok(time) = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")) else {
            return bad("must be a moment with its offset (2026-01-31T12:00:00Z)");
        };
        let ms = time.timestamp_millis();
        if ms < 0 || ms > clock::now_ms() { bad("must be a moment that has passed, since 1970") } else { Ok(Self { ms }) }
    }
}

form!(Moment, string().max_length(Some(TEXT_LENGTH)));

/// A date, or a time of one. UTC unless it says otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    /// Its first moment, in milliseconds since 1970.
    start_ms: i64,
    is_whole: bool,
}

impl FromStr for Day {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        // A '+' of a zone that was not escaped arrives as a blank.
        let zoned = text.replace(' ', "+");
        let time = envelope::time(text).or_else(|| envelope::time(&zoned)).map(|time| (time, false));
        let day = || envelope::time(&format!("{text}T00:00:00Z")).map(|time| (time, true));
        match time.or_else(day) {
            Some((time, is_whole)) => Ok(Self { start_ms: time.timestamp_millis(), is_whole }),
            None => bad("must be a date (2025-01-31) or a time (2025-01-31T12:00:00Z)"),
        }
    }
}

form!(Day, string().max_length(Some(TEXT_LENGTH)));

impl Day {
    /// Its first moment, in milliseconds since 1970.
    pub fn start_ms(self) -> i64 {
        self.start_ms
    }

    /// From `startDate` (inclusive) to `endDate` (exclusive; a plain date counts as a whole), in milliseconds.
    pub fn span(start: Option<Self>, end: Option<Self>) -> Result<(Option<i64>, Option<i64>), http_service::Problem> {
        let from = start.map(|day| day.start_ms);
        let until = end.map(|day| if day.is_whole { day.start_ms + DAY_MS } else { day.start_ms });
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(http_service::Problem::parameter("endDate", "endDate must be after startDate"));
        }
        Ok((from, until))
    }
}
