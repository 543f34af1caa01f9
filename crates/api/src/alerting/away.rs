//! While the database is away nobody can read whom to tell, and that is what they most need to hear: the platform's channels that
//! were known a moment ago are told what is critical, once by each replica that has the right, and the rows are written when the
//! database is back.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use clock::now_ms;
use notify::{
    Digest, Entry, Outcome,
    plan::{self, Step},
};
use store::{
    alerting::{
        CRITICAL,
        notices::{self, Standing},
    },
    entity::{alert_channel::Model as Channel, alert_notice::Model as Notice},
};
use uuid::Uuid;

use super::{deliver, within};
use crate::Api;

/// What of an alert was told to a channel.
struct Tried {
    id: Uuid,
    alert: Standing,
    told_ms: Option<i64>,
    attempts: i64,
    next_ms: i64,
}

/// What is known while the database is away.
#[derive(Default)]
pub(super) struct Away {
    /// The platform's channels, as they were known last.
    channels: Vec<Channel>,
    /// What stands and was told to which of them.
    heard: HashSet<(Uuid, String)>,
    since: Option<Instant>,
    tried: HashMap<(Uuid, String), Tried>,
}

impl Away {
    /// The database answers: these are the channels.
    pub fn know(&mut self, channels: &[Channel]) {
        self.channels = channels.iter().filter(|channel| channel.company_id.is_nil()).cloned().collect();
        self.since = None;
    }

    /// These notices are open: who heard of what stands need not hear it again.
    pub fn hear(&mut self, open: &[Notice]) {
        let told = open.iter().filter(|notice| notice.company_id.is_nil() && notice.told_at.is_some());
        self.heard = told.map(|notice| (notice.channel_id, notice.alert.clone())).collect();
    }

    /// These were told a moment ago: the rows may not say so before the database goes away.
    pub fn heard_of(&mut self, told: Vec<(Uuid, String)>) {
        self.heard.extend(told);
    }

    /// Tells the platform's channels what is critical of `standing`, once it has stood for long enough.
    pub async fn tell(&mut self, api: &Api, standing: &[Standing]) {
        if self.since.get_or_insert_with(Instant::now).elapsed() < api.alert_settle {
            return;
        }
        let now = now_ms();
        let mut due: Vec<(Channel, Vec<(Uuid, Standing)>)> = Vec::new();
        for channel in &self.channels {
            let wanted = standing.iter().filter(|alert| alert.severity == CRITICAL);
            let wanted = wanted.filter(|alert| plan::wants(channel, &alert.alert, &alert.severity));
            let is_new = |alert: &&Standing| !self.heard.contains(&(channel.id, alert.alert.clone()));
            let mut entries = Vec::new();
            for alert in wanted.filter(is_new) {
                let new = || Tried { id: Uuid::now_v7(), alert: alert.clone(), told_ms: None, attempts: 0, next_ms: now };
                let tried = self.tried.entry((channel.id, alert.alert.clone())).or_insert_with(new);
                if tried.told_ms.is_none() && tried.next_ms <= now && tried.attempts < plan::MAX_ATTEMPTS {
                    entries.push((tried.id, alert.clone()));
                }
            }
            if !entries.is_empty() {
                due.push((channel.clone(), entries));
            }
        }
        let sent = due.into_iter().map(|(channel, entries)| async move {
            let outcome = send(api, &channel, &entries).await;
            (channel, entries, outcome)
        });
        for (channel, entries, outcome) in futures::future::join_all(sent).await {
            for (place, (_, alert)) in entries.into_iter().enumerate() {
                let Some(tried) = self.tried.get_mut(&(channel.id, alert.alert)) else { continue };
                if place < outcome.told {
                    tried.told_ms = Some(now_ms());
                } else {
                    tried.next_ms = now_ms() + plan::distance_ms(tried.attempts);
                    tried.attempts += 1;
                }
            }
        }
    }

    /// Writes down what was told, so that its end is told and its beginning not again.
    pub async fn hand_over(&mut self, api: &Api, channels: &[Channel]) {
        let mut left = HashMap::new();
        for ((id, name), tried) in std::mem::take(&mut self.tried) {
            let (Some(channel), Some(told_ms)) = (channels.iter().find(|channel| channel.id == id), tried.told_ms) else {
                continue;
            };
            if within(notices::take_over(&api.db, channel, &tried.alert, tried.id, told_ms)).await.is_none() {
                left.insert((id, name), tried);
            }
        }
        self.tried = left;
    }
}

async fn send(api: &Api, channel: &Channel, entries: &[(Uuid, Standing)]) -> Outcome {
    let entry = |(id, alert): &(Uuid, Standing)| Entry {
        step: Step::Begin,
        id: id.to_string(),
        alert: alert.alert.clone(),
        severity: alert.severity.clone(),
        message: alert.message.clone(),
        action: alert.action.clone(),
        since: store::shown::time(alert.since_ms).unwrap_or_default(),
    };
    let digest = Digest { whose: "platform".to_owned(), is_test: false, entries: entries.iter().map(entry).collect() };
    deliver::send(api, channel, &digest).await
}
