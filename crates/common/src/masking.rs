//! Masking: no full bank or card number, and no security code or password, is kept anywhere.
//!
//! A value is masked to its last four by the name of its field, or by its look: a card number
//! (13–19 digits of a payment network that pass Luhn's check) or an IBAN (mod 97), whatever field, name or
//! text it hides in and however it is spelled. Only Netbanx' own ids are never masked by look: a masked id would merge
//! transactions, and one number in ten passes Luhn's check by chance.
//!
//! | module | tells |
//! | --- | --- |
//! | `fields` | what the name of a field says of its value |
//! | `text` | what is masked in a text, by its look or as JSON within it |
//! | `pairs` | names and values in a text that is no JSON as a whole |
//! | `codes` | security codes behind their names in any text |
//! | `numbers` | where the numbers in a text are |
//! | `lookalikes` | what has as many digits and is none |
//! | `cards`, `ibans` | which digits make a number |
//! | `signs`, `digits`, `html` | how digits and letters may be written |
//!
//! What is masked is JSON, is interpreted as before, and stays as it is when it is masked again.

mod cards;
mod codes;
mod digits;
mod fields;
mod html;
mod ibans;
mod lookalikes;
mod numbers;
mod pairs;
mod signs;
mod text;

use std::{borrow::Cow, ops::Range};

use serde_json::Value;

use crate::{
    Category, Envelope,
    json::{Document, Json, JsonType},
};
use cards::{card_of_number, whole};
use fields::Field;

/// Writes the body of `envelope` to `out` as JSON, masked and without spaces. `accountNumber` is masked but in an account
/// event, where it is the merchant's public account id (`docs/domain.md`).
pub fn write_masked(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    let is_account_event = envelope.family.category == Category::Account;
    write(out, envelope.body(), Rule::of_body(is_account_event));
}

/// The same for a text of which no more is known than that it is JSON.
pub fn write_document(out: &mut Vec<u8>, body: &Document<'_>) {
    write(out, body, Rule::of_body(false));
}

/// `text` masked by its look, where it has anything to mask.
pub fn masked(text: &str) -> Option<String> {
    text::mask(text, 0)
}

fn write(out: &mut Vec<u8>, body: &Document<'_>, rule: Rule) {
    let Some(root) = body.root() else { return };
    let Range { start, end } = root.range();
    let has_spaces = !body.is_compact() && !rule.is_in_text();
    let mut copy = Copy { out, body, has_spaces, may_hold_codes: codes::may_hold(body.text()), at: start };
    copy.mask(root, rule);
    copy.up_to(end);
}

/// How a value is masked.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Not at all: an id.
    Kept,
    /// To nothing.
    Blank,
    /// Each scalar to its last four.
    Whole,
    /// Card numbers and IBANs.
    ByLook(Place),
    /// The same, but to nothing: readers of an amount take no text.
    Amount(Place),
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    is_account_event: bool,
    /// Arrays and objects that it is in.
    depth: usize,
    /// Layers of JSON within a JSON text that it is in.
    layers: usize,
}

impl Rule {
    fn of_body(is_account_event: bool) -> Self {
        Self::ByLook(Place { is_account_event, depth: 0, layers: 0 })
    }

    /// For JSON within a text of a body.
    fn in_text(layers: usize) -> Self {
        Self::ByLook(Place { is_account_event: false, depth: 0, layers })
    }

    fn is_in_text(self) -> bool {
        matches!(self, Self::ByLook(place) if place.layers > 0)
    }

    /// For a field of what this is for, whose name was masked to `masked`, if it was.
    fn of_field(self, field: Json<'_, '_>, name: &str, masked: Option<&str>) -> Self {
        let named = text::field(name, masked);
        let Self::ByLook(place) = self.of_item() else {
            return if named == Field::Secret { Self::Blank } else { self };
        };
        let is_scalar = !matches!(field.json_type(), JsonType::Object | JsonType::Array);
        let is_public_account = place.is_account_event && place.depth <= 2;
        match named {
            Field::Secret => Self::Blank,
            Field::Number => Self::Whole,
            Field::AccountNumber if !is_public_account => Self::Whole,
            Field::BankAccount if is_scalar => Self::Whole,
            Field::Id if is_scalar => Self::Kept,
            Field::Amount => Self::Amount(place),
            _ => Self::ByLook(place),
        }
    }

    /// For an item of an array that this is for.
    fn of_item(self) -> Self {
        match self {
            Self::ByLook(place) | Self::Amount(place) => Self::ByLook(Place { depth: place.depth + 1, ..place }),
            other => other,
        }
    }

    /// What is left of a scalar, where it is masked.
    fn masked(self, scalar: Json<'_, '_>, may_hold_codes: bool) -> Option<Value> {
        let written = scalar.written();
        let masked = match (self, scalar.json_type()) {
            (Self::Whole, JsonType::Text) => text::last_four(&scalar.string()?),
            (Self::Whole, JsonType::Number) => text::last_four(&whole(written).unwrap_or_else(|| written.to_owned())),
            (Self::ByLook(place) | Self::Amount(place), JsonType::Text) => match scalar.string()? {
                // Without an escape there is no quotation mark.
                Cow::Borrowed(said) => text::mask_numbers(said, may_hold_codes)?,
                Cow::Owned(said) => text::mask(&said, place.layers)?,
            },
            (Self::ByLook(_) | Self::Amount(_), JsonType::Number) => text::last_four(&card_of_number(written)?),
            _ => return None,
        };
        Some(if matches!(self, Self::Amount(_)) { Value::Null } else { Value::String(masked) })
    }
}

/// A text on its way to `out`: what is not masked is copied as it stands, all that is between two masked values at once.
struct Copy<'o, 'd, 't> {
    out: &'o mut Vec<u8>,
    body: &'d Document<'t>,
    /// Whether spaces are to be left out.
    has_spaces: bool,
    /// Whether any of it may hold a security code behind its name: looked at once, not in each text.
    may_hold_codes: bool,
    /// How far it has come.
    at: usize,
}

impl Copy<'_, '_, '_> {
    fn mask(&mut self, value: Json<'_, '_>, rule: Rule) {
        match value.json_type() {
            JsonType::Null => {}
            _ if matches!(rule, Rule::Blank) => self.replace(value.range(), r#""***""#),
            JsonType::Object => value.values().for_each(|field| self.mask_field(field, rule)),
            JsonType::Array => match self.masked_list(value, rule) {
                Some(masked) => self.mask_again(value.range(), &masked, rule),
                None => value.values().for_each(|item| self.mask(item, rule.of_item())),
            },
            JsonType::Bool => {}
            JsonType::Number | JsonType::Text => {
                if let Some(masked) = rule.masked(value, self.may_hold_codes) {
                    self.replace(value.range(), &masked.to_string());
                }
            }
        }
    }

    /// A list of texts that holds the groups of a number, as it is written without it.
    fn masked_list(&self, list: Json<'_, '_>, rule: Rule) -> Option<String> {
        let is_by_look = matches!(rule, Rule::ByLook(_) | Rule::Amount(_)) && list.values().nth(1).is_some();
        let is_wanted = is_by_look && list.values().all(|item| item.json_type() == JsonType::Text);
        if !is_wanted || !text::may_hold(self.body.text().get(list.range())?) {
            return None;
        }
        // Without the spaces between them.
        let items: Vec<&str> = list.values().filter_map(|item| self.body.text().get(item.range())).collect();
        text::mask_list(&format!("[{}]", items.join(",")))
    }

    fn mask_again(&mut self, range: Range<usize>, list: &str, rule: Rule) {
        let Some(document) = serde_json::from_str(list).ok().and_then(|raw| Document::of(raw).ok()) else { return };
        self.up_to(range.start);
        write(self.out, &document, rule);
        self.at = range.end;
    }

    /// A number may be in the name, too, whatever it says of its value.
    fn mask_field(&mut self, field: Json<'_, '_>, rule: Rule) {
        let name = field.name();
        let masked = text::mask_name(&name, self.may_hold_codes);
        if let Some(masked) = &masked {
            self.replace(field.name_range(), &Value::from(masked.as_str()).to_string());
        }
        self.mask(field, rule.of_field(field, &name, masked.as_deref()));
    }

    fn replace(&mut self, range: Range<usize>, by: &str) {
        self.up_to(range.start);
        self.out.extend_from_slice(by.as_bytes());
        self.at = range.end;
    }

    /// Copies what stands before `end`, but for spaces between tokens.
    fn up_to(&mut self, end: usize) {
        let part = self.body.text().as_bytes().get(self.at..end).unwrap_or_default();
        self.at = end;
        if !self.has_spaces {
            return self.out.extend_from_slice(part);
        }
        let (mut is_string, mut is_escaped) = (false, false);
        for byte in part {
            if is_string || !byte.is_ascii_whitespace() {
                self.out.push(*byte);
            }
            is_string ^= *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
        }
    }
}

#[cfg(test)]
mod tests;
