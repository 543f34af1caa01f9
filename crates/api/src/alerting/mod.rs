//! Alerts reach people: what stands is noted for each channel that wants it, and what is due is told.
//!
//! | module | part |
//! | --- | --- |
//! | `business` | a company's own alerts, by its rules |
//! | `away` | what is told while the database is away |
//! | `deliver` | one message to one channel |
//! | `standing` | what stands of a company, for who looks at its figures |
//!
//! One replica does it at a time, by a lease in the cache's Redis. Should two do it, or all because that Redis is away, a notice is
//! a row of its own by a unique key and is claimed before it is told: once holds by the database.

mod away;
mod business;
mod deliver;
pub(crate) mod standing;

use std::{
    collections::HashMap,
    future::Future,
    time::{Duration, Instant},
};

use clock::now_ms;
use http_service::Stop;
use notify::plan::{self, Step};
use sea_orm::DatabaseConnection;
use store::{
    alerting::{
        channels,
        notices::{self, Standing, Told},
    },
    companies,
    entity::alert_channel::Model as Channel,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Api,
    monitoring::{self, Severity},
};
use away::Away;

/// The platform's alerts.
const PLATFORM: [&str; monitoring::NAMES.len()] = monitoring::NAMES;
/// Those of a company's business.
const BUSINESS: [&str; 6] = ["failure-rate", "chargebacks", "silence", "late-webhooks", "redeliveries", "endpoint-failing"];

/// The alerts that a channel of the platform may be told, or one of a company.
pub fn known(is_platforms: bool) -> &'static [&'static str] {
    if is_platforms { &PLATFORM } else { &BUSINESS }
}

/// How often it looks, unless alerts are told sooner.
const TICK: Duration = Duration::from_secs(5);
/// How long the right to do it lasts without a heartbeat.
const LEASE: Duration = Duration::from_secs(15);
/// Longest wait for Redis and for one question to the database.
const LIMIT: Duration = Duration::from_secs(5);
/// How often a company's business is measured.
const MEASURE: Duration = Duration::from_secs(30);
/// Channels that are told at all.
const CHANNELS: u64 = 5_000;
/// Messages that are under way at once.
const UNDER_WAY: usize = 64;
/// How long a claim lasts: longer than any message takes with its note.
const CLAIM_MS: i64 = 120_000;

/// Whose alerts those of a channel are, for people.
pub async fn whose(db: &DatabaseConnection, company: Uuid) -> String {
    if company.is_nil() {
        return "platform".to_owned();
    }
    let known = within(companies::list(db)).await.unwrap_or_default();
    known.into_iter().find(|row| row.id == company).map_or_else(|| company.to_string(), |row| row.name)
}

/// The answer of the database, if it comes in time.
async fn within<T>(work: impl Future<Output = Result<T, store::Error>>) -> Option<T> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "alerts are told later");
            None
        }
        Err(_) => None,
    }
}

/// What one replica knows between two looks.
#[derive(Default)]
struct Memory {
    /// What stands of each company, and when it was measured.
    business: HashMap<Uuid, (Instant, Option<Vec<Standing>>)>,
    /// Messages under way.
    under_way: JoinSet<Vec<(Uuid, String)>>,
    /// To which channels they go.
    busy: HashMap<tokio::task::Id, Uuid>,
    away: Away,
}

/// How often it looks.
fn tick(api: &Api) -> Duration {
    TICK.min(api.alert_settle / 2).max(Duration::from_millis(200))
}

/// Tells alerts until `stop`, whenever this replica has the right to.
pub(crate) async fn run(api: Api, mut stop: Stop) {
    if api.vault.is_none() || api.notify.is_none() {
        tracing::warn!("alerts reach people by a replica that has MASTER_KEY and a mail server that can be used, if one is set");
        return;
    }
    let lease = api.onsets.lease(LEASE);
    let tick = tick(&api);
    let mut memory = Memory::default();
    while !*stop.borrow() {
        // Either the time is over or it is told to stop, which the loop sees.
        let _ = tokio::time::timeout(tick, stop.changed()).await;
        // With Redis away nobody has the right: then the database alone keeps it to once.
        let is_anothers = matches!(tokio::time::timeout(LIMIT, lease.hold()).await, Ok(Ok(None)));
        while let Some(done) = memory.under_way.try_join_next_with_id() {
            let (id, heard) = done.unwrap_or_else(|error| (error.id(), Vec::new()));
            memory.busy.remove(&id);
            memory.away.heard_of(heard);
        }
        if is_anothers || *stop.borrow() {
            memory.business.clear();
            continue;
        }
        Box::pin(look(&api, &mut memory)).await;
    }
    lease.release().await;
    // What is under way is let go on for a moment; what is not noted then is told again.
    let _ = tokio::time::timeout(LIMIT, async { while memory.under_way.join_next().await.is_some() {} }).await;
}

/// What is wrong with the platform, and whether all of it could be measured.
async fn platform(api: &Api) -> (Vec<Standing>, bool) {
    let raised = monitoring::standing(api, 2 * tick(api)).await;
    let is_whole = !raised.iter().any(|alert| matches!(alert.name, "database-away" | "redis-away"));
    let standing = raised.into_iter().map(|alert| Standing {
        alert: alert.name.to_owned(),
        severity: if alert.severity == Severity::Critical { "critical" } else { "warning" }.to_owned(),
        since_ms: alert.since_ms().unwrap_or_else(now_ms),
        message: alert.message,
        action: alert.action.to_owned(),
    });
    (standing.collect(), is_whole)
}

/// Notes what stands and tells what is due.
async fn look(api: &Api, memory: &mut Memory) {
    let (platform, is_whole) = platform(api).await;
    let Some(channels) = within(channels::enabled(&api.db, CHANNELS)).await else {
        memory.away.tell(api, &platform).await;
        return;
    };
    memory.away.know(&channels);
    memory.away.hand_over(api, &channels).await;
    for channel in &channels {
        let noted = if channel.company_id.is_nil() {
            note(api, channel, Some(&platform), is_whole).await
        } else {
            let standing = business(api, memory, channel.company_id).await;
            note(api, channel, standing.as_deref(), standing.is_some()).await
        };
        if noted.is_none() {
            return;
        }
    }
    memory.business.retain(|company, _| channels.iter().any(|channel| channel.company_id == *company));
    let settle_ms = api.alert_settle.as_millis() as i64;
    if within(notices::end(&api.db, now_ms() - settle_ms)).await.is_none() {
        return;
    }
    let Some(open) = within(notices::open(&api.db)).await else { return };
    memory.away.hear(&open);
    for (channel, steps) in plan::due(&open, &channels, settle_ms, now_ms()) {
        let is_busy = channel.as_ref().is_some_and(|channel| memory.busy.values().any(|busy| *busy == channel.id));
        if is_busy || memory.under_way.len() >= UNDER_WAY {
            continue;
        }
        let mut claimed = Vec::new();
        for (step, notice) in steps {
            let until = now_ms() + CLAIM_MS;
            if within(notices::claim(&api.db, notice, until)).await != Some(true) {
                continue;
            }
            if step == Step::Drop {
                within(notices::note(&api.db, notice, &Told::End)).await;
            } else {
                claimed.push((step, notice.clone()));
            }
        }
        if let (Some(channel), false) = (channel, claimed.is_empty()) {
            let id = channel.id;
            let task = memory.under_way.spawn(Box::pin(deliver::deliver(api.clone(), channel, claimed)));
            memory.busy.insert(task.id(), id);
        }
    }
}

/// Notes what of `standing` a channel wants, and that what it was told of stands still; what is not known has not ended.
async fn note(api: &Api, channel: &Channel, standing: Option<&[Standing]>, is_whole: bool) -> Option<()> {
    let wants = |alert: &Standing| plan::wants(channel, &alert.alert, &alert.severity);
    within(notices::stand(&api.db, channel, standing.unwrap_or_default(), wants)).await?;
    if !is_whole {
        within(notices::hold(&api.db, channel)).await?;
    }
    Some(())
}

/// What stands of a company, measured lately; none where it could not be.
async fn business(api: &Api, memory: &mut Memory, company: Uuid) -> Option<Vec<Standing>> {
    if let Some((at, standing)) = memory.business.get(&company)
        && at.elapsed() < MEASURE.min(api.alert_settle)
    {
        return standing.clone();
    }
    let standing = within(business::standing(&api.db, company, now_ms())).await;
    memory.business.insert(company, (Instant::now(), standing.clone()));
    standing
}
