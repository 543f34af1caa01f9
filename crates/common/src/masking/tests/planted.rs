//! Bodies with numbers planted in them in any spelling, and bodies without.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{detector::card_in, masked_body, written};
use crate::masking::{cards::is_card, ibans::is_iban};

/// Zeros of some scripts.
pub(super) const SCRIPTS: [char; 6] = ['0', '٠', '०', '０', '𝟎', '๐'];

/// Digits that are set apart, from zero on.
pub(super) const SET_APART: [&str; 4] = ["⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾"];

/// What has no width.
pub(super) const UNSEEN: [char; 8] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{1}', '\u{fe0f}'];

/// Beginnings of card numbers and their lengths.
const NETWORKS: [(&str, usize); 14] = [
    ("4", 13),
    ("4", 16),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("36", 14),
    ("6011", 16),
    ("62", 19),
    ("3528", 16),
    ("6759", 18),
];

pub(super) fn card() -> impl Strategy<Value = String> {
    (prop::sample::select(&NETWORKS[..]), prop::collection::vec(0_u8..10, 19)).prop_map(|((prefix, length), digits)| {
        let mut number = prefix.to_owned();
        number.extend(digits.iter().map(|digit| char::from(b'0' + digit)));
        number.truncate(length - 1);
        (0..10).map(|check| format!("{number}{check}")).find(|number| is_card(number.as_bytes())).unwrap()
    })
}

fn iban(account: u64) -> String {
    (2..=98).map(|check| format!("GB{check:02}RBOS{account:014}")).find(|text| is_iban(text.as_bytes())).unwrap()
}

/// What stands before a digit, and how the digit is written.
pub(super) fn spelled() -> impl Strategy<Value = (String, usize)> {
    let gap = prop_oneof![
        6 => Just(String::new()),
        2 => prop::sample::select(vec![" ", "-", ".", "_", "  ", "\u{a0}", "\u{3000}", ", ", "/", ":", "\t", "\n", "\r\n", "*", "+"])
            .prop_map(str::to_owned),
        1 => prop::collection::vec(prop::sample::select(&UNSEEN[..]), 1..4).prop_map(|marks| marks.into_iter().collect()),
        1 => prop::sample::select(vec!["%20", "%C2%A0", "%2520", "\\n", "\\u00a0", "%E2%80%8B", "&nbsp;", "<br>", "</td><td>"]).prop_map(str::to_owned),
    ];
    (gap, 0_usize..30)
}

/// `number` spelled so.
pub(super) fn spell(number: &str, spelling: &[(String, usize)]) -> String {
    let one = |(at, (c, (gap, form))): (usize, (char, &(String, usize)))| {
        let written = match (c.to_digit(10), form) {
            (Some(_), 20) => format!("%{:02X}", c as u32),
            (Some(_), 21) => format!("%25{:02x}", c as u32),
            (Some(_), 22) => format!("\\u{:04x}", c as u32),
            (Some(_), 23) => format!("\\\\u{:04x}", c as u32),
            (Some(_), 24) => format!("&#{};", c as u32),
            (Some(_), 25) => format!("&amp;#x{:x};", c as u32),
            (Some(digit), 26..30) => SET_APART[*form - 26].chars().nth(digit as usize).unwrap().to_string(),
            (Some(digit), 1..6) => char::from_u32(u32::from(SCRIPTS[*form]) + digit).unwrap().to_string(),
            (None, 1..6) => char::from_u32(c as u32 + 0xFEE0).unwrap().to_string(),
            (None, 6..12) => c.to_ascii_lowercase().to_string(),
            _ => c.to_string(),
        };
        format!("{}{written}", if at == 0 { "" } else { gap })
    };
    number.chars().zip(spelling).enumerate().map(one).collect()
}

/// Texts around a number: no digits, and nothing that makes letters of what follows.
const AROUND: &str = "([w-z ,:;=^(]{0,6}|card|PAN: |\\{\"n\":\"|é )";

/// The body with `planted` at one of many places, as text of JSON within JSON so often.
fn body(planted: &str, place: usize, layers: usize) -> Value {
    let mut inner = match place {
        0 => json!({"note": planted, "amount": 300}),
        1 => json!({planted: {"a": 1}}),
        2 => json!([[planted], "x"]),
        3 => json!({"merchantRefNum": planted, "status": "FAILED"}),
        4 => json!({"cardNumber": planted}),
        5 => json!({planted: planted}),
        _ => json!({"amount": planted, "eventType": planted}),
    };
    for _ in 0..layers {
        inner = json!({"payload": inner.to_string()});
    }
    json!({"eventName": "PAYMENT_FAILED", "payload": inner, "statusTime": "2026-11-28T14:25:39Z"})
}

proptest! {
    #[test]
    fn no_card_number_is_left_however_it_is_spelled(
        card in card(), spelling in prop::collection::vec(spelled(), 19), before in AROUND, after in AROUND,
        place in 0_usize..7, layers in 0_usize..4,
    ) {
        let planted = format!("{before}{}{after}", spell(&card, &spelling));
        let body = body(&planted, place, layers);
        let left = masked_body(&body, false);
        prop_assert!(card_in(&body).is_some(), "{} is not seen", body);
        prop_assert_eq!(card_in(&left), None, "{} {}", body, left);
        prop_assert_eq!(&masked_body(&left, false), &left, "twice");
    }

    #[test]
    fn no_iban_is_left_however_it_is_spelled(
        account in 0..99_999_999_999_999_u64, spelling in prop::collection::vec(spelled(), 22), before in "([w-z]{0,5}[ :,]|)",
        place in 0_usize..7, layers in 0_usize..3,
    ) {
        let planted = format!("{before}{}", spell(&iban(account), &spelling));
        let left = masked_body(&body(&planted, place, layers), false);
        let tail = format!("{before}***{:04}", account % 10_000);
        let expected = match place {
            4 => body(&tail[before.len()..], place, layers),
            6 if layers == 0 => json!({"eventName": "PAYMENT_FAILED", "statusTime": "2026-11-28T14:25:39Z",
                "payload": {"amount": null, "eventType": tail}}),
            _ => body(&tail, place, layers),
        };
        if place < 6 || layers == 0 {
            prop_assert_eq!(&left, &expected);
        }
        prop_assert_eq!(&masked_body(&left, false), &left, "twice");
    }

    #[test]
    fn no_number_is_left_in_groups_that_are_far_from_each_other(
        card in card().prop_filter("of fours", |card| matches!(card.len(), 13 | 16 | 19)), account in 0..99_999_999_999_999_u64, before in "([w-z]{0,6}|card|ref1 |[w-z]: )", after in "[w-z]{0,3}",
        far in prop::sample::select(vec![" - ", "   ", "    ", " -- ", "', '", "<br>  ", " | ", "&nbsp;-&nbsp;", "\",\""]), place in 0_usize..3,
    ) {
        for number in [card, iban(account)] {
            let groups: Vec<&str> = (0..number.len()).step_by(4).map(|at| &number[at..number.len().min(at + 4)]).collect();
            let body = body(&format!("{before}{}{after}", groups.join(far)), place, 0);
            let left = masked_body(&body, false);
            prop_assert!(left.to_string().contains(&format!("***{}", &number[number.len() - 4..])), "{}", left);
            prop_assert!(!left["payload"].to_string().contains(groups[1]) || number[number.len() - 4..] == *groups[1], "{}", left);
            prop_assert_eq!(&masked_body(&left, false), &left, "twice");
            let list = json!({"a": groups});
            prop_assert!(card_in(&masked_body(&list, false)).is_none());
        }
    }

    #[test]
    fn no_security_code_is_left_behind_its_name(
        name in "(|card|x_)(cvv|cvv2|cvc|CVC2|Cvd)", between in "(=|: |>| |%3D|&quot;:&quot;| => \"| = '|&#61;)", code in "[0-9]{3,4}",
        before in "([w-z ,:;=^(]{0,6}|é |&)", after in "(|</cvv>|&x|, y|\"|é)",
    ) {
        let text = format!("{before}{name}{between}{code}{after}");
        let left = masked_body(&json!({"note": text}), false);
        prop_assert!(left.to_string().contains("***") && !left.to_string().contains(&code), "{} {}", text, left);
        prop_assert_eq!(&masked_body(&left, false), &left, "twice");
    }

    #[test]
    fn no_plain_number_is_left_in_any_field(
        card in card(), account in 0..99_999_999_999_999_u64, field in "f[a-z]{1,8}", nest in 0_usize..6,
    ) {
        let iban = iban(account);
        let mut body = json!({
            field: card, "list": [iban, card], "number": serde_json::from_str::<Value>(&card).unwrap(),
            "exact": serde_json::from_str::<Value>(&format!("{card}.0")).unwrap(),
            "power": serde_json::from_str::<Value>(&format!("{}.{}e{}", &card[..1], &card[1..], card.len() - 1)).unwrap(),
            "accountNumber": account, "x": {"cardNumber": card, "iban": iban, "cvv": "c9v"},
        });
        for _ in 0..nest { body = json!({"payload": [body]}); }
        let text = written(&body.to_string(), false);
        prop_assert_eq!(&written(&format!("{body:#}"), false), &text, "spaces change nothing");
        prop_assert!(!text.contains(&card) && !text.contains(&card[1..]), "{}", text);
        prop_assert!(!text.contains(&iban) && !text.contains("c9v"), "{}", text);
        prop_assert_eq!(written(&text, false), text);
    }

    #[test]
    fn secrets_in_json_within_text_are_blank(layers in 0_usize..5, name in "(cvv|cardCvc|pin|x_password|Track2)", cut in 0_usize..3) {
        let mut text = json!({"a": [1], name: "s3cr3t"}).to_string();
        for _ in 0..layers { text = json!({"in": text}).to_string(); }
        // Cut off, and behind other words, it is no JSON.
        text.truncate(text.len() - cut);
        for text in [text.clone(), format!("got {text}")] {
            let left = masked_body(&json!({"note": text}), false);
            prop_assert!(!left.to_string().contains("s3cr3t"), "{}", left);
            prop_assert_eq!(&masked_body(&left, false), &left, "twice");
        }
    }

    #[test]
    fn any_text_is_masked_once(text in "([0-9٠-٩a-eA-E%\\\\u\"{}:., *-]|4111|cvv|\"pin\":|1111){0,40}") {
        let body = json!({&text: text});
        let left = masked_body(&body, false);
        prop_assert_eq!(card_in(&left), None, "{} {}", body, left);
        prop_assert_eq!(&masked_body(&left, false), &left);
    }

    #[test]
    fn what_has_no_number_stays(
        words in prop::collection::vec("\\PC{0,12}", 0..6), uuid in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        amount in any::<i32>(), seconds in 0_i64..2_000_000_000, names in prop::collection::vec("f[a-c]{1,6}", 0..6),
    ) {
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let mut body: Map<String, Value> = names.into_iter().zip(words.into_iter().map(Value::from)).collect();
        body.insert("merchantRefNum".to_owned(), format!("order_{uuid}").into());
        body.insert("inner".to_owned(), json!({"a": amount, "b": [time.to_rfc3339(), null]}).to_string().into());
        body.insert("time".to_owned(), time.format("%Y-%m-%d %H:%M:%S").to_string().into());
        body.insert("ms".to_owned(), (seconds * 1000).into());
        body.insert("links".to_owned(), json!([{"href": format!("https://api.example.com/v1/payments/{uuid}")}, amount]));
        let body = Value::Object(body);
        prop_assert_eq!(&masked_body(&body, false), &body);
    }
}
