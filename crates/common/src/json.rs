//! A JSON text, looked at where it is: its values are found once, and none is copied before it is asked for.
//!
//! Whether a text is JSON is serde_json's to say, which makes a [`RawValue`] of it; here it is only divided.

use std::{borrow::Cow, ops::Range};

use memchr::memchr2;
use serde_json::value::RawValue;

/// Arrays and objects within each other at most: what serde_json reads.
const DEPTH: usize = 127;

/// Why a JSON text cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nested too deep for most readers.
    TooDeep,
    /// The text at that byte has an escape that stands for no character, such as half of a surrogate pair.
    NoCharacter(usize),
}

/// A JSON text and where its values are.
#[derive(Debug, Clone)]
pub struct Document<'t> {
    text: &'t str,
    is_compact: bool,
    /// Each value before those that it holds.
    nodes: Vec<Node>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// Empty where it is no field.
    name: Span,
    value: Span,
    json_type: JsonType,
    /// Nodes that it takes: itself and what it holds.
    span: u32,
}

/// Where a token is in the text, which has less than 4 GiB: half the bytes of a `&str`, for there is one for each value of
/// each webhook.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    begin: u32,
    end: u32,
    is_escaped: bool,
}

impl Span {
    fn at(begin: usize, length: usize, is_escaped: bool) -> Self {
        Self { begin: begin as u32, end: (begin + length) as u32, is_escaped }
    }

    fn of(self, text: &str) -> Token<'_> {
        let token = text.get(self.begin as usize..self.end as usize);
        Token { text: token.unwrap_or_default(), is_escaped: self.is_escaped }
    }
}

/// As it is written; a string without its quotes.
#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    text: &'t str,
    is_escaped: bool,
}

impl<'t> Token<'t> {
    fn decoded(self) -> Option<Cow<'t, str>> {
        if self.is_escaped {
            serde_json::from_str(&format!("\"{}\"", self.text)).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(self.text))
        }
    }

    /// The string whose opening quote is at `at`.
    fn string(text: &'t str, at: usize) -> Result<Self, Flaw> {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (mut end, mut is_escaped) = (0, false);
        while let Some(found) = rest.as_bytes().get(end..).and_then(|tail| memchr2(b'"', b'\\', tail)) {
            end += found;
            if rest.as_bytes().get(end) != Some(&b'\\') {
                break;
            }
            is_escaped = true;
            end += 2;
        }
        let token = Self { text: rest.get(..end).unwrap_or(rest), is_escaped };
        if is_escaped && token.decoded().is_none() {
            return Err(Flaw::NoCharacter(at));
        }
        Ok(token)
    }
}

/// Values of most webhooks: what room is made for at once.
const NODES: usize = 32;

impl<'t> Document<'t> {
    /// Divides `raw`.
    pub fn of(raw: &'t RawValue) -> Result<Self, Flaw> {
        let text = raw.get();
        let bytes = text.as_bytes();
        let mut nodes: Vec<Node> = Vec::with_capacity(NODES);
        let mut is_compact = true;
        let (mut open, mut name, mut at): (Vec<usize>, _, _) = (Vec::with_capacity(8), Span::default(), 0);
        while let Some(byte) = bytes.get(at) {
            let json_type = match byte {
                b'{' => JsonType::Object,
                b'[' => JsonType::Array,
                b'"' => JsonType::Text,
                b't' | b'f' => JsonType::Bool,
                b'n' => JsonType::Null,
                b'-' | b'0'..=b'9' => JsonType::Number,
                other => {
                    let end = nodes.len();
                    at += 1;
                    if matches!(other, b'}' | b']')
                        && let Some(place) = open.pop()
                        && let Some(node) = nodes.get_mut(place)
                    {
                        node.value.end = at as u32;
                        node.span = (end - place) as u32;
                    }
                    is_compact &= !other.is_ascii_whitespace();
                    continue;
                }
            };
            let value = match json_type {
                JsonType::Object | JsonType::Array => {
                    if open.len() == DEPTH {
                        return Err(Flaw::TooDeep);
                    }
                    open.push(nodes.len());
                    at += 1;
                    // Its end is told by its bracket.
                    Span::at(at - 1, 1, false)
                }
                JsonType::Text => {
                    let token = Token::string(text, at)?;
                    let place = Span::at(at + 1, token.text.len(), token.is_escaped);
                    at += token.text.len() + 2;
                    // A colon stands behind names alone.
                    let rest = bytes.get(at..).unwrap_or_default();
                    if rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':') {
                        name = place;
                        continue;
                    }
                    place
                }
                JsonType::Number | JsonType::Bool | JsonType::Null => {
                    let rest = text.get(at..).unwrap_or_default();
                    let length = rest.bytes().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
                    let place = Span::at(at, length.unwrap_or(rest.len()), false);
                    at = place.end as usize;
                    place
                }
            };
            nodes.push(Node { name: std::mem::take(&mut name), value, json_type, span: 1 });
        }
        Ok(Self { text, is_compact, nodes })
    }

    /// The whole text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Whether no spaces stand between its tokens.
    pub fn is_compact(&self) -> bool {
        self.is_compact
    }

    /// The value that is the whole text.
    pub fn root(&self) -> Option<Json<'_, 't>> {
        self.at(0)
    }

    /// The value at `place`, which [`Self::place`] told.
    pub fn at(&self, place: usize) -> Option<Json<'_, 't>> {
        Values { text: self.text, nodes: self.nodes.get(place..)? }.next()
    }

    /// Where the value of the root's field `name` is.
    pub fn place(&self, name: &str) -> Option<usize> {
        let (mut next, mut found) = (1, None);
        for value in self.root()?.values() {
            if value.is_named(name) {
                found = Some(next);
            }
            next += value.node.span as usize;
        }
        found
    }
}

/// A value of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Json<'d, 't> {
    text: &'t str,
    node: &'d Node,
    held: &'d [Node],
}

/// Values that follow each other.
struct Values<'d, 't> {
    text: &'t str,
    nodes: &'d [Node],
}

impl<'d, 't> Iterator for Values<'d, 't> {
    type Item = Json<'d, 't>;

    fn next(&mut self) -> Option<Json<'d, 't>> {
        let (node, rest) = self.nodes.split_first()?;
        let (held, rest) = rest.split_at_checked(node.span as usize - 1)?;
        self.nodes = rest;
        Some(Json { text: self.text, node, held })
    }
}

impl<'d, 't> Json<'d, 't> {
    /// What it is.
    pub fn json_type(self) -> JsonType {
        self.node.json_type
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.json_type() == JsonType::Object
    }

    /// Where it stands in the text; a string with its quotes.
    pub fn range(self) -> Range<usize> {
        let quote = usize::from(self.json_type() == JsonType::Text);
        let Span { begin, end, .. } = self.node.value;
        (begin as usize).saturating_sub(quote)..end as usize + quote
    }

    /// As it is written; a string without its quotes, its escapes as they are.
    pub fn written(self) -> &'t str {
        self.node.value.of(self.text).text
    }

    /// What a string says.
    pub fn string(self) -> Option<Cow<'t, str>> {
        if self.json_type() == JsonType::Text { self.node.value.of(self.text).decoded() } else { None }
    }

    /// The name of a field.
    pub fn name(self) -> Cow<'t, str> {
        self.node.name.of(self.text).decoded().unwrap_or_default()
    }

    /// Where the name of a field stands in the text, with its quotes.
    pub fn name_range(self) -> Range<usize> {
        let Span { begin, end, .. } = self.node.name;
        (begin as usize).saturating_sub(1)..end as usize + 1
    }

    fn is_named(self, name: &str) -> bool {
        let Span { begin, end, is_escaped } = self.node.name;
        if is_escaped {
            return self.name() == name;
        }
        // Most names differ in their length.
        (end - begin) as usize == name.len() && self.text.as_bytes().get(begin as usize..end as usize) == Some(name.as_bytes())
    }

    /// The fields of an object, the items of an array, in their order.
    pub fn values(self) -> impl Iterator<Item = Json<'d, 't>> {
        Values { text: self.text, nodes: self.held }
    }

    /// A field of an object: the last of that name, as most readers take it.
    pub fn get(self, name: &str) -> Option<Self> {
        if self.is_object() { self.values().filter(|value| value.is_named(name)).last() } else { None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
