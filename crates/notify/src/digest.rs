//! What one message tells: alerts that began, still stand or are over, as text for people and as JSON for programs.

use std::fmt::Write;

use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use store::{entity::alert_notice::Model as Notice, shown};

use crate::plan::Step;

/// Version of the JSON.
const VERSION: u8 = 1;

/// An alert in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What of it is told.
    pub step: Step,
    /// The notice's id: the same at its beginning and its end.
    pub id: String,
    /// The alert's name.
    pub alert: String,
    /// warning or critical.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub action: String,
    /// Since when.
    pub since: String,
}

impl Entry {
    /// What is told of `notice`.
    pub fn of(step: Step, notice: &Notice) -> Self {
        Self {
            step,
            id: notice.id.to_string(),
            alert: notice.alert.clone(),
            severity: notice.severity.clone(),
            message: notice.message.clone(),
            action: notice.action.clone(),
            since: shown::time(notice.began_at).unwrap_or_default(),
        }
    }
}

/// What one message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Whose alerts: a company's name, or the platform.
    pub whose: String,
    /// Whether it is a test alone.
    pub is_test: bool,
    /// The alerts.
    pub entries: Vec<Entry>,
}

impl Digest {
    /// A test of a channel.
    pub fn test(whose: String, id: String, now_ms: i64) -> Self {
        let entry = Entry {
            step: Step::Begin,
            id,
            alert: "test".to_owned(),
            severity: "warning".to_owned(),
            message: "this is a test: alerts arrive here".to_owned(),
            action: "Nothing.".to_owned(),
            since: shown::time(now_ms).unwrap_or_default(),
        };
        Self { whose, is_test: true, entries: vec![entry] }
    }

    /// An id that is the same when the same is told again, so that a receiver may recognise it.
    pub fn id(&self) -> String {
        let mut context = Context::new(&SHA256);
        for entry in &self.entries {
            context.update(entry.id.as_bytes());
            context.update(entry.step.as_str().as_bytes());
            // A reminder differs from the one before it by nothing else.
            if entry.step == Step::Reminder {
                context.update(&clock::now_ms().to_le_bytes());
            }
        }
        let digest = hex::encode(context.finish());
        format!("alert_{}", digest.get(..32).unwrap_or(&digest))
    }

    fn of(&self, step: Step) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.step == step)
    }

    /// One line.
    pub fn subject(&self) -> String {
        let whose = &self.whose;
        if self.is_test {
            return format!("[{whose}] Test of an alert channel");
        }
        let count = |step| self.of(step).count();
        let parts = [(Step::Begin, "began"), (Step::Reminder, "still stand"), (Step::End, "over")];
        let told = parts.iter().map(|(step, word)| (count(*step), *word)).filter(|(count, _)| *count > 0);
        let told: Vec<String> = match self.entries.as_slice() {
            [only] => vec![format!("{} {}", only.alert, if only.step == Step::End { "is over" } else { word(only.step) })],
            _ => told.map(|(count, word)| format!("{count} {word}")).collect(),
        };
        format!("[{whose}] Alerts: {}", told.join(", "))
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.subject());
        // Writing to a text does not fail.
        for (step, title) in [(Step::Begin, "Began"), (Step::Reminder, "Still stands"), (Step::End, "Over")] {
            let mut entries = self.of(step).peekable();
            if entries.peek().is_none() {
                continue;
            }
            let _ = write!(text, "\n{title}:\n");
            for Entry { alert, severity, message, action, since, .. } in entries {
                let _ = writeln!(text, "- [{severity}] {alert}: {message} (since {since})");
                if step != Step::End && !action.is_empty() {
                    let _ = writeln!(text, "  {action}");
                }
            }
        }
        text
    }

    /// For programs: the body of a signed webhook.
    pub fn json(&self, now_ms: i64) -> Value {
        let list = |step| {
            let entry = |entry: &Entry| {
                json!({"id": entry.id, "alert": entry.alert, "severity": entry.severity, "message": entry.message,
                    "action": entry.action, "since": entry.since})
            };
            self.of(step).map(entry).collect::<Vec<_>>()
        };
        let data =
            json!({"whose": self.whose, "began": list(Step::Begin), "stands": list(Step::Reminder), "ended": list(Step::End)});
        let kind = if self.is_test { "alert.test" } else { "alert.changed" };
        json!({"type": kind, "version": VERSION, "timestamp": shown::time(now_ms), "data": data})
    }

    /// For Slack and what is compatible with it: its marks mean nothing here.
    pub fn slack(&self) -> Value {
        let plain = self.text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        json!({"text": plain})
    }

    /// An event for PagerDuty; an alert's beginning and end have the same key there.
    pub fn pagerduty(&self, entry: &Entry, routing_key: &str) -> Value {
        let action = if entry.step == Step::End { "resolve" } else { "trigger" };
        let mut event = json!({"routing_key": routing_key, "event_action": action, "dedup_key": entry.id});
        if let (Some(event), true) = (event.as_object_mut(), entry.step != Step::End) {
            let summary: String = format!("{}: {}", entry.alert, entry.message).chars().take(1024).collect();
            let details = json!({"action": entry.action, "since": entry.since});
            let payload =
                json!({"summary": summary, "source": self.whose, "severity": entry.severity, "custom_details": details});
            event.insert("payload".to_owned(), payload);
        }
        event
    }
}

const fn word(step: Step) -> &'static str {
    match step {
        Step::Begin => "began",
        Step::Reminder => "still stands",
        Step::End | Step::Drop => "is over",
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn entry(step: Step, id: &str) -> Entry {
        let text = |text: &str| text.to_owned();
        Entry {
            step,
            id: text(id),
            alert: text("queue-backlog"),
            severity: text("warning"),
            message: text("7 jobs <wait>"),
            action: text("Add workers."),
            since: text("2026-01-01T00:00:00Z"),
        }
    }

    fn digest(entries: Vec<Entry>) -> Digest {
        Digest { whose: "platform".to_owned(), is_test: false, entries }
    }

    #[test]
    fn a_message_says_what_began_stands_and_is_over() {
        let one = digest(vec![entry(Step::Begin, "a")]);
        assert_eq!(one.subject(), "[platform] Alerts: queue-backlog began");
        assert!(one.text().contains("- [warning] queue-backlog: 7 jobs <wait> (since 2026-01-01T00:00:00Z)\n  Add workers."));
        let all = digest(vec![entry(Step::Begin, "a"), entry(Step::Begin, "b"), entry(Step::End, "c")]);
        assert_eq!(all.subject(), "[platform] Alerts: 2 began, 1 over");
        assert_eq!(all.slack()["text"].as_str().map(|text| text.contains("7 jobs &lt;wait&gt;")), Some(true));
        assert_eq!(all.json(0)["data"]["began"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn the_same_again_has_the_same_id_and_its_end_another() {
        let id = |step| digest(vec![entry(step, "a")]).id();
        assert_eq!(id(Step::Begin), id(Step::Begin));
        assert_ne!(id(Step::Begin), id(Step::End));
    }

    #[test]
    fn pagerduty_resolves_by_the_key_that_triggered() {
        let (begin, end) = (entry(Step::Begin, "a"), entry(Step::End, "a"));
        let all = digest(vec![begin.clone(), end.clone()]);
        let (begin, end) = (all.pagerduty(&begin, "key"), all.pagerduty(&end, "key"));
        assert_eq!((&begin["event_action"], &begin["payload"]["severity"]), (&json!("trigger"), &json!("warning")));
        assert_eq!(
            (&end["event_action"], &end["dedup_key"], &end["payload"]),
            (&json!("resolve"), &begin["dedup_key"], &Value::Null)
        );
    }
}
