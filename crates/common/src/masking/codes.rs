//! Security codes within a text, behind their names: `CVV: 987`, `<cvc>123</cvc>`, `a=1&cvv2=987`.

use std::ops::Range;

use super::signs::{Kind, Reading, Sign, Signs};

/// What a code is called, also at the end of a longer word such as `cardCvv`.
const NAMES: [&[u8; 3]; 3] = [b"CVV", b"CVC", b"CVD"];

/// The same, but as a word of its own, and not behind blanks and dashes alone: it is in others', and `CSC-1234` is a reference.
const WORD: &[u8; 3] = b"CSC";

/// Separators between a name and its code at most, as in `cvv => "987"`.
const GAP: usize = 5;

/// The shortest text that holds one: `cvv987`.
const SHORTEST: usize = 6;

/// Whether `text` may hold one: most texts have no name, nor anything that one may be written with. Each three bytes are
/// looked at, which is many at once for processors.
pub(super) fn may_hold(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is = |byte: u8, letter: u8| u8::from(byte | 32 == letter);
    let is_odd = |byte: u8| u8::from(byte >= 0x80) | u8::from(byte == b'%') | u8::from(byte == b'&') | u8::from(byte == b'\\');
    let behind = bytes.get(1..).unwrap_or_default().iter().zip(bytes.get(2..).unwrap_or_default());
    bytes.iter().zip(behind).fold(0, |any, (first, (second, third))| {
        let is_v = is(*second, b'v') & (is(*third, b'v') | is(*third, b'c') | is(*third, b'd'));
        any | is_odd(*first) | (is(*first, b'c') & (is_v | (is(*second, b's') & is(*third, b'c'))))
    }) != 0
}

/// Where codes stand in `text`.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let signs: Vec<Sign> = Signs::of(text, Reading::Decoded).filter(|sign| sign.kind != Kind::Mark).collect();
    // What stands behind a code stands behind asterisks when it is looked at again.
    let (mut found, mut at, mut code_end) = (Vec::new(), 0, 0);
    while at + SHORTEST <= signs.len() {
        match code_at(text, &signs, at, at == code_end) {
            Some(code) => {
                (at, code_end) = (code.end, code.end);
                found.extend(range(&signs, code));
            }
            None => at += 1,
        }
    }
    found
}

fn range(signs: &[Sign], code: Range<usize>) -> Option<Range<usize>> {
    let code = signs.get(code)?;
    Some(code.first()?.begin..code.last()?.end)
}

/// The three or four digits of the code whose name begins at `at`, perhaps behind another code.
fn code_at(text: &str, signs: &[Sign], at: usize, is_behind_code: bool) -> Option<Range<usize>> {
    let mut name = [0; 3];
    for (letter, sign) in name.iter_mut().zip(signs.get(at..)?) {
        let Kind::Letter(written) = sign.kind else { return None };
        *letter = written.to_ascii_uppercase();
    }
    let begins_word =
        is_behind_code || at.checked_sub(1).and_then(|before| signs.get(before)).is_none_or(|before| !is_in_word(*before));
    if !(NAMES.contains(&&name) || (begins_word && name == *WORD)) {
        return None;
    }
    let behind = at + 3;
    let numbered = gap(text, signs, behind + 1).filter(|gap| *gap > 0);
    // `cvv2`, but not of `cvv 2`.
    let is_second = signs.get(behind)?.kind == Kind::Digit(2);
    let (name_end, gap) = match numbered.filter(|_| is_second) {
        Some(gap) => (behind + 1, gap),
        None => (behind, gap(text, signs, behind)?),
    };
    let (begin, is_apart) = (name_end + gap, gap > 0);
    if name == *WORD && !signs.get(behind..begin)?.iter().any(|sign| is_assignment(text, *sign)) {
        return None;
    }
    let length = signs.get(begin..)?.iter().take(5).take_while(|sign| matches!(sign.kind, Kind::Digit(_))).count();
    let end = begin + length;
    // Joined to its name it is one if nothing else is joined to either: ids and hashes have such letters, too.
    let is_free = is_apart || (begins_word && signs.get(end).is_none_or(|next| !is_in_word(*next)));
    (matches!(length, 3 | 4) && is_free).then_some(begin..end)
}

fn is_assignment(text: &str, sign: Sign) -> bool {
    matches!(text.get(sign.begin..sign.end), Some("=" | ":" | ">" | "\"" | "'" | "：" | "%3D" | "%3d" | "%3A" | "%3a"))
}

fn is_in_word(sign: Sign) -> bool {
    matches!(sign.kind, Kind::Letter(_) | Kind::Digit(_))
}

/// How many separators stand from `at` on; nothing if they are too many. Behind an asterisk is what is left of a number.
fn gap(text: &str, signs: &[Sign], at: usize) -> Option<usize> {
    let others = signs.get(at..)?.iter().take(GAP + 1).take_while(|sign| !is_in_word(**sign));
    let gap = others.clone().count();
    let is_masked = others.clone().any(|sign| text.get(sign.begin..sign.end) == Some("*"));
    (gap <= GAP && !is_masked).then_some(gap)
}
