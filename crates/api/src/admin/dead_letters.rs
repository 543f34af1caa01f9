//! Dead letters as operators see them: what job each one was, and which ones are meant. Used by the
//! HTTP endpoints and by `netbanx queue`.

use common::{Job, job::UNREADABLE, normalize};
use queue::{DeadLetter, DeadQuery, Lane, Queue};
use serde_json::{Value, json};
use uuid::Uuid;

use store::shown::time;

/// Which dead letters are meant; each field that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this company.
    pub company: Option<Uuid>,
    /// Of this event name, canonical.
    pub event_name: Option<String>,
    /// Of this kind: see [`KINDS`].
    pub kind: Option<String>,
    /// Whose last error contains this text, whatever the case of its letters.
    pub error: Option<String>,
    /// Of this lane, and from a span of time.
    pub query: DeadQuery,
}

impl Filter {
    /// Sets the event name in any spelling that Netbanx uses.
    pub fn event_name(&mut self, name: &str) {
        self.event_name = Some(normalize::canonical_name(name).into());
    }

    /// Whether `letter` is meant, apart from what the queue itself selects by `query`.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let error = self.error.as_ref().is_none_or(|part| letter.error.to_lowercase().contains(&part.to_lowercase()));
        let kind = self.kind.as_deref().is_none_or(|wanted| wanted == kind_of(letter));
        let error = error && kind;
        if !error || (self.company.is_none() && self.event_name.is_none()) {
            return error;
        }
        Job::decode(&letter.payload).is_ok_and(|job| {
            self.company.is_none_or(|company| job.company_id.0 == company)
                && self.event_name.as_ref().is_none_or(|name| job.event_name == *name)
        })
    }
}

/// Ids that somebody names, by whether they are dead letters.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Those that are.
    pub there: Vec<String>,
    /// Those that are none, or none of those that may be named.
    pub missing: Vec<String>,
}

/// Which of `ids` are dead letters that match.
pub async fn sought(queue: &Queue, ids: &[String], matches: impl Fn(&DeadLetter) -> bool) -> Result<Sought, queue::Error> {
    let mut sought = Sought::default();
    for id in ids {
        let is_there = queue.dead_letter(id).await?.is_some_and(|letter| matches(&letter));
        if is_there { &mut sought.there } else { &mut sought.missing }.push(id.clone());
    }
    Ok(sought)
}

/// Kinds of dead letters: what failed on every attempt, and what could not be interpreted when it was received.
pub const KINDS: [&str; 2] = ["failed", UNREADABLE];

fn kind_of(letter: &DeadLetter) -> &str {
    letter.kind.as_deref().unwrap_or("failed")
}

/// A dead letter for a list; `with_body` adds the webhook's masked body.
pub fn view(letter: &DeadLetter, with_body: bool) -> Value {
    let mut view = json!({
        "id": letter.id, "kind": kind_of(letter), "lane": letter.lane, "error": letter.error, "attempts": letter.attempts,
        "history": letter.history, "diedAt": time(letter.died_ms), "enqueuedAt": time(letter.enqueued_ms),
    });
    // What is no job at all shows what the queue knows of it.
    if let (Ok(job), Some(fields)) = (Job::decode(&letter.payload), view.as_object_mut()) {
        fields.insert("eventName".to_owned(), job.event_name.as_str().into());
        fields.insert("endpoint".to_owned(), json!(job.endpoint));
        fields.insert("companyId".to_owned(), json!(Some(job.company_id.0).filter(|id| !id.is_nil())));
        fields.insert("webhookId".to_owned(), json!(job.webhook_id));
        // What is encrypted is not shown, in no form.
        let sealed = job.sealed().is_some();
        fields.insert("sealed".to_owned(), sealed.into());
        if with_body && !sealed {
            fields.insert("payload".to_owned(), serde_json::from_str(job.body.get()).unwrap_or(Value::Null));
        }
    }
    view
}

/// The lane of that name.
pub fn lane(name: &str) -> Option<Lane> {
    match name {
        "payments" => Some(Lane::High),
        "others" => Some(Lane::Normal),
        _ => None,
    }
}
