//! The id of an event: which transactions its reader has been told of, so that another stream can go on from there.
//!
//! A time would not do: what was received long ago may be stored late, behind what has been told. So the id lists the latest
//! transactions as they were told, six bytes for each. It means the same to every replica, and none has to remember it.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use serde_json::Value;

/// Begins every id; another version's ids are taken for none.
const VERSION: &str = "1.";
/// Of 50 against 50 such names two are alike by chance once in 10^11 streams.
const BYTES: usize = 6;
/// Characters of the longest id that is read.
const LONGEST: usize = 4_096;

/// A transaction as it was told: its id and last change in short.
pub(super) type Name = [u8; BYTES];

/// What `row` is told apart by from other transactions, and from itself before a change.
pub(super) fn name(row: &Value) -> Name {
    let mut hash = digest::Context::new(&digest::SHA256);
    for field in ["id", "updatedAt"] {
        hash.update(row.get(field).and_then(Value::as_str).unwrap_or_default().as_bytes());
        hash.update(b" ");
    }
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// The id of an event after which those are known.
pub(super) fn id(known: &HashSet<Name>) -> String {
    let mut names: Vec<Name> = known.iter().copied().collect();
    names.sort_unstable();
    VERSION.to_owned() + &URL_SAFE_NO_PAD.encode(names.concat())
}

/// What is known to who heard the event of that id; none where it is no id of ours.
pub(super) fn known(id: &str) -> Option<HashSet<Name>> {
    let names = id.strip_prefix(VERSION).filter(|_| id.len() <= LONGEST)?;
    let bytes = URL_SAFE_NO_PAD.decode(names).ok()?;
    let (names, rest) = bytes.as_chunks();
    rest.is_empty().then(|| names.iter().copied().collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_says_what_is_known() {
        let rows = [("a", "1"), ("a", "2"), ("b", "1")].map(|(id, at)| name(&json!({"id": id, "updatedAt": at})));
        let set: HashSet<Name> = rows.into_iter().collect();
        assert_eq!(set.len(), 3, "another change is another name");
        assert_eq!(known(&id(&set)).unwrap(), set);
        assert_eq!(known(&id(&HashSet::new())).unwrap(), HashSet::new());
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in ["", "1", "2.AAAAAAAA", "1.AAAA", "1.!", "7"] {
            assert_eq!(known(text), None, "{text}");
        }
        assert_eq!(known(&format!("1.{}", "A".repeat(LONGEST))), None);
    }
}
