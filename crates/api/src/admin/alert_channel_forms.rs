//! Alert channels as they are shown, and as they are entered: each part checked.

use http_service::Problem;
use notify::quiet;
use serde::{Deserialize, Serialize};
use store::{
    alerting::{ALL_ALERTS, CRITICAL, WARNING, channels::Changes},
    entity::alert_channel,
    shown::time,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::endpoints::is_enabled;
use crate::alerting::{BUSINESS, PLATFORM};

/// Characters of a name at most.
const NAME: usize = 100;
/// Hours between reminders at most.
const REMINDER_HOURS: i64 = 720;

/// Hours of the day in which only what is critical is told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietHours {
    /// `22:00`.
    pub from: String,
    /// `07:00`; the same as `from`: there are none.
    pub until: String,
    /// IANA's name: `Europe/Vienna`.
    pub zone: String,
}

/// Where alerts are told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertChannel {
    pub id: Uuid,
    /// Null: it is told the platform's own alerts.
    pub company_id: Option<Uuid>,
    /// email, slack, pagerduty or webhook.
    pub kind: String,
    pub name: String,
    /// Addresses, or the host it leads to. Keys and URLs are not shown.
    pub target: String,
    /// Names of alerts, or `*`: all, those to come included.
    pub alerts: Vec<String>,
    /// warning or critical: the least that is told.
    pub min_severity: String,
    /// Null: there are none.
    pub quiet_hours: Option<QuietHours>,
    /// After so many hours an alert that still stands is told again; 0: never.
    pub reminder_hours: i64,
    /// enabled or disabled.
    pub state: String,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

impl From<alert_channel::Model> for AlertChannel {
    fn from(row: alert_channel::Model) -> Self {
        let quiet_hours = (row.quiet_from != row.quiet_until).then(|| QuietHours {
            from: quiet::text(row.quiet_from),
            until: quiet::text(row.quiet_until),
            zone: row.quiet_zone,
        });
        Self {
            id: row.id,
            company_id: (!row.company_id.is_nil()).then_some(row.company_id),
            kind: row.kind,
            name: row.name,
            target: row.target,
            alerts: row.alerts.split(' ').map(str::to_owned).collect(),
            min_severity: row.min_severity,
            quiet_hours,
            reminder_hours: row.reminder_hours,
            state: row.state,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// Channels that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertChannels {
    pub channels: Vec<AlertChannel>,
}

/// A channel to add.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAlertChannel {
    /// The company's slug; absent for one's own, and for the platform's alerts.
    pub company: Option<String>,
    /// email, slack, pagerduty or webhook.
    pub kind: String,
    /// For people, up to 100 characters.
    pub name: String,
    /// For email: up to 20 addresses.
    pub to: Option<Vec<String>>,
    /// For slack and webhook: an https URL with a public address. For pagerduty: another region's, if need be.
    pub url: Option<String>,
    /// For pagerduty: the integration's key.
    pub routing_key: Option<String>,
    /// Names of alerts; absent, or `*`: all.
    pub alerts: Option<Vec<String>>,
    /// warning or critical; absent: warning.
    pub min_severity: Option<String>,
    pub quiet_hours: Option<QuietHours>,
    /// 0 to 720; absent or 0: never.
    pub reminder_hours: Option<i64>,
}

/// What is to be changed of a channel; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AlertChannelChange {
    /// For people, up to 100 characters.
    pub name: Option<String>,
    /// For email: up to 20 addresses.
    pub to: Option<Vec<String>>,
    /// An https URL with a public address.
    pub url: Option<String>,
    /// For pagerduty: the integration's key.
    pub routing_key: Option<String>,
    /// Names of alerts, or `*`: all.
    pub alerts: Option<Vec<String>>,
    /// warning or critical.
    pub min_severity: Option<String>,
    pub quiet_hours: Option<QuietHours>,
    /// 0 to 720; 0: never.
    pub reminder_hours: Option<i64>,
    /// enabled or disabled. What stands while it is disabled is told when it is enabled.
    pub state: Option<String>,
}

/// A channel with its new key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeAlertChannel {
    #[serde(flatten)]
    pub channel: AlertChannel,
    /// For webhook: the key that signs (Standard Webhooks), shown this once.
    pub secret: Option<String>,
}

/// The changes that a request asks for, each checked; all but what the channel needs.
pub(super) fn checked(asked: AlertChannelChange, is_platforms: bool) -> Result<Changes, Problem> {
    let mut changes = Changes::default();
    if let Some(name) = asked.name {
        if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
            return Err(Problem::parameter("name", format!("name may have 1 to {NAME} characters, no control characters")));
        }
        changes.name = Some(name);
    }
    if let Some(alerts) = asked.alerts {
        let known: &[&str] = if is_platforms { &PLATFORM } else { &BUSINESS };
        if alerts.is_empty() || alerts.iter().any(|name| name != ALL_ALERTS && !known.contains(&name.as_str())) {
            return Err(Problem::parameter("alerts", format!("alerts may be *, or some of {}", known.join(", "))));
        }
        let unique: std::collections::BTreeSet<String> = alerts.into_iter().collect();
        changes.alerts = Some(unique.into_iter().collect::<Vec<_>>().join(" "));
    }
    changes.min_severity = match asked.min_severity {
        Some(severity) if ![WARNING, CRITICAL].contains(&severity.as_str()) => {
            return Err(Problem::parameter("minSeverity", "minSeverity must be warning or critical"));
        }
        severity => severity,
    };
    if let Some(QuietHours { from, until, zone }) = asked.quiet_hours {
        let bounds = quiet::minute(&from).zip(quiet::minute(&until));
        let Some(((from, until), true)) = bounds.map(|bounds| (bounds, zone.parse::<chrono_tz::Tz>().is_ok())) else {
            let detail = "quietHours are from and until, such as 22:00, in a zone such as Europe/Vienna";
            return Err(Problem::parameter("quietHours", detail));
        };
        changes.quiet = Some((from, until, zone));
    }
    changes.reminder_hours = match asked.reminder_hours {
        Some(hours) if !(0..=REMINDER_HOURS).contains(&hours) => {
            return Err(Problem::parameter("reminderHours", format!("reminderHours must be from 0 to {REMINDER_HOURS}")));
        }
        hours => hours,
    };
    changes.is_enabled = is_enabled(asked.state.as_deref())?;
    Ok(changes)
}
