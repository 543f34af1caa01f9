//! Digits of all scripts, and those that are raised, lowered, circled or otherwise set apart.

/// The zeros of Unicode's decimal digits (general category Nd, Unicode 17) beyond ASCII; the other nine follow each.
const ZEROS: [u32; 75] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0,
    0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50,
    0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0,
    0x1E5F1, 0x1E950, 0x1FBF0,
];

/// Digits beside those: the first and the last of each row, and what the first counts.
const SET_APART: [(u32, u32, u8); 21] = [
    (0xB2, 0xB3, 2),
    (0xB9, 0xB9, 1),
    (0x2070, 0x2070, 0),
    (0x2074, 0x2079, 4),
    (0x2080, 0x2089, 0),
    (0x2460, 0x2468, 1),
    (0x2474, 0x247C, 1),
    (0x2488, 0x2490, 1),
    (0x24EA, 0x24EA, 0),
    (0x24F5, 0x24FD, 1),
    (0x24FF, 0x24FF, 0),
    (0x2776, 0x277E, 1),
    (0x2780, 0x2788, 1),
    (0x278A, 0x2792, 1),
    (0x3007, 0x3007, 0),
    (0x3021, 0x3029, 1),
    (0x3220, 0x3228, 1),
    (0x3280, 0x3288, 1),
    (0x1F100, 0x1F100, 0),
    (0x1F101, 0x1F10A, 0),
    (0x1F10B, 0x1F10C, 0),
];

/// What a digit counts.
pub(super) fn value(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|value| value as u8);
    }
    let code = u32::from(c);
    let zero = ZEROS.get(ZEROS.partition_point(|zero| *zero <= code).wrapping_sub(1));
    let decimal = zero.and_then(|zero| u8::try_from(code - zero).ok()).filter(|value| *value < 10);
    decimal.or_else(|| {
        let (first, last, value) = SET_APART.get(SET_APART.partition_point(|(first, ..)| *first <= code).checked_sub(1)?)?;
        // The two zeros at the end are one digit each.
        (code <= *last).then(|| if *first == 0x1F10B { 0 } else { value + (code - first) as u8 })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_do_not_overlap() {
        assert!(ZEROS.is_sorted_by(|a, b| a + 10 <= *b));
        for (c, digit) in [
            ('7', Some(7)),
            ('٤', Some(4)),
            ('９', Some(9)),
            ('𝟘', Some(0)),
            ('①', Some(1)),
            ('²', Some(2)),
            ('⁹', Some(9)),
            ('⒐', Some(9)),
            ('❾', Some(9)),
            ('🄊', Some(9)),
            ('🄌', Some(0)),
            ('⑩', None),
            ('½', None),
            ('a', None),
        ] {
            assert_eq!(value(c), digit, "{c}");
        }
    }

    proptest! {
        /// Proptest knows the category from tables of its own.
        #[test]
        fn all_of_the_category_count_and_none_that_is_no_number(digit in "\\p{Nd}", other in "\\P{N}") {
            prop_assert!(digit.chars().all(|c| value(c).is_some()), "{digit:?}");
            prop_assert!(other.chars().all(|c| value(c).is_none()), "{other:?}");
        }
    }
}
