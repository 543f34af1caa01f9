//! What a report says, taken over: an event like those of webhooks, whose body names the report as its source. It is stored
//! beside them and folded by the same rules, its status as of the moment of the comparison: nothing that a webhook said is
//! overwritten, and a webhook that tells of a later status counts.

mod said;

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use cache::Tags;
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Mode, topic::tags_of_events};
use reconcile::{Finding, Transaction};
use said::{body, id_of, said};
use sea_orm::DatabaseConnection;
use serde_json::Value;
use store::{
    batch::{NewEvent, Writer},
    entity::{reconciliation, reconciliation_item},
    reconciliations::{self, By, Decision, OPEN},
};
use uuid::Uuid;

use crate::{Error, compare::transaction};

/// Items that are taken over together: the run is counted again after each.
const PAGE: u64 = 500;
/// Longest wait for the cache to learn of it: afterwards its answers end with their time to live.
const INVALIDATE: Duration = Duration::from_secs(5);

/// In the place of a company's path in identities: no slug is written so, and no webhook is taken for what a report said.
const SOURCE: &str = "(report)";

/// Which items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every one that is open.
    All,
    /// The one of that number.
    Item(i64),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::Item).map_err(|_| "must be the number of an item, or all".to_owned())
    }
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// How many items were taken over.
    pub taken: u64,
    /// How many were not, by the reason.
    pub left: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} taken over", self.taken)?;
        self.left.iter().try_for_each(|(reason, count)| write!(f, "; {count} not: {reason}"))
    }
}

/// Refuses items that are not there, are not open, or of which the report says nothing.
pub async fn check(db: &DatabaseConnection, run: &reconciliation::Model, which: &[Which]) -> Result<(), Error> {
    for which in which {
        let Which::Item(number) = *which else { continue };
        let item = reconciliations::item(db, run, number).await?.ok_or(Error::NoSuchItem(number))?;
        if item.state != OPEN {
            return Err(Error::NotOpen(number));
        }
        match Finding::ALL.into_iter().find(|finding| finding.as_str() == item.finding) {
            Some(Finding::MissingThere) => return Err(Error::NothingToTakeOver(number, "missing there")),
            Some(Finding::Malformed) => return Err(Error::NothingToTakeOver(number, "malformed")),
            _ => {}
        }
    }
    Ok(())
}

/// Takes over open items of `run`, as far as they say enough; nothing where one of `which` fails its [`check`].
pub async fn run(
    db: &DatabaseConnection,
    tags: &Tags,
    run: &reconciliation::Model,
    which: &[Which],
    by: By<'_>,
) -> Result<Done, Error> {
    check(db, run, which).await?;
    let writer = Writer::new(db.clone(), 0);
    let is_meant = |number| which.contains(&Which::All) || which.contains(&Which::Item(number));
    // One item among a million is not looked for among them all.
    let (first, last) = bounds(which);
    let mut done = Done::default();
    for finding in [Finding::MissingHere, Finding::Differing] {
        let mut after = first.saturating_sub(1);
        while after < last {
            let page = reconciliations::items(db, run, finding.as_str(), after, PAGE).await?;
            let Some(latest) = page.last() else { break };
            after = latest.number;
            let meant: Vec<&reconciliation_item::Model> = page.iter().filter(|item| is_meant(item.number)).collect();
            let details: Vec<Value> = meant.iter().map(|item| serde_json::from_str(&item.detail).unwrap_or_default()).collect();
            let known = known(db, run, &details).await?;
            let (mut numbers, mut events) = (Vec::new(), Vec::new());
            for (item, detail) in meant.iter().zip(&details) {
                match said(detail, &known, clock::now_ms()) {
                    Ok(said) => {
                        let body = body(run, item.number, &said);
                        events.push(event(run, body, writer.has_legacy().await)?);
                        numbers.push(item.number);
                    }
                    Err(reason) => *done.left.entry(reason).or_default() += 1,
                }
            }
            if numbers.is_empty() {
                continue;
            }
            writer.write(&events).await?;
            reconciliations::decide(db, run, &numbers, Decision::TakenOver, by).await?;
            done.taken += numbers.len() as u64;
            let old = tags_of_events(events.iter().map(|new| (new.company_id, &new.event)));
            if !matches!(tokio::time::timeout(INVALIDATE, tags.touch(old)).await, Ok(Ok(()))) {
                tracing::warn!("Redis is away: dashboards show what was taken over when their cached answers end");
            }
        }
    }
    Ok(done)
}

/// The first and the last number that may be meant.
fn bounds(which: &[Which]) -> (i64, i64) {
    let numbers = which.iter().map(|which| match which {
        Which::All => (0, i64::MAX),
        Which::Item(number) => (*number, *number),
    });
    numbers.reduce(|(first, last), (own, same)| (first.min(own), last.max(same))).unwrap_or((0, 0))
}

/// The transactions that the items may be about, by id.
async fn known(db: &DatabaseConnection, run: &reconciliation::Model, details: &[Value]) -> Result<Vec<Transaction>, Error> {
    let ids = details.iter().filter_map(id_of).map(|id| (None, id));
    let mode = Mode::parse(&run.mode).unwrap_or(Mode::Live);
    let found = reconciliations::by_keys(db, CompanyId(run.company_id), mode, ids).await?;
    Ok(found.into_iter().map(transaction).collect())
}

/// The event that `body` tells, as of now.
fn event(run: &reconciliation::Model, body: String, has_legacy: bool) -> Result<NewEvent, Error> {
    let (endpoint, now) = (Endpoint::Netbanx, clock::now());
    let envelope = Envelope::parse(body.as_bytes(), None)?;
    Ok(NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: CompanyId(run.company_id),
        endpoint,
        identity: EventIdentity::of(endpoint, Some(SOURCE), &envelope),
        legacy: has_legacy.then(|| EventIdentity::legacy(endpoint, Some(SOURCE), &envelope)),
        event_key: None,
        received_ms: now.timestamp_millis(),
        event: Event::interpret(&envelope, now)?,
        payload: body,
        trace: None,
    })
}
