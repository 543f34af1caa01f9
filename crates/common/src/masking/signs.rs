//! A text as the signs that it is read as: an escape or a percent-encoded character counts as what it stands for.

use super::{digits, html};

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Each character as it is.
    AsWritten,
    /// With JSON's escapes, percent-encoding and HTML's references undone, however often they were done.
    Decoded,
    /// The same, with a tag of HTML for one separator, as a page shows it. Names are not read so: they may be a tag's.
    Shown,
}

/// What a sign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A digit of any script.
    Digit(u8),
    /// A letter of ASCII, be it written at full width; 0 for any other letter.
    Letter(u8),
    /// A blank or a dash, as they usually stand between groups.
    Blank,
    /// Anything else that is seen.
    Separator,
    /// Not seen, such as a zero-width space or a soft hyphen.
    Mark,
}

/// A sign and where it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign {
    pub kind: Kind,
    pub begin: usize,
    pub end: usize,
}

/// The signs of a text, in their order.
pub(super) struct Signs<'t> {
    text: &'t str,
    at: usize,
    reading: Reading,
}

impl<'t> Signs<'t> {
    pub(super) fn of(text: &'t str, reading: Reading) -> Self {
        Self { text, at: 0, reading }
    }
}

impl Iterator for Signs<'_> {
    type Item = Sign;

    fn next(&mut self) -> Option<Sign> {
        let rest = self.text.get(self.at..)?;
        let first = rest.chars().next()?;
        let decoded = match first {
            _ if self.reading == Reading::AsWritten => None,
            '%' => percent(rest),
            '\\' => escape(rest),
            '&' if self.reading == Reading::Shown => html::tag(rest).or_else(|| html::reference(rest)),
            '&' => html::reference(rest).filter(|(c, _)| *c != '&'),
            '<' if self.reading == Reading::Shown => html::tag(rest),
            _ => None,
        };
        let (c, length) = decoded.unwrap_or((first, first.len_utf8()));
        let begin = self.at;
        self.at += length;
        Some(Sign { kind: kind(c), begin, end: self.at })
    }
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | 'A'..='Z' => Kind::Letter(c as u8),
        '0'..='9' => Kind::Digit(c as u8 - b'0'),
        ' ' | '-' => Kind::Blank,
        // Columns are kept without them.
        _ if c.is_control() => Kind::Mark,
        _ if c.is_ascii() => Kind::Separator,
        'Ａ'..='Ｚ' => Kind::Letter(b'A' + (c as u32 - 'Ａ' as u32) as u8),
        'ａ'..='ｚ' => Kind::Letter(b'a' + (c as u32 - 'ａ' as u32) as u8),
        _ if is_mark(c) => Kind::Mark,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE63}' | '\u{FF0D}' => Kind::Blank,
        _ if c.is_whitespace() => Kind::Blank,
        _ => match digits::value(c) {
            Some(value) => Kind::Digit(value),
            None if c.is_alphabetic() => Kind::Letter(0),
            None => Kind::Separator,
        },
    }
}

/// Whether it has no width: joiners, marks of direction, variation selectors and the like.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The character that `rest` begins with in percent-encoding, and the length of what is written for it.
fn percent(rest: &str) -> Option<(char, usize)> {
    let (first, mut length) = percent_byte(rest.as_bytes())?;
    let mut utf8 = vec![first];
    for _ in 1..utf8_length(first)? {
        let (byte, more) = percent_byte(rest.as_bytes().get(length..)?)?;
        utf8.push(byte);
        length += more;
    }
    Some((std::str::from_utf8(&utf8).ok()?.chars().next()?, length))
}

/// How many bytes a character has that begins with `first`.
fn utf8_length(first: u8) -> Option<usize> {
    match first {
        0..0x80 => Some(1),
        0xC2..0xE0 => Some(2),
        0xE0..0xF0 => Some(3),
        0xF0..0xF5 => Some(4),
        _ => None,
    }
}

/// `%34`, or `%2534`, which is that encoded once more.
fn percent_byte(bytes: &[u8]) -> Option<(u8, usize)> {
    let pair = |at: usize| Some(hex_digit(*bytes.get(at)?)? * 16 + hex_digit(*bytes.get(at + 1)?)?);
    let mut at = 1;
    bytes.first().filter(|first| **first == b'%')?;
    while pair(at) == Some(b'%') && pair(at + 2).is_some() {
        at += 2;
    }
    Some((pair(at)?, at + 2))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

/// The character that `rest` begins with as an escape of JSON, behind one backslash or, where it was escaped again, several.
/// Backslashes that begin no escape are one separator together.
fn escape(rest: &str) -> Option<(char, usize)> {
    let slashes = rest.bytes().take_while(|byte| *byte == b'\\').count();
    let behind = rest.get(slashes..)?;
    match behind.bytes().next() {
        Some(b'u') => unicode(rest, slashes).or(Some(('\\', slashes))),
        Some(b'n' | b't' | b'r') => Some(('\n', slashes + 1)),
        Some(b'b' | b'f') => Some(('\u{8}', slashes + 1)),
        Some(b'/' | b'"') => Some(('/', slashes + 1)),
        _ => Some(('\\', slashes)),
    }
}

/// The character behind that many backslashes: `u` and four hex digits, or two of them where it takes a surrogate pair.
fn unicode(rest: &str, slashes: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 5)?.strip_prefix('u')?;
        digits.bytes().try_fold(0_u16, |unit, byte| Some(unit << 4 | u16::from(hex_digit(byte)?)))
    };
    let first = unit(slashes)?;
    let one = slashes + 5;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c, one));
    }
    let more = rest.get(one..)?.bytes().take_while(|byte| *byte == b'\\').count();
    let second = unit(one + more).filter(|_| more > 0)?;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((c, one + more + 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, reading: Reading) -> String {
        let one = |sign: Sign| match sign.kind {
            Kind::Digit(value) => char::from(b'0' + value),
            Kind::Letter(letter) => {
                if letter == 0 {
                    'Ж'
                } else {
                    char::from(letter)
                }
            }
            Kind::Blank => '_',
            Kind::Separator => '.',
            Kind::Mark => '*',
        };
        Signs::of(text, reading).map(one).collect()
    }

    #[test]
    fn signs_are_what_they_stand_for() {
        for (text, decoded) in [
            ("aЖ4٤４𝟒", "aЖ4444"),
            ("Ａｚ\u{a0}\u{2013}_\u{200b}\u{ad}\u{1}\n", "Az__.****"),
            ("%34%2534%252534%EF%BC%94%e2%80%8b%C2%A0%41", "4444*_A"),
            ("%B4%C2 %4 %", ".B4.C2_.4_."),
            (r"\u0034\\u0034\ud835\udfd2\\\\ud835\\\\udfd2", "4444"),
            (r"\n4\\4\u12 \uDC00\x", "*4.4.u12_.uDC00.x"),
            ("²₄⑤⓪❼🄂", "245071"),
            ("&#52;&#x34;&#X0000034;&amp;#52;&amp;amp;#52;", "44444"),
            ("4&nbsp;4&amp;nbsp;4&shy;4&quot;4&#8203;4", "4_4_4*4.4*4"),
            ("&#; &#x; &# &x &cvv &#1114112;", "..._..x._.._.x_.cvv_..1114112."),
            ("<cvv>", ".cvv."),
        ] {
            assert_eq!(read(text, Reading::Decoded), decoded, "{text}");
        }
        assert_eq!(read(r"%34\u0034&#52;", Reading::AsWritten), ".34.u0034..52.");
        for (text, shown) in [
            ("4<br>4</td><td class='a'>4<BR />4&lt;br&gt;4&nbsp;4&sdot;4", "4.4..4.4.4_4.4"),
            ("<4111> <br 4> <b <i> &lt;4", ".4111._.br_4._.b_._.4"),
        ] {
            assert_eq!(read(text, Reading::Shown), shown, "{text}");
        }
    }
}
