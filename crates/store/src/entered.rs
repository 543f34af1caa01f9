//! What people enter, checked alike at both doors: the API and the command. What cannot be is [`Error::Invalid`] with the name of the
//! parameter.

use crate::Error;

/// Characters of a text at most, unless its own limit is less: columns have as many.
pub const LONGEST: usize = 255;

/// `text` as one line without blanks around it, of `least` to `most` characters and none of them a control character.
pub(crate) fn line(name: &'static str, text: &str, least: usize, most: usize) -> Result<String, Error> {
    let text = text.trim_matches(' ');
    if (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) && (least == 0 || !is_blank(text)) {
        return Ok(text.to_owned());
    }
    Err(invalid(name, format!("{name} must have {least} to {most} characters, no control characters")))
}

/// An e-mail address, in small letters.
pub(crate) fn email(text: &str) -> Result<String, Error> {
    let email = text.trim().to_lowercase();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    let well_formed = email.split_once('@').is_some_and(|(name, host)| {
        let labels = host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        !name.is_empty() && name.chars().all(is_plain) && host.contains('.') && labels && host.chars().all(is_plain)
    });
    if well_formed && email.len() <= LONGEST {
        return Ok(email);
    }
    Err(invalid("email", "email must be an address such as you@acme.example".to_owned()))
}

/// Whether there is nothing to see of it.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

pub(crate) fn invalid(name: &'static str, reason: String) -> Error {
    Error::Invalid { name, reason }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_that_can_be_seen() {
        assert_eq!(line("name", " Acme ", 1, 4).unwrap(), "Acme");
        assert_eq!(line("name", "", 0, 4).unwrap(), "");
        for text in ["", " ", "\u{3000}", "Acme!", "a\tb", "a\n", "\u{1b}[2J"] {
            let error = line("name", text, 1, 4).unwrap_err();
            assert!(
                matches!(&error, Error::Invalid { name: "name", .. }) && error.to_string().contains("1 to 4"),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn an_address_has_no_blanks_and_no_brackets() {
        assert_eq!(email(" You.And+Me@Acme.Example ").unwrap(), "you.and+me@acme.example");
        for text in [
            "",
            "you",
            "you@acme",
            "@acme.example",
            "you@acme..example",
            "you@acme.example.",
            "you@.example",
            "y ou@acme.example",
            "you@ac me.example",
            "<you@acme.example>",
            "You <you@acme.example>",
            "you@acme.example, me@acme.example",
            "you@@acme.example",
            "you@acme.example\nBcc: me@acme.example",
            "you\u{a0}@acme.example",
        ] {
            assert!(matches!(email(text), Err(Error::Invalid { name: "email", .. })), "{text}");
        }
        assert!(email(&format!("{}@acme.example", "x".repeat(250))).is_err());
    }
}
