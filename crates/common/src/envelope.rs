//! The five envelope shapes, read into one.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{
    Category, Family, Rejection,
    json::{Document, Flaw, Json, JsonType},
    masking, normalize,
};

/// Header names that carry the event name where the body has none, in the order they are looked at.
pub const EVENT_TYPE_HEADERS: [&str; 3] = ["x-paysafe-event-type", "x-netbanx-event-type", "x-event-type"];

/// Real money or a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real money.
    Live,
    /// The portal's test button, or a test account.
    Test,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }

    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Which of the documented shapes a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `payload` holds the resource (Payments API, direct debit, accounts).
    Payload,
    /// `eventData` holds it; amounts are decimals in major units.
    EventData,
    /// `account` holds it.
    Account,
    /// None of them: the body itself is looked at.
    Bare,
}

/// A webhook's body, located, not yet interpreted.
#[derive(Debug, Clone)]
pub struct Envelope<'b> {
    body: Document<'b>,
    /// The event name in its canonical spelling, masked: `PAYMENT_***1111`.
    pub name: SmolStr,
    /// The same before it was masked, where there was something to mask.
    raw_name: Option<SmolStr>,
    /// What such events are about.
    pub family: &'static Family,
    /// Which shape.
    pub shape: Shape,
    /// Where the object of interest is.
    resource: usize,
    /// Lone surrogates that were replaced in the text, as they were written.
    replaced: Option<&'b str>,
}

impl<'b> Envelope<'b> {
    /// Reads `bytes`; `header_name` is the event name that a header gave, if any.
    pub fn parse(bytes: &'b [u8], header_name: Option<&str>) -> Result<Self, Rejection> {
        let text =
            std::str::from_utf8(bytes).map_err(|e| Rejection::NotJson(format!("invalid UTF-8 at byte {}", e.valid_up_to())))?;
        let body =
            serde_json::from_str(text).map_err(|e| Rejection::NotJson(format!("line {}, column {}", e.line(), e.column())))?;
        Self::of(body, header_name)
    }

    /// The same of what is known to be JSON.
    pub fn of(body: &'b RawValue, header_name: Option<&str>) -> Result<Self, Rejection> {
        let body = Document::of(body).map_err(|flaw| match flaw {
            Flaw::TooDeep => Rejection::TooDeep,
            Flaw::NoCharacter(at) => Rejection::NoCharacter(at),
        })?;
        let root = body.root().filter(|root| root.is_object()).ok_or(Rejection::NotAnObject)?;
        let own_names = ["eventType", "eventName"].into_iter().filter_map(|key| root.get(key).and_then(Json::string));
        let mut names = own_names.chain(header_name.map(Cow::Borrowed)).filter(|name| !name.trim().is_empty()).peekable();
        names.peek().ok_or(Rejection::NoEventName)?;
        let raw_name = names.find_map(|name| normalize::event_name(&name)).ok_or(Rejection::BadEventName)?;
        let (name, raw_name) = match masking::masked(&raw_name) {
            Some(masked) => (masked.into(), Some(raw_name)),
            None => (raw_name, None),
        };
        let family = Family::of(&name);
        let (shape, resource) = holder(&body);
        if let Some(field) = out_of_range(root) {
            let field = masking::masked(&field).unwrap_or(field);
            return Err(Rejection::BadNumber { field, reason: "is out of range" });
        }
        let envelope = Self { body, family, name, raw_name, shape, resource, replaced: None };
        let is_of_resource = matches!(family.category, Category::Transaction(_));
        if is_of_resource && envelope.is_hidden() && envelope.resource_id().is_none() {
            return Err(Rejection::NoObject);
        }
        Ok(envelope)
    }

    /// The same, of a text in which those lone surrogates were replaced.
    #[must_use]
    pub(crate) fn with_replaced(self, replaced: Option<&'b str>) -> Self {
        Self { replaced, ..self }
    }

    /// Whether something stands where the object of interest belongs, which is none.
    fn is_hidden(&self) -> bool {
        let held = |key| self.body.root().and_then(|root| root.get(key));
        let is_other = |value: Json<'_, '_>| value.json_type() != JsonType::Null;
        self.shape == Shape::Bare && ["payload", "eventData"].into_iter().filter_map(held).any(is_other)
    }

    /// Lone surrogates that were replaced in the text, as they were written.
    pub(crate) fn replaced(&self) -> Option<&'b str> {
        self.replaced
    }

    /// The event name in its canonical spelling, as it was sent.
    pub(crate) fn raw_name(&self) -> &str {
        self.raw_name.as_ref().unwrap_or(&self.name)
    }

    /// The whole body, an object.
    pub fn body(&self) -> &Document<'b> {
        &self.body
    }

    /// The object of interest.
    pub fn resource(&self) -> Option<Json<'_, 'b>> {
        self.body.at(self.resource)
    }

    /// A top-level field as text; a number counts as its digits.
    pub fn top(&self, key: &str) -> Option<Cow<'b, str>> {
        text(self.body.root()?.get(key)?)
    }

    /// A field of the resource as text.
    pub fn field(&self, key: &str) -> Option<Cow<'b, str>> {
        text(self.resource()?.get(key)?)
    }

    /// The sender's id of this event, where the shape has one.
    pub fn event_id(&self) -> Option<Cow<'b, str>> {
        if self.shape == Shape::Bare { None } else { self.top("id") }
    }

    /// The same as it was sent.
    pub(crate) fn raw_event_id(&self) -> Option<Json<'_, 'b>> {
        if self.shape == Shape::Bare { None } else { self.body.root()?.get("id") }
    }

    /// The id of what the event is about. Two ids that differ stay two: see `id`. Zero is none where another is told.
    pub fn resource_id(&self) -> Option<Cow<'b, str>> {
        let (own, top) = (self.resource()?.get("id"), || self.body.root()?.get("resourceId"));
        match own.and_then(id) {
            Some(own) if own != "0" => Some(own),
            zero => top().and_then(id).or(zero),
        }
    }

    /// The account that the event belongs to.
    pub fn account_id(&self) -> Option<Cow<'b, str>> {
        let own = match (self.family.category, self.shape) {
            (Category::Account, Shape::Account) => self.field("id"),
            (Category::Account, _) => self.field("accountNumber").or_else(|| self.top("resourceId")),
            _ => None,
        };
        own.or_else(|| self.field("accountId"))
            .or_else(|| self.top("accountId"))
            .or_else(|| text(self.body.root()?.get("account")?.get("id")?))
    }

    /// Live unless said otherwise.
    pub fn mode(&self) -> Mode {
        let said = self.top("mode").or_else(|| self.field("mode"));
        if said.is_some_and(|mode| mode.eq_ignore_ascii_case("test")) { Mode::Test } else { Mode::Live }
    }

    /// When the state that the event tells was reached: `statusTime`, `updatedTime`, `eventDate`, the first of them that
    /// is a time. `eventDate` alone does not order events: it often repeats the creation time.
    pub fn status_time(&self) -> Option<DateTime<Utc>> {
        self.status_times().find_map(|value| time(&text(value)?))
    }

    /// That value as it was sent; where none is a time, the first there is.
    pub(crate) fn raw_status_time(&self) -> Option<Json<'_, 'b>> {
        let is_time = |value: &Json<'_, 'b>| text(*value).is_some_and(|text| time(&text).is_some());
        self.status_times().find(is_time).or_else(|| self.status_times().next())
    }

    /// The text of the time that [`Self::status_time`] reads, masked where it is none.
    pub fn status_time_text(&self) -> Option<Cow<'b, str>> {
        let said = text(self.raw_status_time()?)?;
        Some(masking::masked(&said).map_or(said, Cow::Owned))
    }

    fn status_times(&self) -> impl Iterator<Item = Json<'_, 'b>> {
        let own = ["statusTime", "updatedTime"].into_iter().map(|key| self.resource()?.get(key));
        let all = own.chain(std::iter::once_with(|| self.body.root()?.get("eventDate")));
        all.flatten().filter(|value| value.json_type() != JsonType::Null)
    }
}

/// The fields that hold the object of interest in one shape or another, in the order of the shapes.
pub(crate) const HOLDERS: [(&str, Shape); 3] =
    [("payload", Shape::Payload), ("eventData", Shape::EventData), ("account", Shape::Account)];

/// Which field holds the object of interest, and where: the first that is an object and says something, else the first that is one.
fn holder(body: &Document<'_>) -> (Shape, usize) {
    let objects = || {
        HOLDERS.iter().filter_map(|(key, shape)| {
            let place = body.place(key)?;
            let object = body.at(place).filter(|own| own.is_object())?;
            Some((*shape, place, object))
        })
    };
    let found = objects().find(|(.., object)| object.values().next().is_some()).or_else(|| objects().next());
    found.map_or((Shape::Bare, 0), |(shape, place, _)| (shape, place))
}

/// Length of an id that is kept, in characters.
const ID_LENGTH: usize = 255;

/// An id as text. One that is too long or has control characters is shortened and cleaned, with a hash of the whole behind
/// it, so that two different ids never become one.
fn id<'b>(value: Json<'_, 'b>) -> Option<Cow<'b, str>> {
    let kept = text(value)?;
    let Some(said) = value.string() else { return Some(kept) };
    if kept == said.trim() {
        return Some(kept);
    }
    let hash = hex::encode(digest::digest(&digest::SHA256, said.as_bytes()));
    let hash = hash.get(..32).unwrap_or_default();
    Some(kept.chars().take(ID_LENGTH - 33).chain(['~']).chain(hash.chars()).collect::<String>().into())
}

/// A non-empty string of at most 255 characters without control characters, or a number's digits.
pub(crate) fn text<'b>(value: Json<'_, 'b>) -> Option<Cow<'b, str>> {
    if value.json_type() == JsonType::Number {
        return Some(Cow::Borrowed(value.written()));
    }
    let said = value.string()?;
    // Most are clean: nothing is looked at twice. All bytes, not until one is not: so several are looked at at once.
    if (1..=ID_LENGTH).contains(&said.len()) && said.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic()) {
        return Some(said);
    }
    let clean: String = said.trim().chars().filter(|c| !c.is_control()).take(ID_LENGTH).collect();
    (!clean.is_empty()).then_some(Cow::Owned(clean))
}

/// RFC 3339, or the same without a zone, which means UTC. Years 1970–9999.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|t| t.to_utc()).ok().or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%z"].iter().find_map(|form| {
            DateTime::parse_from_str(text, form)
                .map(|t| t.to_utc())
                .or_else(|_| NaiveDateTime::parse_from_str(text, form).map(|t| t.and_utc()))
                .ok()
        })
    })?;
    (0..253_402_300_800_000).contains(&parsed.timestamp_millis()).then_some(parsed)
}

/// Where the first number is that no reader of the stored body could hold, as `a.b[].c`.
fn out_of_range(value: Json<'_, '_>) -> Option<String> {
    match value.json_type() {
        JsonType::Number => (!is_in_range(value.written())).then(String::new),
        JsonType::Object => value.values().find_map(|field| {
            let rest = out_of_range(field)?;
            Some(joined(told(&field.name()), &rest))
        }),
        JsonType::Array => value.values().find_map(|item| Some(joined("[]".to_owned(), &out_of_range(item)?))),
        _ => None,
    }
}

/// A field's name as it may be told.
fn told(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control()).collect();
    masking::masked(&clean).unwrap_or(clean).chars().take(64).collect()
}

/// Whether a float holds `number`. What has fewer digits than the largest needs no closer look.
fn is_in_range(number: &str) -> bool {
    (number.len() < 300 && !number.contains(['e', 'E'])) || number.parse::<f64>().is_ok_and(f64::is_finite)
}

fn joined(name: String, rest: &str) -> String {
    let joint = if rest.is_empty() || rest.starts_with('[') { "" } else { "." };
    name + joint + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
