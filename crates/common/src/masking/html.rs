//! What HTML writes otherwise: references to characters, and tags.

/// Longest name of a reference, or digits of a numeric one.
const NAME: usize = 8;

/// Longest tag, with its attributes.
const TAG: usize = 60;

/// The character that `rest` begins with as `&#52;`, `&#x34;` or `&nbsp;`, escaped once or more, and the length of what is
/// written for it. Of names only those of what stands between digits have a meaning here: `&` is for all others.
pub(super) fn reference(rest: &str) -> Option<(char, usize)> {
    let mut behind = rest.strip_prefix('&')?;
    while let Some(more) = behind.strip_prefix("amp;")
        && is_reference(more)
    {
        behind = more;
    }
    let name = name(behind)?;
    let c = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        }
        .and_then(char::from_u32)?,
        None => match name {
            "nbsp" | "ensp" | "emsp" | "thinsp" | "numsp" | "puncsp" | "hairsp" | "Tab" => ' ',
            "ndash" | "mdash" | "minus" | "hyphen" | "dash" => '-',
            "shy" | "zwnj" | "zwj" | "lrm" | "rlm" | "NewLine" => '\u{AD}',
            "quot" | "apos" | "lt" | "gt" | "colon" | "equals" | "comma" | "period" | "sol" => '/',
            _ => '&',
        },
    };
    Some((c, rest.len() - behind.len() + name.len() + 1))
}

fn is_reference(text: &str) -> bool {
    text.starts_with("amp;") || name(text).is_some()
}

/// What stands before a semicolon as a reference does: letters, or a number behind `#`.
fn name(text: &str) -> Option<&str> {
    let (name, _) = text.get(..text.len().min(NAME + 3)).or_else(|| text.get(..text.find(';')? + 1))?.split_once(';')?;
    let is_named = name.len() > 1 && name.len() <= NAME && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let number = name.strip_prefix('#');
    let is_number = number.is_some_and(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
    });
    (is_named || is_number).then_some(name)
}

/// The tag that `rest` begins with, as a separator. One with digits, beside those of `h1` to `h6`, is none: a number may be
/// among them.
pub(super) fn tag(rest: &str) -> Option<(char, usize)> {
    let open = if rest.starts_with("&lt;") { 4 } else { 1 };
    let inner = rest.get(open..)?;
    let bytes = inner.as_bytes();
    let length = bytes.iter().take(TAG).position(|byte| matches!(byte, b'>' | b'&'))?;
    let (close, said) = (inner.get(length..)?, inner.get(..length)?);
    let end = if close.starts_with('>') { 1 } else { close.starts_with("&gt;").then_some(4)? };
    let name = said.strip_prefix('/').unwrap_or(said);
    let is_heading = matches!(name.as_bytes(), [b'h' | b'H', b'1'..=b'6']);
    let is_tag = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_digit() && !matches!(byte, b'<' | b'%' | b'\\'));
    (is_tag || is_heading).then_some(('<', open + length + end))
}
