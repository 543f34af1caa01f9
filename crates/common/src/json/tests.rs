use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap()
}

/// What serde_json makes of the same.
fn whole(json: Json<'_, '_>) -> Value {
    match json.json_type() {
        JsonType::Object => json.values().map(|field| (field.name().into_owned(), whole(field))).collect(),
        JsonType::Array => json.values().map(whole).collect(),
        JsonType::Text => Value::String(json.string().unwrap().into_owned()),
        _ => serde_json::from_str(json.written()).unwrap(),
    }
}

#[test]
fn fields_are_found_by_what_their_names_say_and_the_last_counts() {
    let document = Document::of(raw(r#" { "a" : {"x":1}, "\u0062\"": [true ,null], "a": -1.50e3 , "c":"\\" } "#)).unwrap();
    let root = document.root().unwrap();
    assert_eq!(root.get("a").unwrap().written(), "-1.50e3");
    assert_eq!(document.at(document.place("a").unwrap()).unwrap().written(), "-1.50e3");
    assert_eq!(root.get("b\"").unwrap().values().count(), 2);
    assert_eq!(root.get("c").unwrap().string().unwrap(), "\\");
    assert!(root.get("x").is_none() && root.get("c").unwrap().get("x").is_none());
}

#[test]
fn a_text_without_spaces_between_its_tokens_is_compact() {
    for (text, is_compact) in [(r#"{"a":[1,"b c"]}"#, true), (r#"{"a": 1}"#, false), ("[1 ]", false), ("[1\n,2]", false)] {
        assert_eq!(Document::of(raw(text)).unwrap().is_compact(), is_compact, "{text}");
    }
}

#[test]
fn what_serde_json_would_not_read_is_refused() {
    for (text, flaw) in [(r#"{"a":"\ud800"}"#, Flaw::NoCharacter(5)), (r#"{"\udc00":1}"#, Flaw::NoCharacter(1))] {
        assert_eq!(Document::of(raw(text)).unwrap_err(), flaw, "{text}");
    }
    for depth in 126..130 {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(Document::of(raw(&text)).is_ok(), serde_json::from_str::<Value>(&text).is_ok(), "{depth}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\:,{}\\[\\] \n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"\\\\:é]{0,3}", inner), 0..5).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn it_reads_as_serde_json_does(value in any_json(), is_pretty in any::<bool>()) {
        let text = if is_pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(whole(Document::of(raw(&text)).unwrap().root().unwrap()), value);
    }
}
