#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod detector;
mod kept;
mod planted;

use serde_json::json;

use super::*;

fn written(body: &str, is_account_event: bool) -> String {
    let document = Document::of(serde_json::from_str(body).unwrap()).unwrap();
    let mut out = Vec::new();
    write(&mut out, &document, Rule::of_body(is_account_event));
    String::from_utf8(out).unwrap()
}

fn masked_body(body: &Value, is_account_event: bool) -> Value {
    serde_json::from_str(&written(&body.to_string(), is_account_event)).unwrap()
}

/// What is left of `text` as the value of a field that tells nothing, in a body as in a column.
fn left_of(text: &str) -> String {
    let left = masked_body(&json!({"note": text}), false)["note"].as_str().unwrap().to_owned();
    assert_eq!(masked(text).unwrap_or_else(|| text.to_owned()), left, "{text}");
    assert_eq!(masked(&left), None, "{text} twice");
    left
}

#[test]
fn what_is_not_masked_stays_as_it_was_written() {
    let body = r#" { "b" : [ 1.50 , -2e3, true, null, { }, [ ] ], "a" : "caf\u00e9 \" \/", "a":"" } "#;
    assert_eq!(written(body, false), r#"{"b":[1.50,-2e3,true,null,{},[]],"a":"caf\u00e9 \" \/","a":""}"#);
}

#[test]
fn escapes_and_repeated_names_hide_nothing() {
    let body = r#"{"c\u0076v":"123","cvv":"123","cvv":null,"note":"4111\u00201111 1111 1111\n\u0034111111111111111"}"#;
    assert_eq!(written(body, false), r#"{"c\u0076v":"***","cvv":"***","cvv":null,"note":"***1111\n***1111"}"#);
}

#[test]
fn fields_and_hidden_numbers() {
    let body = json!({"payload": {
        "sepa": {"iban": "GB86RBOS60161331926819", "lastDigits": "19"},
        "ach": {"accountNumber": "988948193", "routingNumber": 211_589_828},
        "card": {"cardNum": "4111111111111111", "cvv": 123, "lastDigits": "1111", "cardPin": {"value": [1, 2]}, "hasPin": false},
        "pan": {"value": "4111111111111111", "password": "opensesame"},
        "note": "paid with 4111 1111 1111 1111 or GB86 RBOS 6016 1331 9268 19.",
        "merchantRefNum": "1732431600000",
        "cardNumber": "4111111111111111 12/29 123",
        "amount": 4_111_111_111_111_111_u64,
        "4111111111111111": {"iban of 4111-1111-1111-1111": "GB86RBOS60161331926819"},
    }});
    assert_eq!(
        masked_body(&body, false),
        json!({"payload": {
            "sepa": {"iban": "***6819", "lastDigits": "19"},
            "ach": {"accountNumber": "***8193", "routingNumber": "***9828"},
            "card": {"cardNum": "***1111", "cvv": "***", "lastDigits": "1111", "cardPin": "***", "hasPin": "***"},
            "pan": {"value": "***1111", "password": "***"},
            "note": "paid with ***1111 or ***6819.",
            "merchantRefNum": "1732431600000",
            "cardNumber": "***1111",
            "amount": null,
            "***1111": {"iban of ***1111": "***6819"},
        }})
    );
}

#[test]
fn an_account_event_keeps_its_own_account_number_only() {
    let body = json!({"payload": {"accountNumber": "1003296300", "bank": {"accountNumber": "988948193"}}});
    let body = masked_body(&body, true);
    assert_eq!(body["payload"]["accountNumber"], "1003296300");
    assert_eq!(body["payload"]["bank"]["accountNumber"], "***8193");
}

#[test]
fn a_bank_account_is_its_number_or_an_object_with_names_of_its_own() {
    let body = json!({"payload": {"bankAccount": "988948193", "acctNo": 988_948_193, "bank": {"csc": "123"},
        "payeeBankAccount": {"id": "988948193", "status": "VERIFIED", "acctNumber": "988948193", "verificationCode": 1234},
        "note": r#"got "bankAccount":{"id":"988948193","acctNo":"988948193"}, "bankAccount": 988948193"#,
        "merchantAccountId": "1002786770"}});
    let expected = json!({"payload": {"bankAccount": "***8193", "acctNo": "***8193", "bank": {"csc": "***"},
        "payeeBankAccount": {"id": "988948193", "status": "VERIFIED", "acctNumber": "***8193", "verificationCode": "***"},
        "note": r#"got "bankAccount":{"id":"988948193","acctNo":"***8193"}, "bankAccount": "***8193""#,
        "merchantAccountId": "1002786770"}});
    assert_eq!(masked_body(&body, false), expected);
}

#[test]
fn own_ids_are_kept_and_others_are_not() {
    let card = "4111111111111111";
    let body = json!({"id": card, "resourceId": card, "payload": {"id": card, "accountId": card, "merchantRefNum": card,
        "creditCardId": card, "id2": card}, "eventType": format!("PAYMENT_{card}")});
    let expected = json!({"id": card, "resourceId": card, "payload": {"id": card, "accountId": card, "merchantRefNum": "***1111",
        "creditCardId": "***1111", "id2": "***1111"}, "eventType": "PAYMENT_***1111"});
    assert_eq!(masked_body(&body, false), expected);
}

#[test]
fn card_numbers_are_found_however_they_are_spelled() {
    for (text, left) in [
        ("4111111111111111", "***1111"),
        ("4111.1111.1111.1111", "***1111"),
        ("4111  1111  1111  1111", "***1111"),
        ("4111\u{a0}1111\u{2003}1111\u{3000}1111", "***1111"),
        ("4111_1111_1111_1111", "***1111"),
        ("4111, 1111, 1111, 1111", "***1111"),
        ("4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "***1111"),
        ("%34111111111111111", "***1111"),
        ("%2534111111111111111", "***1111"),
        ("%EF%BC%94111111111111111", "***1111"),
        ("a=4111%201111%201111%201111&b", "a=***1111&b"),
        ("4111%C2%A01111%E2%80%8B11111111", "***1111"),
        ("４１１１１１１１１１１１１１１１", "***1111"),
        ("４111٠ ٤١١١١١١١١١١١١١١١", "４111٠ ***1111"),
        ("𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 ११११ 1111", "***1111"),
        ("card4111111111111111", "card***1111"),
        ("4111111111111111EUR", "***1111EUR"),
        ("Karteé4111111111111111é", "Karteé***1111é"),
        ("%B4111111111111111^DOE/J^29121010000000000000", "%B***1111^DOE/J^29121010000000000000"),
        (";4111111111111111=29121010000000000?", ";***1111=29121010000000000?"),
        ("%4111111111111111", "%***1111"),
        ("4111\u{200b}1111\u{200c}\u{200d}\u{2060}1111 \u{feff}\u{ad} 1111", "***1111"),
        ("4\u{200b}1\u{200b}1\u{200b}1111111111111", "***1111"),
        ("4111\u{1}\u{2}\u{3}111111111111", "***1111"),
        ("4111111111111111.0", "***1111.0"),
        ("4.111111111111111e15", "***1111e15"),
        (r"\u0034111 1111\n1111\t1111", "***1111"),
        ("4111\r\n1111\r\n1111\r\n1111", "***1111"),
        ("4111 - 1111 - 1111 - 1111", "***1111"),
        ("4111   1111   1111   1111", "***1111"),
        ("3782 - 822463 - 10005", "***0005"),
        ("41111111 -- 11111111", "***1111"),
        ("4 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1 - 1", "***1111"),
        ("4111-/-1111-/-1111-/-1111", "***1111"),
        ("'4111', '1111', '1111', '1111'", "'***1111'"),
        (r#"got "4111", "1111", "1111", "1111""#, r#"got "***1111""#),
        (r#"["4111", "1111","1111","1111"]"#, r#"["***1111"]"#),
        ("4111&nbsp;1111&nbsp;1111&nbsp;1111", "***1111"),
        ("4111&amp;nbsp;1111&ndash;1111&nbsp;&nbsp;1111", "***1111"),
        ("4111<br>1111<br/>1111<BR />1111", "***1111"),
        ("<td>4111</td><td class='n'>1111</td><td>1111</td><td>1111</td>", "<td>***1111</td>"),
        ("4111&lt;br&gt;1111&lt;br&gt;1111&lt;br&gt;1111", "***1111"),
        ("&#52;111111111111111", "***1111"),
        ("&#x34;&#49;&#x31;&#0049;&amp;#49;11111111111", "***1111"),
        ("⁴¹¹¹ ₁₁₁₁ ①①①① ❶➀➊⓵", "***1111"),
        ("🄅🄂🄂🄂 1111 1111 1111", "***1111"),
        ("4111\n\n\n1111\n\n\n11111111", "***1111"),
        ("378282246310005, 6011111111111117; 5555 5555 5555 4444", "***0005, ***1117; ***4444"),
        ("5555555555554444 11111111 4111111111111111", "***4444 11111111 ***1111"),
        (
            "https://x.example/4111111111111111/4e32ba5d-1c87-47fb-871a-b972cf8fd19e",
            "https://x.example/***1111/4e32ba5d-1c87-47fb-871a-b972cf8fd19e",
        ),
    ] {
        assert_eq!(left_of(text), left, "{text}");
    }
}

#[test]
fn ibans_are_found_however_they_are_spelled() {
    for text in [
        "GB86RBOS60161331926819",
        "GB86.RBOS.6016.1331.9268.19",
        "gb86-rbos-6016-1331-9268-19",
        "GB86  RBOS  6016  1331  9268  19",
        "GB86\u{a0}RBOS\u{a0}6016\u{a0}1331\u{a0}9268\u{a0}19",
        "G\u{200b}B86RBOS\u{ad}60161331926819",
        "ＧＢ８６ＲＢＯＳ６０１６１３３１９２６８１９",
        "ｇｂ86_rbos_60161331926819",
        "GB86%20RBOS%206016%201331%209268%2019",
        "%47B86RBOS60161331926819",
        r"\u0047B86RBOS60161331926819",
        "GB86 - RBOS - 6016 - 1331 - 9268 - 19",
        "GB86   RBOS   6016   1331   9268   19",
        "GB86&nbsp;RBOS&nbsp;6016<br>1331<br>9268<br>19",
        "&#71;B86RBOS&#x36;0161331926819",
    ] {
        assert_eq!(left_of(text), "***6819", "{text}");
        assert_eq!(left_of(&format!("to IBAN: {text}, done")), "to IBAN: ***6819, done", "{text}");
    }
    for (text, left) in [
        ("ibanGB86RBOS60161331926819", "iban***6819"),
        ("GB86RBOS60161331926819EUR", "***6819EUR"),
        ("refGB86RBOS60161331926819", "ref***6819"),
        ("ibanGB86RBOS60161331926819x", "iban***6819x"),
        ("ref1gb86 rbos 6016 1331 9268 19é", "ref1***6819é"),
        ("to_DE89370400440532013000EUR", "to_***3000EUR"),
        ("refGB86 - RBOS - 6016 - 1331 - 9268 - 19x", "ref***6819x"),
    ] {
        assert_eq!(left_of(text), left, "{text}");
    }
}

#[test]
fn security_codes_are_found_behind_their_names() {
    for (text, left) in [
        ("cvv=987", "cvv=***"),
        ("CVV: 987", "CVV: ***"),
        ("<cvv>987</cvv>", "<cvv>***</cvv>"),
        ("a=1&cvv=987", "a=1&cvv=***"),
        ("cvv%3D987", "cvv%3D***"),
        ("cvv2: 9876; cvc2=123", "cvv2: ***; cvc2=***"),
        ("CVV2123, cvc123", "CVV***, cvc***"),
        ("cardCvv = '987'", "cardCvv = '***'"),
        (r#"cvd => "1234""#, r#"cvd => "***""#),
        ("cvv=111cvv4111", "cvv=***cvv***"),
        ("csc: 123, csc%3D1234", "csc: ***, csc%3D***"),
        ("ｃｖｖ：９８７", "ｃｖｖ：***"),
        ("c&#118;v=&#57;87", "c&#118;v=***"),
        ("&quot;cvc&quot;:&quot;123&quot;", "&quot;cvc&quot;:&quot;***&quot;"),
        (r#"got {'cvc': '123'} and "cvc" "123""#, r#"got {'cvc': '***'} and "cvc" "***""#),
        ("cvv\n987", "cvv\n***"),
        ("cvv 4111 1111 1111 1111 cvv 987", "cvv ***1111 cvv ***"),
    ] {
        assert_eq!(left_of(text), left, "{text}");
    }
    for text in [
        "cvv=MATCH",
        "cvv 12",
        "cvv 12345",
        "cvv matched, 2026 of them",
        "disc 123",
        "discsc: 123",
        "CSC-1234, csc 123",
        "csv: 123",
        "cid=1234",
        "PHPTRcvv987x",
        "6cvc123",
        "cvv2",
        "cvv=***",
        "cvv 1 2 3",
        "***1111 cvv ***1111",
    ] {
        assert_eq!(left_of(text), text);
    }
}

#[test]
fn a_number_divided_among_the_texts_of_a_list_is_masked() {
    let body = json!({"a": ["4111", "1111", "1111", "1111"], "b": [4111, 1111, 1111, 1111],
        "d": ["x", "4111", "1111", "1111", "1111", "cvv=123"], "e": ["4111", "1111", "1111", "1112"], "f": ["16137779100", "4311234"],
        "id": ["4111", "1111", "1111", "1111"], "g": [["3782", "822463", "10005"], "4111111111111111"],
        "h": ["2025-01-31", "2025-02-28", "2025-03-31"]});
    let expected = json!({"a": ["***1111"], "b": [4111, 1111, 1111, 1111],
        "d": ["x", "***1111", "cvv=***"], "e": ["4111", "1111", "1111", "1112"], "f": ["16137779100", "4311234"],
        "id": ["***1111"], "g": [["***0005"], "***1111"], "h": ["2025-01-31", "2025-02-28", "2025-03-31"]});
    let left = masked_body(&body, false);
    assert_eq!(left, expected);
    assert_eq!(masked_body(&left, false), left);
    assert_eq!(written("[ \"a\\\"4111\" , \"1111\", \"1111\", \"1111\\n\" ]", false), "[\"a\\\"***1111\\n\"]");
}

#[test]
fn json_within_a_text_is_masked_as_json() {
    for (text, left) in [
        (r#"{"cvv":"123","cardNumber":4111111111111111}"#, r#"{"cvv":"***","cardNumber":"***1111"}"#),
        (r#" { "cvv" : 123, "a" : [1, 2] } "#, r#"{ "cvv" : "***", "a" : [1, 2] }"#),
        (r#""{\"cvv\":\"123\",\"a\":\"{\\\"pin\\\":1}\"}""#, r#""{\"cvv\":\"***\",\"a\":\"{\\\"pin\\\":\\\"***\\\"}\"}""#),
        (r#"{"\u0063vv":"1","4111.1111.1111.1111":4.111111111111111e15}"#, r#"{"\u0063vv":"***","***1111":"***1111"}"#),
        (r#"got {"cvv":"123","sortCode": 123456, "n":1} back"#, r#"got {"cvv":"***","sortCode": "***3456", "n":1} back"#),
        (r#"{\"cvv\":\"1\\\"2\",\"pin\": 12,\"a\":\"b\"}"#, r#"{\"cvv\":\"***\",\"pin\": \"***\",\"a\":\"b\"}"#),
        (r#"{"password":"a\\","a":"x","track2":"cut o"#, r#"{"password":"***","a":"x","track2":"***"#),
        (r#"x {"pin":{"a":[1,{}]},"iban":["1"],"cvc":null,"pan":true}"#, r#"x {"pin":"***","iban":"***","cvc":null,"pan":true}"#),
        (r#"[{"cvv":01}]"#, r#"[{"cvv":"***"}]"#),
        (r#"say "cvv" and "pin""#, r#"say "cvv" and "pin""#),
    ] {
        assert_eq!(left_of(text), left, "{text}");
    }
}

#[test]
fn texts_that_hold_no_number_stay() {
    for text in [
        "2026-11-28T14:25:39Z",
        "2026-11-28 14:25:39.123456",
        "25/11/2026 14:25:39.123, 30.11.2026 14:25:39",
        "20261128142539",
        "1732431600000",
        "webhook_1732431600000_0",
        "4e32ba5d-1c87-47fb-871a-b972cf8fd19e",
        "9DBDA361ECCD4F02AAF7410876F51AE0",
        "16137779100 or +44 20 7946 0958",
        "1003296300, 4311234567",
        "41111111111111110000000000",
        "4111 1111 1111 1112",
        "4111-/+/-1111-/+/-1111-/+/-1111",
        // Grouped as no card is.
        "45,000.00 - $55,000.06",
        "41111 - 11111 - 111 - 111",
        "[4111   11   1111, 111111]",
        "12, 15, 18, 1111",
        "2025-01-31 12:00:00",
        "GB86RBOS601613319268190",
        "refGB86RBOS60161331926818",
        "refXX86RBOS60161331926819",
        "4111<br>1111<br>1111<br>1112",
        "203.0.113.11, 203.0.113.12",
        "***1111",
    ] {
        assert_eq!(left_of(text), text);
    }
}
