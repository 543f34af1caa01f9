//! Bodies of webhooks: what is read of them is the same however often they are read.

use chrono::DateTime;
use common::{
    Endpoint, Event, EventIdentity, Job,
    intake::{self, Part},
    json::{Document, Json, JsonType},
};
use serde_json::value::RawValue;

/// The reader of JSON against serde's: the same strings and names, and every value where it says.
pub fn json(bytes: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes) else { return };
    let Ok(document) = Document::of(raw) else { return };
    let Some(root) = document.root() else { return };
    // A field may be named like serde_json's mark of a number, which is no tree of its values.
    if !raw.get().contains("$serde_json") {
        let value: serde_json::Value = serde_json::from_str(raw.get()).unwrap();
        agree(root, &value);
    }
}

fn agree(read: Json<'_, '_>, value: &serde_json::Value) {
    match value {
        serde_json::Value::Null => assert_eq!(read.json_type(), JsonType::Null),
        serde_json::Value::String(text) => assert_eq!(read.string().as_deref(), Some(text.as_str())),
        serde_json::Value::Array(items) => {
            let own: Vec<_> = read.values().collect();
            assert_eq!(own.len(), items.len());
            own.into_iter().zip(items).for_each(|(own, item)| agree(own, item));
        }
        serde_json::Value::Object(fields) => {
            assert!(read.is_object());
            for own in read.values() {
                assert!(fields.contains_key(&*own.name()), "{}", own.name());
            }
            // Of names that come twice serde keeps the last.
            for (name, item) in fields {
                let mut own = read.values().filter(|own| own.name() == *name);
                let (first, rest) = (own.next().unwrap(), own.next());
                if rest.is_none() {
                    agree(first, item);
                    assert_eq!(read.get(name).map(Json::range), Some(first.range()));
                }
            }
        }
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            assert!(!read.written().is_empty() && !read.is_object());
        }
    }
}

/// A body as it is received: divided, interpreted, masked; the masked form means the same.
pub fn envelope(bytes: &[u8]) {
    for part in intake::read(bytes).parts {
        interpret(&part);
    }
}

fn interpret(part: &Part<'_>) {
    let masked = part.masked();
    if let Some(masked) = &masked {
        assert!(serde_json::from_slice::<&RawValue>(masked).is_ok(), "masked JSON is JSON");
    }
    let Ok(envelope) = part.envelope(None) else { return };
    let identity = |envelope: &_| EventIdentity::of(Endpoint::Netbanx, Some("acme"), envelope);
    let again = part.envelope(None).expect("what was read is read again");
    assert_eq!(identity(&envelope), identity(&again));
    assert!(masked.is_some(), "what can be read can be masked");
    let received = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let event = Event::interpret(&envelope, received);
    let mut kept = Vec::new();
    common::masking::write_masked(&mut kept, &envelope);
    let kept_part = intake::read(&kept).parts.pop().unwrap();
    if let (Ok(event), Ok(reread)) = (event, kept_part.envelope(Some(&envelope.name))) {
        let reread = Event::interpret(&reread, received);
        assert_eq!(reread.map(|event| (event.name, event.mode)).ok(), Some((event.name, event.mode)), "masked it means the same");
    }
}

/// A job as it lies in Redis.
pub fn job(bytes: &[u8]) {
    let claims = common::job::claims(bytes);
    let Ok(job) = Job::decode(bytes) else {
        assert_eq!(claims, [None, None]);
        return;
    };
    assert!(claims[0].is_some());
    let _ = (job.received_at().is_ok(), job.path_company(), job.sealed(), job.envelope().is_ok(), job.event().is_ok());
}
