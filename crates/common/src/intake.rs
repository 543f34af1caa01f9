//! A body as it came, made ready to be interpreted: spellings that mean the same become one.
//!
//! A byte order mark is taken off, UTF-16 is read, JSON within a JSON string is taken out of it, an array is divided into its
//! events, and half of a surrogate pair, which is no character, becomes U+FFFD. What a sender signed is kept whatever it
//! is: a part that cannot be interpreted says why, and is kept as it came.

use std::{borrow::Cow, sync::OnceLock};

use serde_json::value::RawValue;

use crate::{
    Endpoint, Envelope, Event, EventIdentity, Rejection,
    envelope::HOLDERS,
    json::{Document, Json, JsonType},
    masking,
};

/// Events in one array at most; more of them are kept as one unreadable body.
pub const MAX_EVENTS: usize = 1000;

/// Strings within strings that are looked into.
const LAYERS: usize = 4;

/// A body, divided into its events.
#[derive(Debug)]
pub struct Intake<'b> {
    /// Whether the events came as an array.
    pub is_array: bool,
    /// One for each event, in their order; one at least.
    pub parts: Vec<Part<'b>>,
}

/// The text of one event.
#[derive(Debug)]
pub struct Part<'b> {
    /// As it came, for what cannot be interpreted.
    bytes: Cow<'b, [u8]>,
    /// Why it has no text, or none that is looked at.
    flaw: Option<Rejection>,
    /// The same text in another form, once it was found that it needs one.
    rewritten: OnceLock<Rewritten>,
}

/// A text that means the same and can be read.
#[derive(Debug, Default)]
struct Rewritten {
    text: String,
    /// Lone surrogates that were replaced, as they were written.
    replaced: String,
}

/// Divides `body` into its events.
pub fn read(body: &[u8]) -> Intake<'_> {
    let text = match text(body) {
        Ok(text) => text,
        Err(flaw) => return Intake { is_array: false, parts: vec![Part::flawed(body.into(), flaw)] },
    };
    let text = match text.trim_start().bytes().next() {
        Some(b'"') => unwrapped(&text).map_or(text, Cow::Owned),
        _ => text,
    };
    if text.trim_start().starts_with('[')
        && let Some(intake) = array(&text, body)
    {
        return intake;
    }
    let bytes = match text {
        Cow::Borrowed(text) => text.as_bytes().into(),
        Cow::Owned(text) => text.into_bytes().into(),
    };
    Intake { is_array: false, parts: vec![Part::of(bytes)] }
}

/// The events of an array. One that is empty or too long is no array of events.
fn array<'b>(text: &str, body: &'b [u8]) -> Option<Intake<'b>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let parts = match items.len() {
        0 => vec![Part::flawed(body.into(), Rejection::NotAnObject)],
        1..=MAX_EVENTS => items.into_iter().map(|item| Part::of(item.get().as_bytes().to_vec().into())).collect(),
        _ => vec![Part::flawed(body.into(), Rejection::TooMany)],
    };
    Some(Intake { is_array: true, parts })
}

/// The text of a body: UTF-8, with or without its mark, or UTF-16 with one.
fn text(body: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| read([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match body {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest).map(Cow::Borrowed),
        [0xFF, 0xFE, rest @ ..] => Ok(utf16(rest, u16::from_le_bytes).into()),
        [0xFE, 0xFF, rest @ ..] => Ok(utf16(rest, u16::from_be_bytes).into()),
        _ => utf8(body).map(Cow::Borrowed),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(bytes).map_err(|e| Rejection::NotJson(format!("invalid UTF-8 at byte {}", e.valid_up_to())))
}

/// The object or array that stands as text within the JSON string `text`.
fn unwrapped(text: &str) -> Option<String> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..LAYERS {
        let inner: String = serde_json::from_str(&replaced_surrogates(&text).map_or(text, |(text, _)| text.into())).ok()?;
        match inner.trim_start().bytes().next()? {
            b'{' | b'[' => return Some(inner),
            b'"' => text = inner.into(),
            _ => return None,
        }
    }
    None
}

impl<'b> Part<'b> {
    fn of(bytes: Cow<'b, [u8]>) -> Self {
        Self { bytes, flaw: None, rewritten: OnceLock::new() }
    }

    fn flawed(bytes: Cow<'b, [u8]>, flaw: Rejection) -> Self {
        Self { flaw: Some(flaw), ..Self::of(bytes) }
    }

    /// One that cannot be interpreted at all, such as what does not inflate.
    pub fn unreadable(bytes: &'b [u8], reason: Rejection) -> Self {
        Self::flawed(bytes.into(), reason)
    }

    /// As it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it tells; `header_name` is the event name that a header gave, if any. An error says why it cannot be
    /// interpreted: it is kept as unreadable then.
    pub fn envelope(&self, header_name: Option<&str>) -> Result<Envelope<'_>, Rejection> {
        if let Some(flaw) = &self.flaw {
            return Err(flaw.clone());
        }
        if self.rewritten.get().is_none() {
            match Envelope::parse(&self.bytes, header_name) {
                Ok(envelope) if taken_out(envelope.body()).is_none() => return checked(envelope),
                Err(rejection) if !matches!(rejection, Rejection::NoCharacter(_) | Rejection::NoObject) => return Err(rejection),
                _ => {}
            }
        }
        let Rewritten { text, replaced } = self.rewritten()?;
        let replaced = (!replaced.is_empty()).then_some(replaced.as_str());
        checked(Envelope::parse(text.as_bytes(), header_name)?.with_replaced(replaced))
    }

    /// Its text with what was replaced in it and taken out of strings.
    fn rewritten(&self) -> Result<&Rewritten, Rejection> {
        if let Some(rewritten) = self.rewritten.get() {
            return Ok(rewritten);
        }
        let mut made = Rewritten { text: utf8(&self.bytes)?.to_owned(), replaced: String::new() };
        for _ in 0..LAYERS {
            if let Some((text, replaced)) = replaced_surrogates(&made.text) {
                made.text = text;
                made.replaced.push_str(&replaced);
            }
            let Some(text) = document(&made.text).and_then(|body| taken_out(&body)) else { break };
            made.text = text;
        }
        Ok(self.rewritten.get_or_init(|| made))
    }

    /// The identity of what cannot be interpreted.
    pub fn unreadable_identity(&self, endpoint: Endpoint, company: Option<&str>) -> EventIdentity {
        EventIdentity::of_unreadable(endpoint, company, &self.bytes)
    }

    /// Its JSON, masked; nothing where it is none, and so cannot be masked.
    pub fn masked(&self) -> Option<Vec<u8>> {
        let Rewritten { text, .. } = self.rewritten().ok()?;
        let mut masked = Vec::with_capacity(text.len());
        masking::write_document(&mut masked, &document(text)?);
        Some(masked)
    }
}

fn checked(envelope: Envelope<'_>) -> Result<Envelope<'_>, Rejection> {
    Event::check(&envelope)?;
    Ok(envelope)
}

fn document(text: &str) -> Option<Document<'_>> {
    Document::of(serde_json::from_str(text).ok()?).ok()
}

/// The body with the object of interest taken out of the string that it stands in; nothing where it stands in none.
fn taken_out(body: &Document<'_>) -> Option<String> {
    let root = body.root()?;
    let is_whole = |holder: &Json<'_, '_>| holder.is_object() && holder.values().next().is_some();
    let holders = HOLDERS.iter().filter_map(|(name, _)| root.get(name)).take_while(|holder| !is_whole(holder));
    for holder in holders.filter(|holder| holder.json_type() == JsonType::Text) {
        let said = holder.string()?;
        // A mark of the byte order is no blank to Rust.
        let object = match said.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}') {
            said if said.starts_with('"') => unwrapped(said),
            said => Some(said.to_owned()),
        };
        let (range, text) = (holder.range(), body.text());
        if let Some(object) = object.filter(|object| object.starts_with('{') && is_json(object)) {
            return Some([text.get(..range.start)?, &object, text.get(range.end..)?].concat());
        }
    }
    None
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// `text` with U+FFFD for each escape that is half of a surrogate pair, and those escapes behind each other. Nothing where
/// there is none.
fn replaced_surrogates(text: &str) -> Option<(String, String)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let (mut made, mut replaced, mut copied, mut at) = (String::new(), String::new(), 0, 0);
    while let Some(found) = text.as_bytes().get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                made.push_str(text.get(copied..at)?);
                made.push_str("\\ufffd");
                replaced.push_str(&text.get(at + 2..at + 6)?.to_ascii_lowercase());
                copied = at + 6;
                6
            }
            _ => 2,
        };
        at += length;
    }
    if replaced.is_empty() {
        return None;
    }
    made.push_str(text.get(copied..)?);
    Some((made, replaced))
}

#[cfg(test)]
mod tests;
