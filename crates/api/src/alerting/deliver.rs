//! One message to one channel, and the note of what came of it.

use std::time::Duration;

use clock::now_ms;
use notify::{
    Configuration, Digest, Entry, Outcome,
    plan::{self, Step},
};
use store::{
    alerting::{
        channels,
        notices::{self, Told},
    },
    entity::{alert_channel::Model as Channel, alert_notice::Model as Notice},
};
use uuid::Uuid;

use super::{whose, within};
use crate::Api;

/// How often a note is tried: what is not noted is told again.
const TRIES: usize = 5;
/// How long between two tries.
const BETWEEN: Duration = Duration::from_secs(1);

/// What a channel needs, opened; none where it cannot be, which the log says.
fn opened(api: &Api, channel: &Channel) -> Option<Configuration> {
    let text = channels::open(api.vault.as_deref()?, channel);
    let opened = text.ok().and_then(|text| serde_json::from_str(&text).ok());
    if opened.is_none() {
        tracing::error!(channel = %channel.id, "an alert channel cannot be opened: is its master key among those of MASTER_KEY?");
    }
    opened
}

/// Sends `digest` to `channel`.
pub(super) async fn send(api: &Api, channel: &Channel, digest: &Digest) -> Outcome {
    match (opened(api, channel), &api.notify) {
        (Some(configuration), Some(sender)) => sender.send(&configuration, digest).await,
        _ => Outcome { is_delivered: false, status: None, detail: "its configuration cannot be opened".to_owned(), told: 0 },
    }
}

/// Tells `channel` of what is claimed for it. Returns of which alerts it heard.
pub(super) async fn deliver(api: Api, channel: Channel, claimed: Vec<(Step, Notice)>) -> Vec<(Uuid, String)> {
    let entries = claimed.iter().map(|(step, notice)| Entry::of(*step, notice)).collect();
    let digest = Digest { whose: whose(&api.db, channel.company_id).await, is_test: false, entries };
    let outcome = send(&api, &channel, &digest).await;
    if !outcome.is_delivered {
        tracing::warn!(channel = %channel.id, kind = channel.kind, reason = outcome.detail, "an alert was not told");
    }
    for (place, (step, notice)) in claimed.iter().enumerate() {
        let told = match step {
            _ if place >= outcome.told => {
                let next_ms = now_ms() + plan::distance_ms(notice.attempts);
                Told::Failed { reason: outcome.detail.clone(), next_ms }
            }
            Step::Begin => Told::Begin,
            Step::Reminder => Told::Reminder,
            Step::End | Step::Drop => Told::End,
        };
        for _ in 0..TRIES {
            if within(notices::note(&api.db, notice, &told)).await.is_some() {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
    let heard = claimed.into_iter().take(outcome.told).filter(|(step, _)| *step != Step::End);
    heard.map(|(_, notice)| (notice.channel_id, notice.alert)).collect()
}
