//! Numbers by their look: those of cards and bank accounts within a text, and what is left of them.
//!
//! A number is a run of digits, for an IBAN of letters and digits, with at most two separators of any kind between two of
//! them, or four where its groups are those that are printed on cards; what has no width is not counted. It begins and ends
//! where a group does: digits next to digits make a longer number, which is another one, while letters next to digits change
//! nothing. An IBAN next to letters must be as long as those of its country.

use std::ops::Range;

use super::{
    cards::{is_card, is_network_card},
    ibans::{self, is_head, is_iban, is_numeric_iban},
    lookalikes,
    signs::{Kind, Reading, Signs},
};

/// Separators between two digits of one number at most.
pub(super) const GAP: usize = 4;

/// More stand between the groups of numbers only, as in `4111 - 1111 - 1111 - 1111`: lists and ranges of other numbers are
/// written so, too.
const CLOSE: u8 = 2;

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
    let rest = glyphs.get(at..)?;
    let first = rest.first()?;
    let before = at.checked_sub(1).and_then(|before| glyphs.get(before)).filter(|_| !is_tail && !first.is_apart);
    if first.is_digit() {
        let is_free = before.is_none_or(|before| !before.is_digit());
        is_free.then(|| longest(run(rest, GAP), 13, Glyph::is_digit, is_card, is_network_card)).flatten()
    } else {
        let [one, two, three, four, ..] = rest else { return None };
        if !is_head(&[one.sign, two.sign, three.sign, four.sign]) {
            return None;
        }
        let is_free = before.is_none() || is_behind_iban(glyphs, at);
        let free = is_free.then(|| longest(run(rest, usize::from(CLOSE)), 15, |_| true, is_iban, is_numeric_iban)).flatten();
        free.or_else(|| among_letters(run(rest, GAP)))
    }
}

/// What may be one number with the first of `glyphs`, with so many separators between two of them.
fn run(glyphs: &[Glyph], gap: usize) -> &[Glyph] {
    let is_on = |place: usize, glyph: &Glyph| glyph.sign != 0 && (place == 0 || usize::from(glyph.gap) <= gap);
    let length = glyphs.iter().take(LONGEST).enumerate().take_while(|(place, glyph)| is_on(*place, glyph)).count();
    glyphs.get(..length).unwrap_or_default()
}

/// Length of the IBAN that `run` begins with, whatever stands around it: what its country says.
fn among_letters(run: &[Glyph]) -> Option<usize> {
    let [one, two, ..] = run else { return None };
    let length = ibans::length([one.sign, two.sign])?;
    let (iban, behind) = run.split_at_checked(length)?;
    let goes_on = behind.first().is_some_and(|next| next.is_digit() && !next.is_apart) && iban.last()?.is_digit();
    let signs: Vec<u8> = iban.iter().map(|glyph| glyph.sign).collect();
    (!goes_on && is_numeric_iban(&signs) && (is_close(iban) || is_grouped(iban))).then_some(length)
}

/// Whether no more separators than usual stand within a number.
fn is_close(number: &[Glyph]) -> bool {
    number.iter().skip(1).all(|glyph| glyph.gap <= CLOSE)
}

/// Whether the groups of a number are as they are printed: of four, the last perhaps shorter; 4-6-5 or 4-6-4; two of eight;
/// or each sign by itself. What is not seen may stand between two groups, as a line's end does, or within one.
fn is_grouped(number: &[Glyph]) -> bool {
    let is_printed = |is_next: fn(&Glyph) -> bool| {
        let groups: Vec<usize> = number.chunk_by(|_, next| !is_next(next)).map(<[Glyph]>::len).collect();
        let Some((last, others)) = groups.split_last() else { return false };
        let is_even = |size: usize| *last <= size && others.iter().all(|group| *group == size);
        is_even(4) || is_even(1) || matches!(groups.as_slice(), [4, 6, 5 | 4] | [8, 8])
    };
    is_printed(|next| next.gap > 0) || is_printed(|next| next.is_apart)
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
        let number = run.get(..=place).unwrap_or_default();
        if place + 1 >= shortest && ends_group && is_number(&signs) && (is_close(number) || is_grouped(number)) {
            longest = Some(place + 1);
        }
    }
    longest
}
