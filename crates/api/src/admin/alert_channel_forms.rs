//! Alert channels as they are shown, and as they are entered: each part checked.

use http_service::{Problem, ProblemKind};
use notify::{Choices, quiet};
use serde::{Deserialize, Serialize};
use store::{alerting::channels::Changes, entity::alert_channel, shown::time};
use utoipa::ToSchema;
use uuid::Uuid;

use super::endpoints::is_enabled;
use crate::{alerting::known, http::body::clearable};

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
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// For email: up to 20 addresses.
    #[schema(nullable = false)]
    pub to: Option<Vec<String>>,
    /// An https URL with a public address.
    #[schema(nullable = false)]
    pub url: Option<String>,
    /// For pagerduty: the integration's key.
    #[schema(nullable = false)]
    pub routing_key: Option<String>,
    /// Names of alerts, or `*`: all.
    #[schema(nullable = false)]
    pub alerts: Option<Vec<String>>,
    /// warning or critical.
    #[schema(nullable = false)]
    pub min_severity: Option<String>,
    /// Null: none any more.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<QuietHours>)]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things")]
    pub quiet_hours: Option<Option<QuietHours>>,
    /// 0 to 720; 0: never.
    #[schema(nullable = false)]
    pub reminder_hours: Option<i64>,
    /// enabled or disabled. What stands while it is disabled is told when it is enabled.
    #[schema(nullable = false)]
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
    let is_enabled = is_enabled(asked.state.as_deref())?;
    let choices = Choices {
        name: asked.name,
        alerts: asked.alerts,
        min_severity: asked.min_severity,
        quiet_hours: asked
            .quiet_hours
            .map(|hours| hours.map_or_else(no_quiet_hours, |hours| (hours.from, hours.until, hours.zone))),
        reminder_hours: asked.reminder_hours,
    };
    let changes = choices.checked(known(is_platforms)).map_err(|error| refused(&error))?;
    Ok(Changes { is_enabled, ..changes })
}

/// As they are entered where there are none.
fn no_quiet_hours() -> (String, String, String) {
    ("00:00".to_owned(), "00:00".to_owned(), "UTC".to_owned())
}

/// Why a part of a channel cannot be as it was entered.
pub(super) fn refused(error: &notify::Error) -> Problem {
    match error {
        notify::Error::Refused(name, detail) => Problem::parameter(*name, detail.clone()),
        other => Problem::new(ProblemKind::Internal, other.to_string()),
    }
}
