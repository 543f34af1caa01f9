//! Numbers by their look: those of cards and bank accounts within a text, and what is left of them.
//!
//! A number is a run of digits, for an IBAN of letters and digits, with at most two separators of any kind between two of
//! them; what has no width is not counted. It begins and ends where a group does: digits next to digits make a longer
//! number, which is another one, while letters next to digits change nothing.

use std::ops::Range;

use super::{
    cards::{is_card, is_network_card},
    ibans::{is_head, is_iban, is_numeric_iban},
    lookalikes,
    signs::{Kind, Reading, Signs},
};

/// Separators between two digits of one number at most.
const GAP: u8 = 2;

/// Signs of the longest number, an IBAN.
const LONGEST: usize = 34;

/// A digit, or a letter as a capital.
#[derive(Debug, Clone, Copy)]
struct Glyph {
    /// 0 where no number has it.
    sign: u8,
    /// Separators before it.
    gap: u8,
    /// Whether no more than a blank or a dash stands before it.
    is_plain: bool,
    /// Whether anything stands between it and the one before.
    is_apart: bool,
    begin: usize,
    end: usize,
}

impl Glyph {
    fn is_digit(self) -> bool {
        self.sign.is_ascii_digit()
    }
}

/// Where a number stands, and its last four.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub range: Range<usize>,
    pub tail: String,
}

/// `***` and the last four of `signs`; nothing is left of four or fewer.
pub(super) fn last_four(signs: &str) -> String {
    let kept = signs.chars().count();
    let tail: String = if kept > 4 { signs.chars().skip(kept - 4).collect() } else { String::new() };
    format!("***{tail}")
}

/// The numbers in `text`, in their order.
pub(super) fn find(text: &str, reading: Reading) -> Vec<Found> {
    let glyphs = glyphs(text, reading);
    let (mut found, mut at, mut is_tail): (Vec<(usize, usize)>, _, _) = (Vec::new(), 0, false);
    while at < glyphs.len() {
        // What is left of a number may begin the next.
        let length = number_at(&glyphs, at, is_tail);
        match (length, found.last_mut()) {
            (Some(length), Some(last)) if is_tail => last.1 = at + length,
            (Some(length), _) => found.push((at, at + length)),
            (None, _) => {
                at += if is_tail { 4 } else { 1 };
                is_tail = false;
                continue;
            }
        }
        at += length.unwrap_or_default().saturating_sub(4);
        is_tail = true;
    }
    found.into_iter().filter_map(|(begin, end)| found_in(glyphs.get(begin..end)?)).collect()
}

fn found_in(glyphs: &[Glyph]) -> Option<Found> {
    let tail = glyphs.get(glyphs.len().saturating_sub(4)..)?;
    let range = glyphs.first()?.begin..glyphs.last()?.end;
    Some(Found { range, tail: tail.iter().map(|glyph| char::from(glyph.sign)).collect() })
}

/// The digits and letters of `text`.
fn glyphs(text: &str, reading: Reading) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(text.len());
    let none = Glyph { sign: 0, gap: 0, is_plain: true, is_apart: false, begin: 0, end: 0 };
    let mut next = none;
    for sign in Signs::of(text, reading) {
        next.is_apart |= !matches!(sign.kind, Kind::Digit(_) | Kind::Letter(_));
        let (begin, end) = (sign.begin, sign.end);
        match sign.kind {
            Kind::Mark => {}
            Kind::Blank | Kind::Separator => {
                next.is_plain &= sign.kind == Kind::Blank && next.gap == 0;
                next.gap = next.gap.saturating_add(1);
            }
            Kind::Digit(value) => glyphs.push(Glyph { sign: b'0' + value, begin, end, ..std::mem::replace(&mut next, none) }),
            Kind::Letter(letter) => {
                let sign = letter.to_ascii_uppercase();
                glyphs.push(Glyph { sign, begin, end, ..std::mem::replace(&mut next, none) });
            }
        }
    }
    void(&mut glyphs, &lookalikes::ranges(text));
    glyphs
}

/// Takes what stands in `ranges` for letters that no number has.
fn void(glyphs: &mut [Glyph], ranges: &[Range<usize>]) {
    for range in ranges {
        let begin = glyphs.partition_point(|glyph| glyph.begin < range.start);
        let held = glyphs.iter_mut().skip(begin).take_while(|glyph| glyph.begin < range.end);
        held.for_each(|glyph| glyph.sign = 0);
    }
}

/// How many of `glyphs` the longest number takes that begins with the one at `at`. One that `is_tail` is left of a number,
/// and so stands apart.
fn number_at(glyphs: &[Glyph], at: usize, is_tail: bool) -> Option<usize> {
    let run = run(glyphs.get(at..)?);
    let first = run.first()?;
    let before = at.checked_sub(1).and_then(|before| glyphs.get(before)).filter(|_| !is_tail && !first.is_apart);
    if first.is_digit() {
        let is_free = before.is_none_or(|before| !before.is_digit());
        is_free.then(|| longest(run, 13, Glyph::is_digit, is_card, is_network_card)).flatten()
    } else {
        let is_free = before.is_none() || is_behind_iban(glyphs, at);
        let has_head = || is_head(&run.iter().take(4).map(|glyph| glyph.sign).collect::<Vec<_>>());
        (is_free && has_head()).then(|| longest(run, 15, |_| true, is_iban, is_numeric_iban)).flatten()
    }
}

/// What may be one number with the first of `glyphs`.
fn run(glyphs: &[Glyph]) -> &[Glyph] {
    let is_on = |place: usize, glyph: &Glyph| glyph.sign != 0 && (place == 0 || glyph.gap <= GAP);
    let length = glyphs.iter().take(LONGEST).enumerate().take_while(|(place, glyph)| is_on(*place, glyph)).count();
    glyphs.get(..length).unwrap_or_default()
}

/// Whether `IBAN` stands before the one at `at`, nothing between them.
fn is_behind_iban(glyphs: &[Glyph], at: usize) -> bool {
    let name = at.checked_sub(4).and_then(|begin| glyphs.get(begin..at)).unwrap_or_default();
    name.iter().map(|glyph| glyph.sign).eq(*b"IBAN")
}

/// Length of the longest beginning of `run`, not less than `shortest`, that ends where a group does and is a number: by
/// `plain` where it is spelled as numbers usually are, else by `odd`.
fn longest(
    run: &[Glyph],
    shortest: usize,
    may_be_in: impl Fn(Glyph) -> bool,
    plain: fn(&[u8]) -> bool,
    odd: fn(&[u8]) -> bool,
) -> Option<usize> {
    let (mut signs, mut is_plain, mut longest) = (Vec::with_capacity(LONGEST), true, None);
    for (place, glyph) in run.iter().enumerate().take_while(|(_, glyph)| may_be_in(**glyph)) {
        signs.push(glyph.sign);
        is_plain &= place == 0 || glyph.is_plain;
        let ends_group = run.get(place + 1).is_none_or(|next| next.is_apart || !may_be_in(*next));
        let is_number = if is_plain { plain } else { odd };
        if place + 1 >= shortest && ends_group && is_number(&signs) {
            longest = Some(place + 1);
        }
    }
    longest
}
