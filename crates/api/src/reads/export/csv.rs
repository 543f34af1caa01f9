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

/// A text that a spreadsheet does not take for a formula, also where it parts fields by another separator than ours: an apostrophe
/// stands before each sign by which a formula begins. Whole numbers are what they are.
fn defused(text: &str) -> String {
    if is_whole_number(text) {
        return text.to_owned();
    }
    let mut defused = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for (at, letter) in text.chars().enumerate() {
        if begins && is_sign(letter, at == 0) {
            defused.push('\'');
        }
        // Behind a separator a cell may begin, with blanks and a quotation mark before its text.
        begins = SEPARATORS.contains(&letter) || (begins && matches!(letter, ' ' | '"'));
        defused.push(letter);
    }
    defused
}

/// What other readers part fields or lines by.
const SEPARATORS: [char; 5] = [';', '\t', '|', '\n', '\r'];

/// Whether a formula begins with it; at the beginning of a text what separates does as well, for it may be left out.
fn is_sign(letter: char, is_first: bool) -> bool {
    matches!(letter, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
        || (is_first && matches!(letter, '\t' | '\r' | '\n'))
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
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
            (json!("a;=1+1"), "\"a;'=1+1\""),
            (json!("a|=1"), "\"a|'=1\""),
            (json!("a; \"=1\n-2"), "\"a; \"\"'=1\n'-2\""),
            (json!("\t=1"), "\"'\t'=1\""),
            (json!("a;b|c"), "\"a;b|c\""),
            (json!("+49170"), "'+49170"),
            (json!("-"), "'-"),
            (json!(" =1"), "\" '=1\""),
            (json!("00042"), "00042"),
            (json!("{\"a\":\"b|=c\"}"), "\"{\"\"a\"\":\"\"b|'=c\"\"}\""),
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
