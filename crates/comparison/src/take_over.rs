//! What a report says, taken over: an event like those of webhooks, whose body names the report as its source. It is stored
//! beside them and folded by the same rules, its status as of the moment of the comparison: nothing that a webhook said is
//! overwritten, and a webhook that tells of a later status counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use cache::Tags;
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Mode, topic::tags_of_events};
use reconcile::{
    Finding, Row, Transaction,
    item::{row_of, time},
};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use store::{
    batch::{NewEvent, Writer},
    entity::{reconciliation, reconciliation_item},
    reconciliations::{self, By, Decision},
};
use uuid::Uuid;

use crate::{Error, compare::transaction};

/// Items that are taken over together.
const PAGE: u64 = 100;
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

/// Takes over open items of `run`, as far as they say enough. Doing it again does no harm.
pub async fn run(
    db: &DatabaseConnection,
    tags: &Tags,
    run: &reconciliation::Model,
    which: &[Which],
    by: By<'_>,
) -> Result<Done, Error> {
    let writer = Writer::new(db.clone(), 0);
    let is_meant = |number| which.contains(&Which::All) || which.contains(&Which::Item(number));
    let mut done = Done::default();
    for finding in [Finding::MissingHere, Finding::Differing] {
        let mut after = 0;
        loop {
            let page = reconciliations::items(db, run, finding.as_str(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            let meant: Vec<&reconciliation_item::Model> = page.iter().filter(|item| is_meant(item.number)).collect();
            let details: Vec<Value> = meant.iter().map(|item| serde_json::from_str(&item.detail).unwrap_or_default()).collect();
            let known = known(db, run, &details).await?;
            let (mut numbers, mut events) = (Vec::new(), Vec::new());
            for (item, detail) in meant.iter().zip(&details) {
                match body(run, item.number, detail, &known) {
                    Ok(body) => {
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

/// The transactions that the items may be about, by id.
async fn known(db: &DatabaseConnection, run: &reconciliation::Model, details: &[Value]) -> Result<Vec<Transaction>, Error> {
    let ids: BTreeSet<&str> = details.iter().filter_map(id_of).collect();
    let mode = Mode::parse(&run.mode).unwrap_or(Mode::Live);
    let found = reconciliations::by_ids(db, CompanyId(run.company_id), mode, &ids).await?;
    Ok(found.into_iter().map(transaction).collect())
}

/// The id that we have of it, or would have.
fn id_of(detail: &Value) -> Option<&str> {
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    text("idHere").or_else(|| text("id"))
}

/// What a webhook would say that says what the report does; or why there is none.
fn body(run: &reconciliation::Model, number: i64, detail: &Value, known: &[Transaction]) -> Result<String, &'static str> {
    let row = row_of(detail);
    let id = id_of(detail).ok_or("the report does not tell its id")?;
    let own = detail.get("transactionId").and_then(Value::as_str);
    let Row { kind, status, amount, currency, merchant_ref_num, time_ms, .. } = row;
    let (kind, status) = if let Some(own) = own {
        let own = own.parse::<Uuid>().ok().and_then(|own| known.iter().find(|ours| ours.row_id == own));
        let ours = own.ok_or("our transaction is not there any more")?;
        if kind.is_some_and(|kind| kind != ours.kind) {
            return Err("a transaction's kind is a part of its key, which does not change");
        }
        (ours.kind, status.unwrap_or(ours.status))
    } else {
        let kind = kind.ok_or("the report does not tell its kind")?;
        if known.iter().any(|ours| ours.id == id && ours.kind == kind) {
            return Err("there is such a transaction by now: compare again");
        }
        (kind, status.ok_or("the report does not tell its status")?)
    };
    // Of a transaction that we have, webhooks told when it was made.
    let made = time_ms.filter(|_| own.is_none()).and_then(time);
    let mut payload = json!({"id": id, "status": status, "statusTime": time(run.started_at)});
    if let Some(fields) = payload.as_object_mut() {
        let told = [
            ("amount", amount.map(Value::from)),
            ("currencyCode", currency.map(Value::from)),
            ("merchantRefNum", merchant_ref_num.filter(|_| own.is_none()).map(Value::from)),
            ("txnTime", made.map(Value::from)),
        ];
        fields.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    let name = format!("{}_{}", kind.as_str(), status.as_str());
    let body = json!({
        "eventType": name, "mode": run.mode, "source": "report", "reconciliation": run.id, "item": number, "payload": payload,
    });
    Ok(body.to_string())
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
