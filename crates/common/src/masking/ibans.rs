//! Which letters and digits are an IBAN.

/// Two letters, two digits, 11–30 more, remainder 1 by 97 (ISO 13616).
pub(super) fn is_iban(text: &[u8]) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else { return false };
    if !(15..=34).contains(&text.len()) || !is_head(head) {
        return false;
    }
    let remainder = tail.iter().chain(head).try_fold(0_u32, |acc, byte| match byte {
        b'0'..=b'9' => Some((acc * 10 + u32::from(*byte - b'0')) % 97),
        b'A'..=b'Z' => Some((acc * 100 + u32::from(*byte - b'A') + 10) % 97),
        _ => None,
    });
    remainder == Some(1)
}

/// The same of what is spelled in a way that few are: ten digits at least, so that no sentence is one.
pub(super) fn is_numeric_iban(text: &[u8]) -> bool {
    text.iter().filter(|byte| byte.is_ascii_digit()).count() >= 10 && is_iban(text)
}

/// Whether an IBAN can begin with those four: a country and check digits.
pub(super) fn is_head(head: &[u8]) -> bool {
    matches!(head, [b'A'..=b'Z', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9'])
}
