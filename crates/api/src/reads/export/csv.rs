//! Rows as CSV (RFC 4180) that spreadsheets open as what they are.

use serde_json::Value;

/// The line of names, behind a byte order mark where a spreadsheet is to know the encoding by it.
pub(super) fn head(columns: &[&str], with_mark: bool) -> String {
    format!("{}{}\r\n", if with_mark { "\u{feff}" } else { "" }, columns.join(","))
}

/// Adds the line of `row`.
pub(super) fn line(columns: &[&str], row: &Value, text: &mut String) {
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&field(row.get(*column).unwrap_or(&Value::Null)));
    }
    text.push_str("\r\n");
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(&defused(text)),
        Value::Object(_) | Value::Array(_) => quoted(&defused(&value.to_string())),
        other => other.to_string(),
    }
}

/// A text that a spreadsheet does not take for a formula, also where it parts fields by another separator than ours. Whole
/// numbers are what they are.
fn defused(text: &str) -> String {
    let begins =
        |part: &str| part.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let is_number = text.parse::<i128>().is_ok();
    let of_others = text.split([';', '\t', '|', '\n', '\r']).skip(1).any(|part| begins(part.trim_start_matches([' ', '"'])));
    if is_number || !(begins(text) || of_others) {
        text.to_owned()
    } else {
        format!("'{}", text.replace([';', '\t', '|', '\n', '\r'], " "))
    }
}

fn quoted(text: &str) -> String {
    let needs = text.contains([',', '"', '\r', '\n', ';', '\t', '|']) || text.starts_with(' ') || text.ends_with(' ');
    if needs { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_defused() {
        let cases = [
            (json!("order-1"), "order-1"),
            (json!("a,b"), "\"a,b\""),
            (json!("say \"x\""), "\"say \"\"x\"\"\""),
            (json!("=HYPERLINK(1)"), "'=HYPERLINK(1)"),
            (json!("@x"), "'@x"),
            (json!("-100"), "-100"),
            (json!("-9907919180215090100000"), "-9907919180215090100000"),
            (json!("-1+1"), "'-1+1"),
            (json!("a;=1+1"), "'a =1+1"),
            (json!("\u{ff1d}1"), "'\u{ff1d}1"),
            (json!(null), ""),
            (json!(-5), "-5"),
            (json!({"a": 1}), "\"{\"\"a\"\":1}\""),
        ];
        for (value, expected) in cases {
            assert_eq!(field(&value), expected);
        }
    }
}
