//! What somebody chooses of a channel beside where it leads: each part checked, by whichever way it was entered.

use std::collections::BTreeSet;

use store::{
    alerting::{ALL_ALERTS, CRITICAL, WARNING, channels::Changes},
    companies,
};

use crate::{Error, quiet};

/// Characters of a name at most.
const NAME: usize = 100;
/// Hours between reminders at most.
const REMINDER_HOURS: i64 = 720;

/// What is chosen; what is absent stays as it was, or as it is by default.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// For people.
    pub name: Option<String>,
    /// Names of alerts, or `*`.
    pub alerts: Option<Vec<String>>,
    /// warning or critical.
    pub min_severity: Option<String>,
    /// From, until (both `22:00`) and IANA's name of the zone.
    pub quiet_hours: Option<(String, String, String)>,
    /// 0: never.
    pub reminder_hours: Option<i64>,
}

impl Choices {
    /// The same as changes of a channel that may be told alerts of `known` names; the name of what cannot be.
    pub fn checked(self, known: &[&str]) -> Result<Changes, Error> {
        let refused = |name, detail: String| Err(Error::Refused(name, detail));
        let mut changes = Changes::default();
        if let Some(name) = self.name {
            if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
                return refused("name", format!("name may have 1 to {NAME} characters, no control characters"));
            }
            changes.name = Some(name);
        }
        if let Some(alerts) = self.alerts {
            if alerts.is_empty() || alerts.iter().any(|name| name != ALL_ALERTS && !known.contains(&name.as_str())) {
                return refused("alerts", format!("alerts may be *, or some of {}", known.join(", ")));
            }
            let unique: BTreeSet<String> = alerts.into_iter().collect();
            changes.alerts = Some(unique.into_iter().collect::<Vec<_>>().join(" "));
        }
        changes.min_severity = match self.min_severity {
            Some(severity) if ![WARNING, CRITICAL].contains(&severity.as_str()) => {
                return refused("minSeverity", "minSeverity must be warning or critical".to_owned());
            }
            severity => severity,
        };
        if let Some((from, until, zone)) = self.quiet_hours {
            let bounds = quiet::minute(&from).zip(quiet::minute(&until));
            let Some(((from, until), zone)) = bounds.zip(companies::zone(&zone)) else {
                let detail = "quietHours are from and until, such as 22:00, in a zone such as Europe/Vienna";
                return refused("quietHours", detail.to_owned());
            };
            changes.quiet = Some((from, until, zone.name().to_owned()));
        }
        changes.reminder_hours = match self.reminder_hours {
            Some(hours) if !(0..=REMINDER_HOURS).contains(&hours) => {
                return refused("reminderHours", format!("reminderHours must be from 0 to {REMINDER_HOURS}"));
            }
            hours => hours,
        };
        Ok(changes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(choices: Choices) -> &'static str {
        match choices.checked(&["silence"]) {
            Err(Error::Refused(name, _)) => name,
            _ => "nothing",
        }
    }

    #[test]
    fn what_cannot_be_chosen_is_named() {
        let choices = Choices::default;
        assert_eq!(refused(Choices { name: Some(" ".to_owned()), ..choices() }), "name");
        assert_eq!(refused(Choices { alerts: Some(vec!["sirens".to_owned()]), ..choices() }), "alerts");
        assert_eq!(refused(Choices { min_severity: Some("info".to_owned()), ..choices() }), "minSeverity");
        let hours = |until: &str, zone: &str| Some(("22:00".to_owned(), until.to_owned(), zone.to_owned()));
        assert_eq!(refused(Choices { quiet_hours: hours("7:00", "UTC"), ..choices() }), "quietHours");
        assert_eq!(refused(Choices { quiet_hours: hours("07:00", "Europe/Nowhere"), ..choices() }), "quietHours");
        assert_eq!(refused(Choices { reminder_hours: Some(721), ..choices() }), "reminderHours");
    }

    #[test]
    fn what_is_chosen_becomes_a_change_and_the_rest_stays() {
        let quiet_hours = Some(("22:00".to_owned(), "07:00".to_owned(), "utc".to_owned()));
        let alerts = Some(vec!["silence".to_owned(), "silence".to_owned()]);
        let changes = Choices { alerts, quiet_hours, ..Choices::default() }.checked(&["silence"]).unwrap();
        assert_eq!(changes.alerts.as_deref(), Some("silence"));
        assert_eq!(changes.quiet, Some((1320, 420, "UTC".to_owned())));
        assert!(changes.name.is_none() && changes.reminder_hours.is_none());
    }
}
